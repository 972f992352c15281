"""``python -m benchmarks NAME [--quick] [--json]``: measures, and prints a table or one JSON object.

The exit status is 0 whenever it measured, also when a figure falls short. Data outside
the repository is found through PARETOSCOPE_DATA.
"""

import importlib
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from enum import StrEnum
from typing import Annotated

import typer

from cache.store import default_store_root

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


class Name(StrEnum):
    """The benchmarks; each is a module with a function ``measure(quick) -> Report``."""

    influence = "influence"
    oracles = "oracles"
    architectures = "architectures"
    verdict = "verdict"
    reweight = "reweight"
    dashboard = "dashboard"
    trust = "trust"
    sources = "sources"
    reliability = "reliability"
    recipes = "recipes"
    unit_costs = "unit_costs"
    scaling = "scaling"


@cli.command()
def main(
    name: Name,
    quick: Annotated[bool, typer.Option("--quick", help="At most 8 minutes on 2 cores; says what it scales.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ray: Annotated[
        str | None,
        typer.Option("--ray", help="Ray cluster that trains the verdict's bank, and what else fans out."),
    ] = None,
) -> None:
    """Measures one thing in this run."""
    # What is measured may print, as a job does into its log.
    with redirect_stdout(sys.stderr), _tasks(ray):
        report = importlib.import_module(f"benchmarks.{name}").measure(quick)
    if as_json:
        print(report.as_json())
    else:
        report.print()


def _tasks(ray: str | None) -> AbstractContextManager[None]:
    if ray is None:
        return nullcontext()
    # torch is loaded only now.
    from engine.tasks import RayTasks, tasks_on

    return tasks_on(RayTasks(ray, default_store_root().resolve()))


if __name__ == "__main__":
    cli()
