"""A study file is changed in one key; all else of it stays as the user wrote it."""

import os
from pathlib import Path

import pytest

from app.workflow.study_file import use_calibrated_damping
from engine.errors import RefusedInput
from engine.study import load_study

HEAD = """# My study.
name = "mine"   # as it is called

[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"

[model]
architecture = "mlp"
"""
SET = 'damping = "calibrated"'


def changed(folder: Path, text: str) -> str:
    """The file after the change, which must then be a study that says so."""
    file = folder / "study.toml"
    file.write_bytes(text.encode("utf-8"))
    assert use_calibrated_damping(file) == file.resolve()
    assert load_study(file).influence.damping == "calibrated"
    assert [path.name for path in folder.iterdir()] == ["study.toml"]
    return file.read_bytes().decode("utf-8")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"\n[influence]\n{SET}\n"),
        (
            '[influence]\ndamping = 0.1  # tried\nstrategy = "ekfac"\n',
            f'[influence]\n{SET}  # tried\nstrategy = "ekfac"\n',
        ),
        (
            '[influence] # of samples\nstrategy = "ekfac" # fast\n',
            f'[influence] # of samples\nstrategy = "ekfac" # fast\n{SET}\n',
        ),
        (
            '[influence]\nstrategy = "ekfac"\n\n# Of the machine.\n[compute]\ndevice = "cpu"\n',
            f'[influence]\nstrategy = "ekfac"\n{SET}\n\n# Of the machine.\n[compute]\ndevice = "cpu"\n',
        ),
        ("[influence]\n# nothing yet\n", f"[influence]\n{SET}\n# nothing yet\n"),
        (f"[influence]\n{SET}\n", f"[influence]\n{SET}\n"),
    ],
)
def test_the_key_is_set_where_it_belongs_and_comments_order_and_other_tables_stay(tmp_path, before, after):
    assert changed(tmp_path, HEAD + before) == HEAD + after


def test_a_table_that_is_written_in_one_line_stays_one_line(tmp_path):
    text = changed(tmp_path, 'influence = { strategy = "ekfac" }\n' + HEAD)
    assert text.endswith(HEAD)
    assert text.startswith("influence = {")
    assert "\n" not in text.removesuffix(HEAD).removesuffix("\n")


def test_keys_with_dots_stay_with_dots(tmp_path):
    text = changed(tmp_path, 'influence.strategy = "ekfac"\n' + HEAD)
    assert text == f'influence.strategy = "ekfac"\ninfluence.{SET}\n' + HEAD


def test_a_file_that_ends_without_a_line_end_gets_a_table_of_its_own(tmp_path):
    assert changed(tmp_path, HEAD.rstrip()) == f"{HEAD}\n[influence]\n{SET}\n"


def test_lines_that_end_as_on_windows_still_do(tmp_path):
    before, after = (HEAD + rest for rest in ("[influence]\n# é\n", f"[influence]\n{SET}\n# é\n"))
    assert changed(tmp_path, before.replace("\n", "\r\n")) == after.replace("\n", "\r\n")


def test_a_change_that_is_made_twice_is_made_once(tmp_path):
    once = changed(tmp_path, HEAD)
    assert changed(tmp_path, once) == once


def test_a_folder_stands_for_its_study(tmp_path):
    (tmp_path / "study.toml").write_text(HEAD)
    assert use_calibrated_damping(tmp_path) == (tmp_path / "study.toml").resolve()
    assert load_study(tmp_path).influence.damping == "calibrated"


def test_a_link_stays_a_link_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real.toml", tmp_path / "study.toml"
    real.write_text(HEAD)
    real.chmod(0o640)
    link.symlink_to(real)
    use_calibrated_damping(link)

    assert link.is_symlink()
    assert SET in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_closed_to_writing_is_refused_and_left(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(HEAD)
    file.chmod(0o444)
    with pytest.raises(RefusedInput, match=r"cannot be changed: it is closed to writing.*by hand"):
        use_calibrated_damping(file)
    assert file.read_text() == HEAD
    assert os.listdir(tmp_path) == ["study.toml"]


def test_a_disk_that_refuses_is_told_and_the_file_left(tmp_path, monkeypatch):
    file = tmp_path / "study.toml"
    file.write_text(HEAD)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RefusedInput, match=r"study.toml cannot be changed.*No space left.*by hand"):
        use_calibrated_damping(file)
    assert file.read_text() == HEAD
    assert os.listdir(tmp_path) == ["study.toml"]


@pytest.mark.parametrize("text", ["name = ", HEAD.replace("mlp", "mpl")])
def test_a_file_that_is_no_study_is_refused_and_left(tmp_path, text):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(RefusedInput, match=r"study.toml"):
        use_calibrated_damping(file)
    assert file.read_text() == text


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RefusedInput, match=r"study.toml"):
        use_calibrated_damping(tmp_path / "study.toml")
