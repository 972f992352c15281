"""Whatever a job is asked for, its command asks for the same."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import app.__main__
import app.evidence_commands
from app.workflow.command_text import command_text, file_name, listed_classes, share_by_class
from engine.errors import RefusedInput
from tests.app.command_line import run

# What a shell can be given: neither NUL nor half a pair of surrogates.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
LISTS = st.lists(NAMES, max_size=5)
SHARES = st.floats(0, 1)
STUDY = Path("/somewhere/my study/study.toml")


@pytest.fixture(scope="module")
def asked_by():
    """From a command to what the command line asks a use-case for: its name, the study, and the options given."""

    def asked(text: str) -> tuple[str, Path, dict[str, Any]]:
        found: list[tuple[str, Path, dict[str, Any]]] = []

        def take(command: str, study: Path, as_json: bool, cache: Path | None, options: dict[str, Any], *_) -> None:
            given = {name: value for name, value in options.items() if value is not None and value is not False}
            found.append((command, study, given))

        with pytest.MonkeyPatch.context() as patch:
            for module in (app.__main__, app.evidence_commands):
                patch.setattr(module, "run_command", take)
            words = shlex.split(text)
            assert words[:3] == ["python", "-m", "app"]
            assert run(*words[3:]).exit_code == 0, text
        return found[0]

    return asked


def as_parsed(options: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def test_a_command_is_written_as_one_would_type_it():
    options = {"setting": "direct_improvement", "targets": ["cat", "dog"], "iterations": 5, "slack": {"bird": 0.05}}

    assert command_text("reweight", STUDY, options) == (
        "python -m app reweight '/somewhere/my study/study.toml' --setting direct_improvement --targets cat,dog"
        " --iterations 5 --slack bird=0.05"
    )
    assert command_text("epochs", Path("-x/study.toml"), {"seed": None}, Path("/a b")) == (
        "python -m app epochs ./-x/study.toml --cache '/a b'"
    )
    assert command_text("train", STUDY, {"overwrite": True}).endswith(" --overwrite")
    assert command_text("train", STUDY, {"overwrite": False}).endswith("study.toml'")


@given(
    targets=LISTS,
    slack=st.dictionaries(NAMES, SHARES, max_size=5) | SHARES,
    iterations=st.integers(1, 100),
    candidate=st.none() | st.integers(0, 500),
    epoch=st.none() | st.integers(0, 50),
)
@example(
    targets=["a,b", 'say "x"', " c", ""], slack={"d=e": 0.1, 'f"': 0.0, "": 1.0}, iterations=1, candidate=0, epoch=0
)
@example(targets=[], slack={}, iterations=1, candidate=None, epoch=None)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_search_is_asked_for_alike(asked_by, targets, slack, iterations, candidate, epoch):
    options = {"setting": "direct_improvement", "targets": targets, "iterations": iterations, "slack": slack}
    options |= {name: value for name, value in (("candidate", candidate), ("epoch", epoch)) if value is not None}

    assert asked_by(command_text("reweight", STUDY, options)) == ("reweight", STUDY, as_parsed(options))


@given(classes=LISTS)
def test_lists_of_classes_are_asked_for_alike(asked_by, classes):
    for command, options in (("ceiling", {"classes": classes}), ("samples", {"classes": classes, "limit": 7})):
        _, _, parsed = asked_by(command_text(command, STUDY, options))
        assert parsed["classes"] == tuple(classes)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("ceiling", {}),
        ("ceiling", {"epoch": 3, "seed": 0, "classes": ["a"]}),
        ("climb", {"seed": 4, "how": "remove", "rounds": 3}),
        ("epochs", {}),
        ("influence", {"epoch": 0}),
        ("probe", {"epoch": 2}),
        ("reweight", {"setting": "all_classes"}),
        ("reweight", {"setting": "course_correction", "epoch": 15, "targets": ["dog", "horse"]}),
        ("samples", {"classes": ["a"], "sign": "helpful", "limit": 3}),
        ("train", {"seed": 2, "overwrite": True}),
    ],
)
def test_everything_else_that_a_page_starts_is_asked_for_alike(asked_by, command, options):
    asked = asked_by(command_text(command, STUDY, options))

    assert asked == (command, STUDY, as_parsed(options))


def test_lists_are_read_as_people_write_them():
    assert listed_classes("cat, dog ,, 7") == ("cat", "dog", "7")
    assert listed_classes(' "a, b" , c') == ("a, b", "c")
    assert listed_classes('5" disk, x') == ('5" disk', "x")
    assert share_by_class("0.05") == 0.05
    assert share_by_class("cat=0.1, dog = 0") == {"cat": 0.1, "dog": 0.0}
    assert share_by_class("a=b=0.5") == {"a=b": 0.5}


@pytest.mark.parametrize("text", ["cat", "cat=", "cat=much", "cat=0.1,dog", '"a"'])
def test_a_share_that_is_no_number_is_refused(text):
    with pytest.raises(RefusedInput, match="share"):
        share_by_class(text)


def test_what_follows_a_name_in_quotes_is_refused():
    with pytest.raises(RefusedInput, match="follows the name in quotes"):
        listed_classes('"a" b, c')


@pytest.mark.parametrize(
    ("name", "file"), [("cifar10-resnet9", "cifar10-resnet9"), ("a/b: c?", "a-b-c"), ("..", "study")]
)
def test_a_name_is_made_fit_for_a_file(name, file):
    assert file_name(name) == file
