"""What the report tells of trainings with weights: searches, all classes at once, corrected epochs, climbs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa

from app.figures import accuracy_over_epochs, before_after, climb_curve, frontier
from app.figures.before_after import ACCURACY, MEAN_LOSS, Measure
from app.report.blocks import Block, Charts, Command, Section, Sentences, Table, per_cent, signed
from app.report.findings import Findings
from app.workflow.candidate_parts import read_control
from app.workflow.command_text import command_text
from app.workflow.epochs_view import epochs_sentences
from app.workflow.improve_view import Predictor, measured_points, predicted_groups
from app.workflow.options import ALL_CLASSES, finds_again, options_of
from cache.manifests import class_scale, measurement_of
from cache.parts import CANDIDATE_PARTS, part_names, read_candidates
from cache.run_folder import RunFolder
from engine.errors import RefusedInput
from engine.reweight.gain_model import SolverFailed
from engine.reweight.programme import Infeasible

_MOST = 10
"""Searches that are told of, the newest first."""
_NO_SWEEP = pd.DataFrame(columns=["level", "target_gain", "worst_other"])


def reweighting_sections(findings: Findings) -> Iterator[Section]:
    """Yields a section for each kind of training with weights of which something is stored.

    Raises:
        RefusedInput: if a part of a run is missing or damaged.
    """
    if findings.searches:
        yield _searches(findings)
    if findings.all_classes is not None:
        yield _all_classes(findings, findings.all_classes.manifest())
    if findings.epochs is not None or findings.corrections:
        yield _epochs(findings)
    if findings.climbs:
        yield _climbs(findings)


def _searches(findings: Findings) -> Section:
    sweeps = _Sweeps(findings)
    blocks: list[Block] = []
    for run in findings.searches[:_MOST]:
        result = run.manifest()
        targets = ", ".join(findings.names[k] for k in result["targets"])
        is_choice = "search" in result
        of = f"candidate {result['chosen']}, chosen by hand," if is_choice else "the fittest"
        blocks.append(Sentences([f"{targets}: {of} of {result.get('trainings', 'its')} trainings"], "heading"))
        blocks.append(Sentences([result["sentence"]]))
        if not is_choice:
            blocks.append(Charts([_frontier(findings, run, result, sweeps)]))
        blocks += [Charts([_compared(result)]), _table(result), *_notices(result)]
        blocks.append(_command(findings, run, result))
    if len(findings.searches) > _MOST:
        blocks.append(Sentences([f"Older ones are left out: {len(findings.searches) - _MOST}."], "note"))
    return Section("What training with found weights did", blocks)


class _Sweeps:
    """The predicted frontiers by targets: several searches may have the same."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._by_targets: dict[tuple[int, ...], pd.DataFrame] = {}

    def of(self, targets: tuple[int, ...]) -> pd.DataFrame:
        if targets not in self._by_targets:
            try:
                self._by_targets[targets] = self._swept(targets)
            except (Infeasible, SolverFailed, RefusedInput):
                # What was trained is told all the same.
                self._by_targets[targets] = _NO_SWEEP
        return self._by_targets[targets]

    def _swept(self, targets: tuple[int, ...]) -> pd.DataFrame:
        findings, known = self._findings, self._findings.probes
        scale = class_scale(findings.manifest) if known is None else np.array(known["scale"], dtype=np.float64)
        vectors = findings.vectors("epoch")
        return Predictor.of(
            findings.study,
            targets,
            vectors,
            predicted_groups(findings.study, vectors, findings.samples()["label"].to_numpy()),
            scale,
            tuple(findings.names),
            1.0 if known is None else known["factor"],
        ).frontier()


def _frontier(findings: Findings, run: RunFolder, result: dict[str, Any], sweeps: _Sweeps) -> go.Figure:
    targets = tuple(result["targets"])
    parts = [read_candidates(run, name) for name in part_names(run, CANDIDATE_PARTS)]
    measured = measured_points(pa.concat_tables(parts).to_pandas(), read_control(run), targets)
    return frontier(sweeps.of(targets), measured, result["chosen"], measurement=measurement_of(findings.manifest))


def _all_classes(findings: Findings, result: dict[str, Any]) -> Section:
    blocks: list[Block] = [
        Sentences([result["sentence"]]),
        Charts([_compared(result, "loss_", MEAN_LOSS)]),
        Charts([_compared(result)]),
        _table(result),
        *_notices(result),
        Command(command_text("reweight", findings.path, {**findings.asked, "setting": ALL_CLASSES})),
    ]
    return Section("All classes at once", blocks)


