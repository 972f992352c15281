"""``python -m benchmarks.roc_picture RESULT.json PICTURE.png`` draws what ``benchmarks verdict --json`` printed.

ROC curves over all scored cases of that run, kept or not. Chromium is Playwright's own,
or the one that PARETOSCOPE_CHROMIUM names.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import plotly.graph_objects as go
import typer
from playwright.sync_api import sync_playwright
from sklearn.metrics import roc_auc_score, roc_curve

_CURVES = (
    ("held_out", "held-out gain (this project)", "#0072B2", "solid"),
    ("in_sample", "gain in sample", "#009E73", "dash"),
    ("joint_negative", "share of joint negatives", "#CC79A7", "dashdot"),
    ("pc1", "the paper's first PCA ratio", "#D55E00", "dot"),
)
_SIZE = (760, 560)


def roc_figure(cases: Sequence[dict[str, Any]]) -> go.Figure:
    """Draws one curve for each predictor.

    Args:
        cases: of the report's details; those without a truth are left out.
    """
    scored = [case for case in cases if case["truth"]]
    truth = [case["truth"] == "improvable" for case in scored]
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": "#BBBBBB", "width": 1}, showlegend=False)
    for name, words, colour, dash in _CURVES:
        values = [case[name] for case in scored]
        wrong, right, _ = roc_curve(truth, values, drop_intermediate=False)
        figure.add_scatter(
            x=wrong,
            y=right,
            mode="lines",
            name=f"{words}: {roc_auc_score(truth, values):.2f}",
            line={"color": colour, "dash": dash, "width": 3},
        )
    figure.update_layout(
        title=f"{sum(truth)} improvable cases and {len(truth) - sum(truth)} at the ceiling; area under each curve",
        xaxis={"title": "share of the cases at the ceiling that are called improvable", "range": [-0.02, 1.02]},
        yaxis={"title": "share of the improvable cases that are found", "range": [-0.02, 1.02]},
        legend={"x": 0.98, "y": 0.04, "xanchor": "right", "bgcolor": "rgba(255,255,255,0.8)"},
        template="plotly_white",
        font={"size": 14},
        margin={"l": 70, "r": 20, "t": 60, "b": 80},
    )
    return figure


def main(
    result: Annotated[Path, typer.Argument(help="What `python -m benchmarks verdict --json` printed.")],
    picture: Annotated[Path, typer.Argument(help="The PNG to write.")],
) -> None:
    """Draws the ROC curves."""
    figure = roc_figure(json.loads(result.read_text())["details"]["cases"])
    width, height = _SIZE
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "roc.html"
        figure.write_html(page_file, include_plotlyjs=True, config={"displayModeBar": False})
        browser = playwright.chromium.launch(executable_path=os.environ.get("PARETOSCOPE_CHROMIUM"))
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=2)
        page.goto(page_file.as_uri())
        page.wait_for_selector(".legend")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
