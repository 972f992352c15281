"""``python -m benchmarks.screenshots FOLDER``: the pictures of the documents, from the shipped samples.

A store of its own is filled with what the pictures show, so nothing depends on what was computed before.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from app.serving import SAMPLES
from app.workflow.commands import COMMANDS
from benchmarks.dashboard_browser import ANSWERS, chromium, visiting
from benchmarks.dashboard_server import served
from benchmarks.report import say
from cache.shapes import Shape
from cache.store import Store
from engine.progress import silent
from engine.study import load_study

_STUDY = SAMPLES / "digits"
# Where something is still to come Streamlit shows a grey bar.
_WHOLE = "document.querySelectorAll('[data-testid=stSkeleton]').length === 0"


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        page: of the dashboard; the first, the Ceiling, is empty.
        height: of the window, in pixels.
        view: what the address says beside the study.
    """

    page: str
    height: int
    view: dict[str, str] = field(default_factory=dict)


_PAIR = {"a": "1", "b": "8"}
SHOTS = {
    "ceiling": Shot("", 1000),
    "explore": Shot("explore", 1900, _PAIR | {"sample": "857", "region": Shape.of_region("joint_negative").text}),
    "improve": Shot("improve", 2150, {"targets": "1|8"}),
    "trust": Shot("trust", 2800),
    "epochs": Shot("epochs", 1500),
    "harmful": Shot("harmful", 1700),
    "synthetic": Shot("introduction", 2600),
}
_NEEDED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reweight", {"targets": ["1", "8"]}),
    ("epochs", {}),
    ("harmful", {}),
    ("validate", {"what": "removal"}),
    ("validate", {"what": "lds"}),
)
"""Commands whose results the pictures show."""


def main(folder: Annotated[Path, typer.Argument(help="Where the pictures go.")]) -> None:
    """Takes every picture anew."""
    folder.mkdir(parents=True, exist_ok=True)
    study = load_study(_STUDY)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        store = Store(Path(name) / "store", SAMPLES)
        for command, options in _NEEDED:
            say(command)
            COMMANDS[command](study, store, options, silent)
        with served(store.root) as address, chromium() as browser:
            for picture, shot in SHOTS.items():
                say(picture)
                with visiting(browser, address, _STUDY / "study.toml") as visit:
                    visit.page.set_viewport_size({"width": 1400, "height": shot.height})
                    visit.open(shot.page, ANSWERS.get(shot.page, "page"), None, **shot.view)
                    visit.page.wait_for_function(_WHOLE)
                    visit.settle()
                    visit.page.screenshot(path=folder / f"{picture}.png")


if __name__ == "__main__":
    typer.run(main)
