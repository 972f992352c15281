"""The walk of docs/your-model.md: its blocks are run word for word, in a folder that has nothing but them.

Commands of the project run within the test's process, since each would load torch anew; all else by a shell.
"""

import contextlib
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import app.running
from tests.app.command_line import run

PAGE = Path(__file__).parents[2] / "docs" / "your-model.md"
COMMAND = ".venv/bin/python -m app "


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder after the walk, and by line what it printed."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / ".venv").symlink_to(sys.prefix)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setattr(app.running, "SAMPLES", folder / "no samples")
        patch.delenv("PARETOSCOPE_STORE", raising=False)
        yield folder, _walk(folder)
    signal.signal(signal.SIGTERM, before)


def _walk(folder: Path) -> dict[str, str]:
    printed: dict[str, str] = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        if language == "python":
            path = folder / block.partition("\n")[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block)
        elif language == "toml":
            study = folder / "my-model" / "study.toml"
            study.write_text(study.read_text().partition("\n[training]\n")[0] + "\n" + block)
        else:
            for line in block.splitlines():
                printed[line] = " ".join(_run(line).split())
    return printed


def _run(line: str) -> str:
    if line.startswith(COMMAND):
        done = run(*shlex.split(line.removeprefix(COMMAND)))
        assert done.exit_code == 0, f"{line}\n{done.stderr}"
        return done.stdout
    return subprocess.run(["bash", "-ec", line], capture_output=True, text=True, timeout=100, check=True).stdout


def test_the_page_goes_from_a_script_to_the_verdict(walked):
    _, printed = walked

    commands = [line.removeprefix(COMMAND).partition(" ")[0] for line in printed if line.startswith(COMMAND)]
    assert commands == ["init", "influence", "ceiling", "samples"]
    assert "influence of 298 samples on 2 classes" in printed[f"{COMMAND}influence my-model"]


def test_the_study_file_has_what_the_page_says(walked):
    folder, printed = walked
    study = tomllib.loads((folder / "my-model" / "study.toml").read_text())

    assert study["data"]["label"] == "diagnosis"
    assert (study["model"]["architecture"], study["model"]["hidden"]) == ("mlp", [16])
    assert study["data"]["class_names"] == ["malignant", "benign"]
    assert len(study["data"]["transform"]["mean"]) == 30
    assert study["training"]["epochs"] == 30
    told = printed[f"{COMMAND}init my-model"]
    assert "the function between the layers" in told
    assert "how the model was trained" in told


def test_the_verdict_is_the_one_that_the_page_tells(walked):
    _, printed = walked

    assert "Not enough evidence" in printed[f"{COMMAND}ceiling my-model"]
