"""``init`` on the command line: one object, or the same in words, and what comes next."""

import shlex

import pytest

from engine.study import load_study
from tests.app.command_line import answer, refusal, run

ROWS = "a,b,kind\n" + "".join(f"{row},{row * row % 7}.5,{'elm' if row % 2 else 'oak'}\n" for row in range(40))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "my [b]trees"
    made.mkdir()
    (made / "train.csv").write_text(ROWS)
    return made


def test_the_object_names_the_file_what_was_inferred_and_what_was_not(folder, tmp_path):
    result = answer("init", folder)

    assert result["study"] == str(folder / "study.toml")
    assert load_study(result["study"]).data.label == "kind"
    assert {"key": "data.label", "value": "kind"}.items() <= next(
        one for one in result["inferred"] if one["key"] == "data.label"
    ).items()
    assert all(one["why"] for one in result["inferred"])
    assert [sorted(one) for one in result["unknown"]] == [["remedy", "what", "why"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]


def test_a_reader_is_told_the_reasons_what_is_open_and_the_next_command(folder):
    told = run("init", folder).stdout

    assert "What could not be told:" in told
    assert "test data" in told
    assert f"Study: {folder / 'study.toml'}" in told
    assert f"Next: python -m app train {shlex.quote(str(folder))}" in told


def test_what_is_refused_is_told_in_one_line(folder):
    answer("init", folder)

    assert "--overwrite" in refusal("init", folder)
    assert "no folder" in refusal("init", folder / "none")
