"""What a benchmark prints: figures beside what they must reach, as a table or as one JSON object."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: as others' scripts know it.
        value: ``None`` if it was not measured in this run; truths are 1 or 0.
        unit: of the value.
        must: what it must reach, as ``">= 6"``; empty where nothing is asked.
        hoped: what would be better still.
        runs: how many measurements it is the median of.
    """

    name: str
    value: float | None
    unit: str
    must: str = ""
    hoped: str = ""
    runs: int = 1


@dataclass(frozen=True)
class Report:
    """Figures of one run, and what they were measured on.

    Attributes:
        data: what was measured on, and what was scaled.
        quick: whether parts were left out.
        figures: the numbers.
        details: further numbers that explain them, by name.
    """

    data: str
    quick: bool
    figures: Sequence[Figure]
    details: dict[str, Any]

    def as_json(self) -> str:
        """Returns the one object that ``--json`` prints."""
        return json.dumps(
            {
                "machine": machine(),
                "commit": commit(),
                "data": self.data,
                "quick": self.quick,
                "figures": [asdict(figure) for figure in self.figures],
                "details": self.details,
            }
        )

    def print(self) -> None:
        """Prints the table for people."""
        table = Table("figure", "value", "unit", "must", "hoped", "runs", title=self.data, title_justify="left")
        for figure in self.figures:
            shown = "not measured" if figure.value is None else f"{figure.value:.3g}"
            table.add_row(figure.name, shown, figure.unit, figure.must, figure.hoped, str(figure.runs))
        console = Console()
        console.print(table)
        for name, value in self.details.items():
            console.print(f"{name}: {value}")
        console.print(f"{machine()}, commit {commit()}")


def say(what: str) -> None:
    """Tells on standard error what is measured now: a run takes minutes."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def machine() -> str:
    """Returns processor, threads, GPU and versions in words, without the machine's name."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{_processor()}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}, {platform.system()}"


def commit() -> str | None:
    """Returns the commit that is checked out, with ``+`` if files differ from it; ``None`` outside a repository."""

    def git(*arguments: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
