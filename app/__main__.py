"""The command line: ``python -m app`` opens the dashboard, ``python -m app COMMAND STUDY`` works without one.

``--json`` prints one object on standard output and nothing else there; progress and
messages go to standard error. The exit status is 0, 2 for a refused input, or 130 if stopped.
"""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from app.serving import SAMPLES, serve
from app.terminal import describe, refuse, terminal_progress
from cache.store import Store, default_store_root
from engine.errors import Cancelled, RefusedInput
from engine.experiments.climb_options import HOWS, MOST_ROUNDS, ROUNDS
from engine.study import load_study

REFUSED = 2
CANCELLED = 130

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)

StudyFile = Annotated[Path, typer.Argument(help="The study file, or the folder that holds its study.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
StoreRoot = Annotated[
    Path | None, typer.Option("--cache", help="The store; by default PARETOSCOPE_STORE, else .paretoscope here.")
]
Epoch = Annotated[int | None, typer.Option(help="Which checkpoint is analysed; by default the study's.")]
Seed = Annotated[int | None, typer.Option(help="In place of the study's seed.")]


@cli.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    cache: StoreRoot = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the dashboard, on this machine.")] = 8501,
) -> None:
    """Opens the dashboard on the shipped samples and on every study opened before."""
    if context.invoked_subcommand is not None and cache is not None:
        raise typer.BadParameter("it belongs behind the command: python -m app COMMAND ... --cache DIR")
    if context.invoked_subcommand is None:
        with _refusals_told():
            serve(_store_root(cache), port)


@cli.command()
def train(
    study: StudyFile,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    seed: Seed = None,
    overwrite: Annotated[bool, typer.Option(help="Replace checkpoints that are there.")] = False,
) -> None:
    """Trains the study's model from scratch, a checkpoint each epoch."""
    _run("train", study, as_json, cache, {"seed": seed, "overwrite": overwrite})


@cli.command()
def influence(
    study: StudyFile, as_json: AsJson = False, cache: StoreRoot = None, epoch: Epoch = None, seed: Seed = None
) -> None:
    """Computes the influence of every training sample on every class."""
    _run("influence", study, as_json, cache, {"epoch": epoch, "seed": seed})


@cli.command()
def ceiling(
    study: StudyFile,
    classes: Annotated[
        str | None, typer.Option(help="Judge these classes alone, without regard to the others; with commas.")
    ] = None,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
) -> None:
    """Judges whether the classifier has reached its ceiling."""
    chosen = None if classes is None else _listed(classes)
    _run("ceiling", study, as_json, cache, {"classes": chosen, "epoch": epoch, "seed": seed})


@cli.command()
def reweight(
    study: StudyFile,
    targets: Annotated[str | None, typer.Option(help="Classes to improve, by name or index, with commas.")] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="direct_improvement (one more epoch, for some classes) or all_classes (from scratch)."),
    ] = None,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
) -> None:
    """Finds weights that improve some classes, or all at once, and trains with them."""
    chosen = None if targets is None else _listed(targets)
    _run("reweight", study, as_json, cache, {"targets": chosen, "setting": setting, "epoch": epoch, "seed": seed})


@cli.command()
def climb(
    study: StudyFile,
    how: Annotated[
        str, typer.Option(help="reweight, or remove the samples that harm every class (for two classes).")
    ] = HOWS[0],
    rounds: Annotated[
        int, typer.Option(help=f"Most rounds of training from scratch, up to {MOST_ROUNDS}; the first is unweighted.")
    ] = ROUNDS,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    seed: Seed = None,
) -> None:
    """Reweights or removes and trains from scratch, until the loss on validation samples kept apart falls no more."""
    _run("climb", study, as_json, cache, {"how": how, "rounds": rounds, "seed": seed})


@cli.command()
def samples(
    study: StudyFile,
    classes: Annotated[str | None, typer.Option(help="Classes to judge by, with commas; all by default.")] = None,
    sign: Annotated[str, typer.Option(help="harmful or helpful.")] = "harmful",
    limit: Annotated[int, typer.Option(help="How many samples are listed.")] = 20,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
) -> None:
    """Lists the training samples most harmful or helpful to some classes."""
    options = {"classes": _listed(classes), "sign": sign, "limit": limit, "epoch": epoch, "seed": seed}
    _run("samples", study, as_json, cache, options)


@cli.command()
def synthetic(
    kind: Annotated[str, typer.Argument(help="separable or frontier.")],
    out: Annotated[Path | None, typer.Option(help="Folder to make; by default ./KIND.")] = None,
    seed: Annotated[int, typer.Option(help="Of the samples and of the initial weights.")] = 0,
    intercept: Annotated[
        bool, typer.Option("--intercept/--through-origin", help="Whether the boundary may lie beside the origin.")
    ] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
) -> None:
    """Makes one of the paper's synthetic sets as a study with a trained model."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _refusals_told():
        store = _store(cache)
        from app.workflow.synthetic import make_synthetic

        with redirect_stdout(sys.stderr), terminal_progress() as progress:
            result = make_synthetic(kind, out or Path(kind), seed, intercept, progress)
        store.register_study(Path(result["study"]))
    _print("synthetic", result, as_json)


@cli.command()
def doctor(
    as_json: AsJson = False,
    cache: StoreRoot = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the cache anew from the run folders.")] = False,
) -> None:
    """Checks the store, the cache and the environment, and says what to do."""
    from app.workflow.doctor import examine

    with _refusals_told():
        result = examine(_store(cache), rebuild)
    _print("doctor", result, as_json)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _store_root(cache: Path | None) -> Path:
    """Returns the store's folder; it is made only when something is kept there."""
    root = (cache or default_store_root()).resolve()
    if root.exists() and not root.is_dir():
        raise RefusedInput(f"the store {root} is a file", "a folder, or a name that is free", "Give another one")
    return root


def _store(cache: Path | None) -> Store:
    return Store(_store_root(cache), SAMPLES)


@contextmanager
def _refusals_told() -> Iterator[None]:
    """Turns refusals and stops into one message and the exit status that scripts expect."""
    try:
        yield
    except RefusedInput as refusal:
        refuse(str(refusal))
        raise typer.Exit(REFUSED) from None
    except (Cancelled, KeyboardInterrupt):
        refuse("Stopped. What was finished is kept; the same command goes on from there.")
        raise typer.Exit(CANCELLED) from None


def _run(command: str, path: Path, as_json: bool, cache: Path | None, options: dict[str, Any]) -> None:
    """Runs one use-case from study file to printed result."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _refusals_told():
        study = load_study(path)
        store = _store(cache)
        # torch is loaded only now: a refused study file is answered at once.
        from app.workflow.commands import COMMANDS
        from cache import ingest_if_free

        # A model that the user's own code builds may print, which must not come between our lines.
        with redirect_stdout(sys.stderr), terminal_progress() as progress:
            result = COMMANDS[command](study, store, options, progress)
        store.register_study(path / "study.toml" if path.is_dir() else path)
        try:
            ingest_if_free(store)
        except RefusedInput as refusal:
            refuse(f"The result is kept, but the dashboard's cache could not take it in: {refusal}")
    _print(command, result, as_json)


def _print(command: str, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        # Whole or not at all: a value that JSON lacks must not leave half an object.
        sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
    else:
        describe(command, result)


if __name__ == "__main__":
    cli(prog_name="python -m app")
