"""What a report is made of: sections of sentences, figures, tables and commands; plain values, without any markup."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import plotly.graph_objects as go

from app.figures import wording


@dataclass(frozen=True)
class Sentences:
    """Paragraphs, or the items of a list."""

    kind: ClassVar[str] = "sentences"
    lines: Sequence[str]
    style: str = "plain"
    """``plain``, ``list``, ``note`` or ``verdict``."""


@dataclass(frozen=True)
class Charts:
    """Figures that stand side by side where there is room, with their alternative text in ``layout.meta``."""

    kind: ClassVar[str] = "charts"
    figures: Sequence[go.Figure]


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are read; ``numbers`` are the columns that align to the right."""

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Command:
    """A shell command that does the same."""

    kind: ClassVar[str] = "command"
    text: str


@dataclass(frozen=True)
class Listing:
    """A file's text."""

    kind: ClassVar[str] = "listing"
    caption: str
    text: str


Block = Sentences | Charts | Table | Command | Listing


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading and, in the table of contents, a link to it."""

    title: str
    blocks: Sequence[Block]


def signed(value: float | None, digits: int = 1) -> str:
    """Returns a figure with its sign, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else wording.signed(value, "", digits)


def per_cent(share: float | None) -> str:
    """Returns a share as per cent, or a dash where there is none."""
    return "–" if share is None or math.isnan(share) else f"{share:.1%}"
