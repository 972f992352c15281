"""What the report tells of a study beside its reweightings: verdict, classes, samples, trust, and how to repeat it."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures import accuracy_bars, class_matrix, held_out_gains, spectrum_bars, worst_first
from app.report.blocks import Block, Charts, Command, Listing, Section, Sentences, Table, per_cent, signed
from app.report.findings import Findings
from app.report.reality import reality_section
from app.report.searches import reweighting_sections
from app.workflow.ceiling_view import headroom_rows, trust_marks
from app.workflow.command_text import command_text
from app.workflow.run_texts import stored_texts
from app.workflow.sentences import influence_notices, probe_sentence
from app.workflow.text_lines import shortened, written_length
from cache.manifests import measurement_of
from engine.frontier import correlation, pair_regions, rank_samples, subset_regions
from engine.judged_by import WORDS

_EVIDENCE = 3
"""Sentences of evidence under the verdict; all are in the table of classes."""
_HARMFUL = 20
_PAIRS = 10
_PRICES_AS_MATRIX = 12
_PRICES = 20
_PACKAGES = ("numpy", "pandas", "plotly", "pyarrow")


def report_sections(findings: Findings) -> list[Section]:
    """Returns the sections of a study's report in the order of a reader's questions.

    Raises:
        RefusedInput: if a part of a run is missing or damaged.
    """
    vectors = findings.vectors("ceiling")
    return [
        _verdict(findings),
        _by_itself(findings),
        _what_the_data_holds(findings, vectors),
        *reweighting_sections(findings),
        *reality_section(findings),
        _trust(findings),
        _repeat(findings),
    ]


def command_block(findings: Findings, command: str, **options: Any) -> Command:
    """Returns the command that finds a result of this study again."""
    return Command(command_text(command, findings.path, {**findings.asked, **options}))


def _verdict(findings: Findings) -> Section:
    ceiling, influence, names = findings.ceiling, findings.manifest, findings.names
    accuracy, counts = influence["accuracy"], influence["counts"]
    measurement = measurement_of(influence)
    order = worst_first(accuracy["validation"])
    gain = ceiling["gain"]
    scale = WORDS[measurement].scale
    test = accuracy["test"] or [None] * len(names)
    rows = [
        (
            names[k],
            per_cent(accuracy["validation"][k]),
            counts["validation"][k],
            per_cent(test[k]),
            signed(gain["held_out"][k], 2),
            signed(gain["interval"][k][0], 2),
            signed(gain["interval"][k][1], 2),
        )
        for k in order
    ]
    blocks: list[Block] = [
        Sentences([ceiling["sentence"]], "verdict"),
        Sentences(ceiling["evidence"][:_EVIDENCE], "list"),
        Charts(
            [
                accuracy_bars(names, accuracy["validation"], counts=counts["validation"]),
                held_out_gains(names, gain["held_out"], gain["interval"], order=order, measurement=measurement),
            ]
        ),
        Table(
            f"Gains are in per cent of a class's {scale}, on validation samples that the weights were not chosen on,"
            " for a tenth of the way to the weights that help every class most; with 95% intervals.",
            ("class", "accuracy, validation", "samples", "accuracy, test", "held-out gain, %", "from", "to"),
            rows,
            frozenset(range(1, 7)),
        ),
        command_block(findings, "ceiling"),
    ]
    for judged in findings.judged:
        blocks += [
            Sentences([f"{', '.join(judged['classes'])} alone: {judged['sentence']}"]),
            command_block(findings, "ceiling", classes=judged["classes"]),
        ]
    return Section("Has the classifier reached its ceiling?", blocks)


def _by_itself(findings: Findings) -> Section:
    scale = WORDS[measurement_of(findings.manifest)].scale
    rows = [
        (row.name, signed(row.held_out), signed(row.low), signed(row.high), row.costs, row.evidence)
        for row in headroom_rows(findings.ceiling)
    ]
    table = Table(
        "For a tenth of the way to weights that raise this class most while no other is predicted to lose.",
        ("class", f"gain, % of its {scale}", "95% from", "to", "held back by", "what is known"),
        rows,
        frozenset((1, 2, 3)),
    )
    return Section("Each class by itself", [table, *_prices(findings)])


def _prices(findings: Findings) -> list[Block]:
    prices = np.array(findings.ceiling.get("prices") or [], dtype=float)
    names = findings.names
    if not np.nansum(prices):
        return []
    told = "How much more the class could gain for each unit that the other may lose."
    if len(names) <= _PRICES_AS_MATRIX:
        rows = [
            (name, *("" if k == m or np.isnan(prices[k, m]) else f"{prices[k, m]:.2f}" for m in range(len(names))))
            for k, name in enumerate(names)
        ]
        head = ("class ↓ by the loss of →", *names)
        return [Table(f"Price of each class. {told}", head, rows, frozenset(range(1, len(names) + 1)))]
    # Not of a class by its own loss.
    asked = np.argwhere((prices > 0) & np.isfinite(prices) & ~np.eye(len(names), dtype=bool))
    highest = sorted(asked.tolist(), key=lambda pair: -prices[tuple(pair)])[:_PRICES]
    rows = [(names[k], names[m], f"{prices[k, m]:.2f}") for k, m in highest]
    if not rows:
        return []
    return [Table(f"The highest prices. {told}", ("class", "by the loss of", "price"), rows, frozenset((2,)))]


def _what_the_data_holds(findings: Findings, vectors: NDArray[np.float32]) -> Section:
    names, everyone = findings.names, range(len(findings.names))
    counts, total = subset_regions(vectors, everyone), len(vectors)
    words = {"joint_negative": "harm every class", "joint_positive": "help every class", "trade_off": "do neither"}
    regions = [
        f"{counts[region]:,} of {total:,} samples ({counts[region] / total:.1%}) {words[region]}." for region in words
    ]
    matrix = correlation(vectors)
    spectrum = findings.ceiling["spectrum"]
    harmful = rank_samples(vectors, everyone, harmful=True)[:_HARMFUL]
    samples = findings.samples().take(harmful).to_pylist()
    texts = stored_texts(findings.influence)
    rows = [
        (
            sample["index"],
            names[sample["label"]],
            names[sample["predicted"]],
            per_cent(sample["confidence"]),
            f"{vectors[sample['index']].sum():+.3g}",
            sample["source"],
            *(_as_listed(texts[sample["index"]]) if texts else ()),
        )
        for sample in samples
    ]
    return Section(
        "What the data holds",
        [
            Sentences(regions, "list"),
            Charts([class_matrix(names, matrix, "correlation"), spectrum_bars(spectrum["explained_variance_ratio"])]),
            _opposed(names, vectors, matrix),
            Table(
                f"The {len(rows)} samples that harm all classes most, by their summed influence"
                " (negative: the sample's presence makes the classes worse).",
                (
                    *("sample", "label", "model says", "confidence", "summed influence", "from"),
                    *((texts[0]["unit"], "text") if texts else ()),
                ),
                rows,
                frozenset((0, 3, 4, 6) if texts else (0, 3, 4)),
            ),
            command_block(findings, "samples", sign="harmful", limit=_HARMFUL),
        ],
    )


def _as_listed(text: dict[str, Any]) -> tuple[str, str]:
    return written_length(text["length"], text["most"]), shortened(text["text"])


def _opposed(names: Sequence[str], vectors: NDArray[np.float32], matrix: NDArray[np.float64]) -> Table:
    above = [(k, m) for k in range(len(names)) for m in range(k) if np.isfinite(matrix[k, m])]
    worst = sorted(above, key=lambda pair: matrix[pair])[:_PAIRS]
    rows = []
    for k, m in worst:
        counts = pair_regions(vectors, m, k)
        both, harm, traded = (f"{counts[region]:,}" for region in ("joint_positive", "joint_negative", "trade_off"))
        rows.append((f"{names[m]} and {names[k]}", f"{matrix[k, m]:+.2f}", both, harm, traded))
    return Table(
        "The most opposed pairs of classes, and how many samples help both, harm both, or help one at the cost of the"
        " other.",
        ("pair", "correlation", "help both", "harm both", "trade-off"),
        rows,
        frozenset((1, 2, 3, 4)),
    )


def _trust(findings: Findings) -> Section:
    marks = trust_marks(findings.manifest, findings.ceiling)
    blocks: list[Block] = [
        Table(
            "What is known of the evidence.",
            ("what", "grade", "why"),
            [(mark.name, mark.grade, mark.reason) for mark in marks],
        )
    ]
    if findings.probes is not None:
        blocks += [Sentences([probe_sentence(findings.probes)]), command_block(findings, "probe")]
    notices = [*influence_notices(findings.study, findings.manifest), *findings.left_out]
    if notices:
        blocks.append(Sentences([f"Note: {notice}" for notice in notices], "note"))
    return Section("How far to trust this", blocks)


def _repeat(findings: Findings) -> Section:
    runs = [findings.manifest, findings.ceiling, *findings.judged, findings.probes, findings.epochs]
    runs += [findings.removal, findings.comparison]
    told = [run for run in (*runs, *(folder.manifest() for folder in findings.reweightings)) if run is not None]
    rows = [(run["kind"], run["key"], (run.get("created") or "–").replace("T", " "), _environment(run)) for run in told]
    here = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    asked = [f"In place of the study file: {name} {value}." for name, value in findings.asked.items()]
    return Section(
        "How to repeat it",
        [
            Listing("The study file", findings.text),
            *([Sentences(asked)] if asked else []),
            Table("Runs that this report is made of", ("kind", "run", "finished", "computed with"), rows),
            Sentences([f"The report itself was made with Python {platform.python_version()}, {here}."]),
            command_block(findings, "export", out="FOLDER"),
        ],
    )


def _environment(run: dict[str, Any]) -> str:
    told = run.get("environment") or {}
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "–"
