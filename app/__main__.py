"""The command line: ``python -m app`` opens the dashboard, ``python -m app COMMAND STUDY`` works without one.

``--json`` prints one object on standard output and nothing else there; progress and
messages go to standard error. The exit status is 0, 2 for a refused input, or 130 if stopped.
"""

import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from app.command_options import AsJson, Epoch, Ray, Seed, StoreRoot, StudyFile
from app.evidence_commands import calibrate, harmful, probe, samples, validate
from app.running import opened_store, print_result, refusals_told, run_command, store_root
from app.serving import serve
from app.store_commands import pack, prune, unpack
from app.terminal import terminal_progress
from app.workflow.access import THIS_MACHINE
from app.workflow.command_text import listed_classes, share_by_class
from engine.experiments.climb_options import HOWS, MOST_ROUNDS, ROUNDS
from engine.study import load_study

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@cli.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    cache: StoreRoot = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the dashboard, on this machine.")] = 8501,
    address: Annotated[
        str,
        typer.Option(help="That the dashboard is bound to; 0.0.0.0 lets other machines in. See docs/running.md."),
    ] = THIS_MACHINE,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            help="Ray cluster that pages offer for long work: HOST:PORT of its head, or auto. See docs/scaling.md.",
        ),
    ] = None,
) -> None:
    """Opens the dashboard on the shipped samples and on every study opened before."""
    if context.invoked_subcommand is not None:
        for name, value in (("--cache DIR", cache), ("--ray ADDRESS", ray)):
            if value is not None:
                raise typer.BadParameter(f"it belongs behind the command: python -m app COMMAND ... {name}")
    if context.invoked_subcommand is None:
        with refusals_told():
            serve(store_root(cache), port, address, ray)


@cli.command()
def init(
    folder: Annotated[Path, typer.Argument(help="With the data, and the checkpoints if there are any.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a study file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Looks at a folder and writes its study file, with the reason for each key and what could not be told."""
    with refusals_told():
        from app.workflow.init_study import init_study

        result = init_study(folder, overwrite)
    print_result("init", result, as_json)


@cli.command()
def train(
    study: StudyFile,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    seed: Seed = None,
    overwrite: Annotated[bool, typer.Option(help="Replace checkpoints that are there.")] = False,
) -> None:
    """Trains the study's model from scratch, a checkpoint each epoch."""
    run_command("train", study, as_json, cache, {"seed": seed, "overwrite": overwrite})


@cli.command()
def influence(
    study: StudyFile,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Computes the influence of every training sample on every class."""
    run_command("influence", study, as_json, cache, {"epoch": epoch, "seed": seed}, ray)


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
    ray: Ray = None,
) -> None:
    """Judges whether the classifier has reached its ceiling."""
    with refusals_told():
        chosen = None if classes is None else listed_classes(classes)
    run_command("ceiling", study, as_json, cache, {"classes": chosen, "epoch": epoch, "seed": seed}, ray)


@cli.command()
def reweight(
    study: StudyFile,
    targets: Annotated[str | None, typer.Option(help="Classes to improve, by name or index, with commas.")] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            help="direct_improvement (one more epoch, for some classes), course_correction (a detrimental epoch"
            " again; --epoch is the checkpoint before it) or all_classes (from scratch)."
        ),
    ] = None,
    slack: Annotated[
        str | None,
        typer.Option(
            help="Share of its attainable gain that each other class may lose: one for all, or cat=0.1,dog=0; a class"
            " that is not named may lose nothing."
        ),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="Iterations of the search; by default the study's.")
    ] = None,
    candidate: Annotated[
        int | None,
        typer.Option(min=0, help="Make the candidate of this number the result, in place of the fittest."),
    ] = None,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Finds weights that improve some classes, or all at once, and trains with them."""
    with refusals_told():
        options = {
            "targets": None if targets is None else listed_classes(targets),
            "setting": setting,
            "slack": None if slack is None else share_by_class(slack),
            "iterations": iterations,
            "candidate": candidate,
        }
    run_command("reweight", study, as_json, cache, {**options, "epoch": epoch, "seed": seed}, ray)


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
    ray: Ray = None,
) -> None:
    """Reweights or removes and trains from scratch, until the loss on validation samples kept apart falls no more."""
    run_command("climb", study, as_json, cache, {"how": how, "rounds": rounds, "seed": seed}, ray)


@cli.command()
def epochs(study: StudyFile, as_json: AsJson = False, cache: StoreRoot = None) -> None:
    """Finds the epochs after which some class was worse by more than noise."""
    run_command("epochs", study, as_json, cache, {})


@cli.command()
def export(
    study: StudyFile,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default ./NAME-export.")] = None,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Writes what is stored of a study to files: vectors and weights as Parquet, a report as one HTML page."""
    with refusals_told():
        store, asked = opened_store(cache), {"epoch": epoch, "seed": seed}
        read = load_study(study)
        from app.workflow.export import export_study

        result = export_study(study, read, store, out, asked, overwrite)
        store.register_study(study / "study.toml" if study.is_dir() else study)
    print_result("export", result, as_json)


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
    with refusals_told():
        store = opened_store(cache)
        from app.workflow.synthetic import make_synthetic

        with redirect_stdout(sys.stderr), terminal_progress() as progress:
            result = make_synthetic(kind, out or Path(kind), seed, intercept, progress)
        store.register_study(Path(result["study"]))
    print_result("synthetic", result, as_json)


@cli.command()
def doctor(
    as_json: AsJson = False,
    cache: StoreRoot = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the cache anew from the run folders.")] = False,
) -> None:
    """Checks the store, the cache and the environment, and says what to do."""
    from app.workflow.doctor import examine

    with refusals_told():
        result = examine(opened_store(cache), rebuild)
    print_result("doctor", result, as_json)


for _command in (probe, validate, calibrate, samples, harmful, prune, pack, unpack):
    cli.command()(_command)

if __name__ == "__main__":
    cli(prog_name="python -m app")
