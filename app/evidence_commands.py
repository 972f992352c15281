"""Commands that ask whether influence is right on a study, and which single samples it points at."""

from pathlib import Path
from typing import Annotated

import typer

from app.command_options import AsJson, Epoch, Ray, Seed, StoreRoot, StudyFile
from app.running import refusals_told, run_command
from app.workflow.command_text import listed_classes


def probe(
    study: StudyFile,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Trains a few epochs under known weights, to tell how large predicted changes really are."""
    run_command("probe", study, as_json, cache, {"epoch": epoch, "seed": seed}, ray)


def validate(
    study: StudyFile,
    what: Annotated[
        str, typer.Option(help="removal (leave out what helps or harms a class), lds (train on halves) or both.")
    ] = "both",
    classes: Annotated[
        str | None, typer.Option(help="Leave out samples for these classes alone; with commas. By default all.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Of a class's beneficial, or detrimental, samples that are left out; 0.1.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings of each set of samples: 5 where some are left out, 2 on halves.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Of each training where samples are left out; by default the study's.")
    ] = None,
    subsets: Annotated[int | None, typer.Option(help="Random halves of the data that are trained on; 32.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer classes, trainings, epochs and halves; says what that gives up.")
    ] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Trains from scratch without some samples, to see whether influence says what then happens."""
    with refusals_told():
        chosen = None if classes is None else listed_classes(classes)
    options = {"what": what, "classes": chosen, "share": share, "seeds": seeds, "epochs": epochs, "subsets": subsets}
    run_command("validate", study, as_json, cache, {**options, "quick": quick, "epoch": epoch, "seed": seed}, ray)


def calibrate(
    study: StudyFile,
    apply: Annotated[
        bool, typer.Option("--apply", help='Write damping = "calibrated" into the study file at the end.')
    ] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Finds the damping under which influence predicts some real trainings of the study best."""
    run_command("calibrate", study, as_json, cache, {"epoch": epoch, "seed": seed}, ray)
    if apply:
        with refusals_told():
            from app.workflow.study_file import use_calibrated_damping

            use_calibrated_damping(study)


def samples(
    study: StudyFile,
    classes: Annotated[str | None, typer.Option(help="Classes to judge by, with commas; all by default.")] = None,
    sign: Annotated[str, typer.Option(help="harmful or helpful.")] = "harmful",
    limit: Annotated[int, typer.Option(help="How many samples are listed.")] = 20,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Lists the training samples most harmful or helpful to some classes."""
    with refusals_told():
        options = {"classes": listed_classes(classes or ""), "sign": sign, "limit": limit, "epoch": epoch, "seed": seed}
    run_command("samples", study, as_json, cache, options, ray)


def harmful(
    study: StudyFile,
    classes: Annotated[
        str | None, typer.Option(help="Classes whose harm counts, by name or index, with commas; all by default.")
    ] = None,
    ranking: Annotated[
        str, typer.Option(help="combined (label and harm), influence (harm alone) or label_quality (label alone).")
    ] = "combined",
    limit: Annotated[int, typer.Option(help="How many samples are listed.")] = 20,
    out: Annotated[Path | None, typer.Option(help="CSV file for all samples in their order.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace that file if it is there.")] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
    epoch: Epoch = None,
    seed: Seed = None,
    ray: Ray = None,
) -> None:
    """Lists likely label errors and outliers; trains five models that do not see the labels they judge."""
    with refusals_told():
        chosen = listed_classes(classes or "")
    options = {"classes": chosen, "ranking": ranking, "limit": limit, "out": out, "overwrite": overwrite}
    run_command("harmful", study, as_json, cache, {**options, "epoch": epoch, "seed": seed}, ray)
