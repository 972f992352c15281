"""What is asked beside the commands: the questions of pages, as a job's worker can be asked them too.

``python -m tests.hostile.questions FOLDER`` is the product's worker, which knows these as well.
"""

import html
import sys
from typing import Any

import numpy as np

from app.jobs.worker import main
from app.report.findings import findings_of
from app.report.page import report_page
from app.workflow.commands import COMMANDS, UseCase
from app.workflow.improve_view import Predictor, predicted_groups
from app.workflow.influence import influence_run
from cache import Cache, ingest_if_free
from cache.store import Store
from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.progress import Progress
from engine.study import Study

SLIDERS, OPEN_RUN, REPORT = "sliders", "open run", "report"


def commands() -> dict[str, UseCase]:
    """Returns the product's commands, and the questions by their names."""
    return {**COMMANDS, SLIDERS: _sliders, OPEN_RUN: _open_run, REPORT: _report}


def _sliders(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Moves the thresholds of the page Improve."""
    folder, _ = influence_run(study, store, progress)
    manifest = folder.manifest()
    with Cache.open(store) as cache:
        vectors, labels = cache.vectors(folder.key, "epoch"), cache.labels(folder.key)
    names = tuple(manifest["class_names"])
    targets = class_indices(study.reweight.targets, names)
    groups = predicted_groups(study, vectors, labels)
    predictor = Predictor.of(study, targets, vectors, groups, np.ones(len(names)), names)
    prediction = predictor.predict(np.asarray(options["thresholds"], dtype=float))
    if prediction.problem:
        # Shown beside the sliders, in the words of the programme's refusal.
        raise _AsShown(prediction.problem)
    return {"gains": prediction.gains.tolist()}


class _AsShown(RefusedInput):
    """A message of a page, whole."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "", "")

    def __str__(self) -> str:
        """Returns the message as the page shows it."""
        return self.problem


def _open_run(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Opens the run that the address of a page names."""
    with Cache.open(store) as cache:
        return {"run": cache.run(options["run"])["key"]}


def _report(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Judges the study; tells what the cache calls it, and whether its report has the name as text or as it is."""
    verdict = COMMANDS["ceiling"](study, store, options, progress)
    ingest_if_free(store)
    with Cache.open(store) as cache:
        called = [run["study"]["name"] for run in cache.runs("ceiling", study.name) if run["key"] == verdict["run"]]
    page = report_page(findings_of(study.folder, study, store, {}))
    return {"called": called, "as text": study.name in html.unescape(page), "as it is": study.name in page}


if __name__ == "__main__":
    sys.exit(main(commands=commands()))