def _epochs(findings: Findings) -> Section:
    blocks: list[Block] = []
    result = findings.epochs
    if result is not None:
        names, accuracy = result["class_names"], result["accuracy"]["validation"]
        told = epochs_sentences(names, result["detrimental"])
        blocks += [
            Sentences([f"{one[0].upper()}{one[1:]}." for one in told], "list"),
            Charts([accuracy_over_epochs(names, result["epochs"], accuracy, result["detrimental"], clickable=False)]),
            *_notices(result),
            Command(command_text("epochs", findings.path, {})),
        ]
    for run in findings.corrections[:_MOST]:
        corrected = run.manifest()
        blocks += [
            Sentences([f"Epoch {corrected['epoch'] + 1} corrected"], "heading"),
            Sentences([corrected["sentence"]]),
            Charts([_compared(corrected)]),
            _table(corrected),
            *_notices(corrected),
            _command(findings, run, corrected),
        ]
    return Section("Which epochs cost a class something", blocks)


def _climbs(findings: Findings) -> Section:
    blocks: list[Block] = []
    for run in findings.climbs:
        result = run.manifest()
        split = "test" if "test" in result["ceiling"] else "validation"
        rows = [
            (
                name,
                per_cent(result["rounds"][0]["accuracy"][split][k]),
                per_cent(result["ceiling"][split][k]),
                *_change(result, split, k),
            )
            for k, name in enumerate(result["class_names"])
        ]
        asked = {"seed": findings.asked.get("seed"), "how": result["how"], "rounds": result["most_rounds"]}
        blocks += [
            Sentences([f"{result['sentence']} {result['stopped']}"]),
            Charts([climb_curve(result["rounds"], result["class_names"], result["best_round"], result["seeds"])]),
            Table(
                f"Accuracy on {split} samples, mean of {result['seeds']} trainings.",
                ("class", "plain training", "estimated ceiling", "change, points", "95% from", "to"),
                rows,
                frozenset(range(1, 6)),
            ),
            *_notices(result),
            Command(command_text("climb", findings.path, asked)),
        ]
    return Section("How high is the ceiling?", blocks)


def _compared(result: dict[str, Any], prefix: str = "", measure: Measure = ACCURACY) -> go.Figure:
    split = _split(result)
    before, after, control, interval, change = (
        np.array(result[prefix + name][split], dtype=float)
        for name in ("before", "after", "control", "interval", "change")
    )
    targets = () if result.get("setting") == ALL_CLASSES else result["targets"]
    return before_after(result["class_names"], before, after, control, interval, targets, change, measure)


def _table(result: dict[str, Any]) -> Table:
    split = _split(result)
    some = len(result["targets"]) < len(result["class_names"])
    rows = [
        (
            f"★ {name}" if some and k in result["targets"] else name,
            *(per_cent(result[column][split][k]) for column in ("before", "control", "after")),
            *_change(result, split, k),
        )
        for k, name in enumerate(result["class_names"])
    ]
    return Table(
        f"Accuracy on {split} samples{' (★: a target)' if some else ''}. The change is against the same training"
        f" without weights (the control), the mean over {result['seeds']} trainings that chose nothing.",
        ("class", "before", "control", "after", "change, points", "95% from", "to"),
        rows,
        frozenset(range(1, 7)),
    )


def _change(result: dict[str, Any], split: str, k: int) -> tuple[str, ...]:
    values = (result["change"][split][k], *result["interval"][split][k])
    return tuple(signed(None if value is None else 100 * value) for value in values)


def _split(result: dict[str, Any]) -> str:
    return "test" if "test" in result["after"] else "validation"


def _notices(result: dict[str, Any]) -> list[Block]:
    told = [f"Note: {notice}" for notice in result["notices"]]
    return [Sentences(told, "note")] if told else []


def _command(findings: Findings, run: RunFolder, result: dict[str, Any]) -> Block:
    """Returns the command that finds a search again, as long as the study file still says the same."""
    search = result.get("search", run.key)
    options = options_of(findings.store.run(search).manifest() if "search" in result else result)
    asked = {name: value for name, value in findings.asked.items() if name != "epoch"}
    if not finds_again(search, result["influence"], findings.study, options):
        return Sentences(["The study file has other settings now than this search had."], "note")
    chosen = {"candidate": result["chosen"]} if "search" in result else {}
    return Command(command_text("reweight", findings.path, {**asked, **options, **chosen}))
