"""The report as one HTML file: sections into a template, figures as data beside one copy of plotly.js.

Names of classes, paths and labels come from the user's files. They are text for the template, which escapes it, and
data for the figures, which stand in JSON without ``<``, ``>`` and ``&``. As a second fence the file tells the browser
to run no script but the two that it was made with, and to fetch nothing.
"""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from app.figures.wording import size_in_words
from app.report.blocks import Charts
from app.report.findings import Findings
from app.report.sections import report_sections

_FOLDER = Path(__file__).parent
_ESCAPES = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"})


def report_page(findings: Findings, made: datetime | None = None) -> str:
    """Returns the report of a study.

    Args:
        findings: what is stored of it.
        made: when; by default now.

    Raises:
        RefusedInput: if a part of a run is missing or damaged.
    """
    sections = report_sections(findings)
    plotly, drawing = get_plotlyjs(), (_FOLDER / "draw.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts = [
        figure
        for section in sections
        for block in section.blocks
        if isinstance(block, Charts)
        for figure in block.figures
    ]
    data = [figure_data(figure) for figure in charts]
    size = len(plotly) + sum(map(len, data))
    return environment.get_template("report.html.j2").render(
        study=findings.study,
        influence=findings.manifest,
        verdict=findings.ceiling["verdict"],
        sections=sections,
        number={id(figure): place for place, figure in enumerate(charts)},
        id=id,
        data=data,
        plotly=plotly,
        drawing=drawing,
        allowed=" ".join(map(_script_hash, (plotly, drawing))),
        made=(made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        size=size_in_words(size),
        plotly_size=size_in_words(len(plotly)),
    )


def figure_data(figure: go.Figure) -> str:
    """Returns a figure as JSON that nothing in an HTML file takes for markup."""
    return figure.to_json().translate(_ESCAPES)


def _script_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
