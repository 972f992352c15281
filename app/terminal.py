"""What the command line shows: progress on standard error, results in words on standard output."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from app import terminal_store
from app.figures.wording import counted, size_in_words
from app.workflow.epochs_view import epochs_sentences
from app.workflow.options import ALL_CLASSES
from app.workflow.sentences import probe_sentence
from app.workflow.text_lines import shortened, written_length
from cache.manifests import measurement_of
from engine.judged_by import WORDS
from engine.progress import Progress

_EVIDENCE = 3
"""Sentences of evidence that are told; all are in the JSON."""
_LONGEST_VALUE = 60
"""Letters of an inferred value that are told; all are in the study file."""
_SIGNS = ("beneficial", "detrimental")
_CLASS_COLUMNS = 4
"""Classes that have a column of their own beside a sample; more would not fit a terminal."""
_TEXT = 100
"""Letters of a text in a list."""


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Shows one bar a stage on standard error for as long as the context lasts."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
        stages: dict[str, Any] = {}

        def show(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=total, note=note)
            bars.update(stages[stage], completed=done, total=total, note=note)

        yield show


def refuse(message: str) -> None:
    """Prints a refusal on standard error."""
    print(message, file=sys.stderr)


def describe(command: str, result: dict[str, Any]) -> None:
    """Prints the result of a command for a reader."""
    # Class names and paths come from the user: "[b]" in one is no markup, ":x:" no picture.
    console = Console(markup=False, emoji=False)
    for notice in result.get("notices", []):
        console.print(f"Note: {notice}")
    _DESCRIPTIONS[command](console, result)


def _init(console: Console, result: dict[str, Any]) -> None:
    table = Table("key", "value", "why")
    for one in result["inferred"]:
        value = str(one["value"])
        # Names of files and columns may hold anything; a line break in one must not tear the table.
        told = (one["key"], value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]} ...", one["why"])
        table.add_row(*(" ".join(text.split()) for text in told))
    console.print(table)
    if result["unknown"]:
        console.print("What could not be told:")
    for one in result["unknown"]:
        console.print(" ".join(f"- {one['what']}: {one['why']}. {one['remedy']}.".split()))
    console.print(f"Study: {result['study']}", soft_wrap=True)
    folder = shlex.quote(str(Path(result["study"]).parent))
    console.print(f"Next: python -m app {result['next']} {folder}", soft_wrap=True)


def _train(console: Console, result: dict[str, Any]) -> None:
    last = result["per_class_accuracy"][-1]
    console.print(_per_class(result["class_names"], {split: values for split, values in last.items() if values}))
    console.print(f"{len(result['per_class_accuracy'])} checkpoints in {result['checkpoints']}", soft_wrap=True)


def _influence(console: Console, result: dict[str, Any]) -> None:
    console.print(
        f"Run {result['run']}: influence of {result['samples']:,} samples on {result['classes']} classes"
        f" ({result['strategy']}, {result['tracked_parameters']:.0%} of the parameters)"
        + (", from the store." if result["cached"] else f", {sum(result['seconds'].values()):.1f} s.")
    )
    for name, reason in result["refused_modules"].items():
        console.print(f"Not tracked: {name}: {reason}")


def _ceiling(console: Console, result: dict[str, Any]) -> None:
    console.print(result["sentence"])
    held_out, interval = result["gain"]["held_out"], result["gain"]["interval"]
    scale = WORDS[measurement_of(result)].scale
    for told in result["evidence"][:_EVIDENCE]:
        console.print(f"- {told}")
    table = Table("class", f"held-out gain, % of its {scale}", "95% interval")
    some = len(result["classes"]) < len(result["class_names"])
    if some:
        table.add_column("judged")
    for name, gain, (low, high) in zip(result["class_names"], held_out, interval, strict=True):
        # A class of one validation sample has a gain, but no interval.
        interval_told = "-" if low is None else f"{low:+.2f} to {high:+.2f}"
        judged = ["yes" if name in result["classes"] else "no"] if some else []
        table.add_row(name, "-" if gain is None else f"{gain:+.2f}", interval_told, *judged)
    console.print(table)
    ratio = result["spectrum"]["first_ratio"]
    says = "room to improve" if result["spectrum"]["paper_says_room"] else "at the ceiling"
    console.print(f"The paper's test: first principal component explains {ratio:.0%} (over 20% reads '{says}').")


def _reweight(console: Console, result: dict[str, Any]) -> None:
    split = "test" if "test" in result["after"] else "validation"
    columns = {name: result[name][split] for name in ("before", "control", "after")}
    console.print(_per_class(result["class_names"], columns, caption=f"accuracy on {split}"))
    if result.get("setting") == ALL_CLASSES:
        console.print(_all_classes(result, split))
        step = "no step" if result["step"] is None else f"step {result['step']:g} towards the certificate's weights"
        trained = f"{result['trainings']} trainings from scratch chose {step}."
    else:
        trained = f"{result['trainings']} epochs trained."
    console.print(result["sentence"])
    # A path that is broken into lines cannot be copied.
    console.print(f"{trained} Weights: {result['weights']}", soft_wrap=True)
    console.print(f"Checkpoint: {result['checkpoint']}", soft_wrap=True)


def _all_classes(result: dict[str, Any], split: str) -> Table:
    caption = f"mean loss on {split}; its change is the mean over {result['seeds']} seeds"
    table = Table("class", "before", "control", "after", "change (95%)", caption=caption)
    figures = (result[f"loss_{name}"][split] for name in ("before", "control", "after", "change", "interval"))
    for name, *values, change, interval in zip(result["class_names"], *figures, strict=True):
        told = "-" if change is None else f"{change:+.3f} ({interval[0]:+.3f} to {interval[1]:+.3f})"
        table.add_row(name, *("-" if value is None else f"{value:.3f}" for value in values), told)
    return table


def _probe(console: Console, result: dict[str, Any]) -> None:
    console.print(probe_sentence(result))
    console.print(f"{2 * result['pairs']} epochs trained, {result['seconds_per_epoch']:.2g} s each.")


def _climb(console: Console, result: dict[str, Any]) -> None:
    split = "test" if "test" in result["ceiling"] else "validation"
    rounds = Table("round", "samples", "verdict", "mean accuracy", "lowest class", "mean loss", caption=f"on {split}")
    for entry in result["rounds"]:
        accuracy = [value for value in entry["accuracy"][split] if value is not None]
        loss = [value for value in entry["loss"][split] if value is not None]
        best = " (best)" if entry["round"] == result["best_round"] else ""
        mean = f"{sum(accuracy) / len(accuracy):.1%}"
        verdict = entry["verdict"].replace("_", " ")
        figures = (mean, f"{min(accuracy):.1%}", f"{sum(loss) / len(loss):.3g}")
        rounds.add_row(f"{entry['round']}{best}", f"{entry['samples']:,}", verdict, *figures)
    console.print(rounds)
    table = Table(
        "class", "plain training", "estimated ceiling", "change, points (95%)", caption=f"accuracy on {split}"
    )
    columns = (result["rounds"][0]["accuracy"][split], result["ceiling"][split], result["change"][split])
    for name, plain, best, change, (low, high) in zip(
        result["class_names"], *columns, result["interval"][split], strict=True
    ):
        told = "-" if change is None else f"{100 * change:+.1f}"
        # Of a class of one sample there is no interval.
        told += "" if low is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
        table.add_row(name, *("-" if value is None else f"{value:.1%}" for value in (plain, best)), told)
    console.print(table)
    console.print(f"{result['sentence']} {result['stopped']}")
    console.print(f"Weights: {result['weights']}", soft_wrap=True)
    console.print(f"Checkpoint: {result['checkpoint']}", soft_wrap=True)


def _epochs(console: Console, result: dict[str, Any]) -> None:
    names, numbers = result["class_names"], result["epochs"]
    first, last = (result["accuracy"]["validation"][row] for row in (0, -1))
    columns = {f"epoch {numbers[0]}": first, f"epoch {numbers[-1]}": last}
    console.print(_per_class(names, columns, caption="accuracy on validation"))
    for sentence in epochs_sentences(names, result["detrimental"]):
        console.print(sentence)


def _samples(console: Console, result: dict[str, Any]) -> None:
    classes = [result["class_names"][k] for k in result["classes"]]
    shown = classes if len(classes) <= _CLASS_COLUMNS else []
    table = Table("index", "label", "source", *shown, "sum of these" if shown else f"sum of {len(classes)} classes")
    for sample in result["samples"]:
        influence = sample["influence"][: len(shown)]
        numbers = (f"{value:+.4g}" for value in (*influence, sum(sample["influence"])))
        table.add_row(str(sample["index"]), sample["label"], sample["source"], *numbers)
    console.print(table)
    for sample in result["samples"]:
        if "text" in sample:
            length = f"{written_length(sample['length'], sample['most'])} {sample['unit']}"
            console.print(f"{sample['index']} ({length}): {shortened(sample['text'], _TEXT)}")


def _harmful(console: Console, result: dict[str, Any]) -> None:
    classes = result["classes"]
    whom = "all classes" if len(classes) == len(result["class_names"]) else "the chosen classes"
    table = Table(
        "index",
        "label",
        "suggested",
        "label quality",
        "harm",
        "harms each",
        "self-influence",
        "source",
        caption=f"harm to {whom}, in multiples of an average sample's influence",
    )
    for one in result["samples"]:
        figures = (f"{one['quality']:.1%}", f"{one['harm']:+.2f}", "yes" if one["joint"] else "no")
        told = (one["label"], one["suggested"] or "-", *figures, f"{one['self_influence']:.3g}", one["source"])
        table.add_row(str(one["index"]), *told)
    console.print(table)
    if result["precision"] is not None:
        known = result["precision"]
        judged = Table(
            "ranking",
            f"wrong among the first {known['limit']}",
            "AUC",
            "average precision",
            caption=f"{counted(known['known_errors'], 'label is', 'labels are')} known to be wrong",
        )
        for name, one in known["rankings"].items():
            judged.add_row(
                name.replace("_", " "),
                f"{one['precision']:.0%}",
                *(_number(one[figure], ".3f") for figure in ("auc", "average_precision")),
            )
        console.print(judged)
    if result["file"] is not None:
        console.print(f"All samples in this order: {result['file']}", soft_wrap=True)


def _export(console: Console, result: dict[str, Any]) -> None:
    for file, size in zip(result["files"], result["bytes"], strict=True):
        # A path that is broken into lines cannot be copied.
        console.print(f"{file} ({size_in_words(size)})", soft_wrap=True)


def _synthetic(console: Console, result: dict[str, Any]) -> None:
    console.print(_per_class(result["class_names"], result["accuracy"]))
    flipped = len(result["flipped"])
    console.print(
        f"{result['samples']['train']} training samples"
        + (f", {flipped} of them with a flipped label ('flipped' in train.csv)." if flipped else ", none mislabelled.")
    )
    console.print(f"Study: {result['study']}", soft_wrap=True)


def _per_class(names: list[str], columns: dict[str, list[Any]], caption: str = "accuracy") -> Table:
    table = Table("class", *columns, caption=caption)
    for k, name in enumerate(names):
        table.add_row(name, *("-" if values[k] is None else f"{values[k]:.1%}" for values in columns.values()))
    return table


def _validate(console: Console, result: dict[str, Any]) -> None:
    names = result["class_names"]
    if result["heatmaps"]:
        _removal(console, result, names)
    lds = result["lds"]
    if lds:
        console.print(lds["sentence"])
        table = Table("class", "score", "highest that chance leaves", caption=f"{lds['strategy']}, {lds['damping']}")
        for name, score, ceiling in zip(names, lds["scores"], lds["ceiling"], strict=True):
            table.add_row(name, _number(score), _number(ceiling))
        console.print(table)
        compared = Table("strategy", "best damping", "score", "share of the highest")
        for strategy in dict.fromkeys(one["strategy"] for one in lds["candidates"]):
            own = [one for one in lds["candidates"] if one["strategy"] == strategy]
            best = max(own, key=lambda one: -1.0 if one["mean"] is None else one["mean"])
            compared.add_row(strategy, str(best["damping"]), _number(best["mean"]), _number(best["share_of_ceiling"]))
        console.print(compared)


def _removal(console: Console, result: dict[str, Any], names: list[str]) -> None:
    console.print(result["sentence"])
    table = Table(
        "left out for",
        "beneficial: predicted",
        "measured",
        "detrimental: predicted",
        "measured",
        caption=f"rise of the class's own loss, mean of {result['seeds']} trainings",
    )
    for row, k in enumerate(result["classes"]):
        cells = [result["heatmaps"][sign][what][row][k] for sign in _SIGNS for what in ("predicted", "loss")]
        table.add_row(names[k], *(_number(value, "+.3f") for value in cells))
    console.print(table)


def _calibrate(console: Console, result: dict[str, Any]) -> None:
    table = Table("damping", "score", "share of the highest that chance leaves")
    for one in result["candidates"]:
        table.add_row(str(one["damping"]), _number(one["mean"]), _number(one["share_of_ceiling"]))
    console.print(table)
    console.print(result["sentence"])
    if result["in_use"] != "calibrated":
        console.print('It is used where the study file says [influence] damping = "calibrated" (--apply writes that).')


def _number(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else f"{value:{form}}"


_DESCRIPTIONS = {
    "init": _init,
    "train": _train,
    "influence": _influence,
    "ceiling": _ceiling,
    "reweight": _reweight,
    "probe": _probe,
    "climb": _climb,
    "validate": _validate,
    "calibrate": _calibrate,
    "epochs": _epochs,
    "samples": _samples,
    "harmful": _harmful,
    "export": _export,
    "synthetic": _synthetic,
    "doctor": terminal_store.doctor,
    "prune": terminal_store.prune,
    "pack": terminal_store.pack,
    "unpack": terminal_store.unpack,
}
