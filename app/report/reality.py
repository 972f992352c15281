"""What the report tells of real trainings beside what influence says of them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from app.figures import removal_maps, removal_scatter, score_bars, strategy_scores
from app.report.blocks import Block, Charts, Command, Section, Sentences, Table, signed
from app.report.findings import Findings
from app.workflow.command_text import command_text
from app.workflow.trust_view import (
    agreement_of,
    comparison_options,
    gain_sentence,
    own_candidate,
    random_of,
    random_sentence,
    removal_of,
    removal_options,
    removal_table,
    score_sentence,
    score_table,
)
from engine.experiments.removal import SIGNS
from engine.judged_by import WORDS

_WITHOUT = {"beneficial": "helps", "detrimental": "harms"}


def reality_section(findings: Findings) -> Iterator[Section]:
    """Yields the section on removal studies and trainings on halves, where any are stored.

    Args:
        findings: what is stored.
    """
    blocks = [*_removal(findings), *_halves(findings)]
    if blocks:
        yield Section("Does influence predict reality?", blocks)


def _removal(findings: Findings) -> Iterator[Block]:
    study = findings.removal
    if study is None:
        return
    yield Sentences([study["sentence"]])
    removals = {sign: removal_of(study, "validation", sign, "loss") for sign in SIGNS}
    for removal in removals.values():
        # Two maps each: side by side they would be too narrow.
        yield Charts([removal_maps(removal)])
    randoms = {sign: random_of(study, "validation", sign, "loss") for sign in SIGNS}
    yield Charts(
        [
            removal_scatter(removals[sign], agreement_of(study, "validation", sign, "loss"), randoms[sign])
            for sign in SIGNS
        ]
    )
    for sign in SIGNS:
        name = WORDS[removals[sign].measurement].name
        told = removal_table(study, "validation", sign)
        rows = [
            (
                row["class"],
                row["left_out"],
                signed(row["predicted"], 3),
                signed(row["measured"], 3),
                signed(row["accuracy"]),
                "–" if pd.isna(row["right"]) else "yes" if row["right"] else "no",
            )
            for row in told.to_dict("records")
        ]
        yield Table(
            f"Without what {_WITHOUT[sign]} a class most: what became of that class, on validation samples."
            f" {random_sentence(removals[sign], randoms[sign])}",
            ("class", "left out", f"{name}, predicted", f"{name}, measured", "accuracy, points", "as expected"),
            rows,
            frozenset((1, 2, 3, 4)),
        )
    if study["notices"]:
        yield Sentences([f"Note: {notice}" for notice in study["notices"]], "note")
    yield _command(findings, "validate", **removal_options(study, findings.study))


def _halves(findings: Findings) -> Iterator[Block]:
    found = findings.comparison
    if found is None:
        return
    scores = score_table(found, findings.study)
    own, best = own_candidate(found, findings.study), found["calibrated"]["candidate"]
    yield Sentences([score_sentence(found, findings.study), gain_sentence(found)])
    yield Charts(
        [
            strategy_scores(found["candidates"], own, best, found["mean_ceiling"]),
            score_bars(scores["class"], scores["score"], scores["ceiling"]),
        ]
    )
    rows = [
        (row["class"], *("–" if np.isnan(row[column]) else f"{row[column]:.2f}" for column in ("score", "ceiling")))
        for row in scores.to_dict("records")
    ]
    yield Table(
        "Rank correlation of predicted with measured over halves, and what a prediction would reach that knew the mean"
        " of the trainings.",
        ("class", "score", "at most"),
        rows,
        frozenset((1, 2)),
    )
    if len(found["strategies"]) > 1:
        yield _command(findings, "validate", **comparison_options(found))
    else:
        yield _command(findings, "calibrate")


def _command(findings: Findings, command: str, **options: object) -> Command:
    return Command(command_text(command, findings.path, {**findings.asked, **options}))
