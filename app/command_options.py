"""Options that many commands have, as the command line declares them."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(help="The study file, or the folder that holds its study.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
StoreRoot = Annotated[
    Path | None, typer.Option("--cache", help="The store; by default PARETOSCOPE_STORE, else .paretoscope here.")
]
Epoch = Annotated[int | None, typer.Option(help="Which checkpoint is analysed; by default the study's.")]
Ray = Annotated[
    str | None,
    typer.Option("--ray", help="Ray cluster that does the work: HOST:PORT of its head, or auto. See docs/scaling.md."),
]
Seed = Annotated[int | None, typer.Option(help="In place of the study's seed.")]
