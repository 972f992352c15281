"""Folders that hold nothing, broken things or traps: told by their names, or refused, and nothing is left behind."""

import json
import os
import pickle
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from app.workflow import init_study_files, init_study_sample
from app.workflow.init_study import init_study, look_at_folder
from engine.data import load_data
from engine.errors import RefusedInput
from engine.study import load_study

ROWS = "a,b,kind\n" + "".join(f"{row},{row * row % 7}.5,{'elm' if row % 2 else 'oak'}\n" for row in range(40))


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


@pytest.fixture
def table(folder) -> Path:
    (folder / "train.csv").write_text(ROWS)
    return folder


def opened(told: dict) -> str:
    return "\n".join(f"{one['what']}: {one['why']}. {one['remedy']}" for one in told["unknown"])


def refused(folder: Path) -> str:
    before = sorted(folder.rglob("*")) if folder.is_dir() else []
    with pytest.raises(RefusedInput) as caught:
        init_study(folder)
    assert (sorted(folder.rglob("*")) if folder.is_dir() else []) == before
    return str(caught.value)


def test_a_folder_without_data_is_refused_with_what_it_holds(folder):
    assert "it is empty" in refused(folder)
    (folder / "notes.md").write_text("x")
    assert "it holds 'notes.md'" in refused(folder)
    assert "there is no folder" in refused(folder / "other")
    assert "is no folder" in refused(folder / "notes.md")


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("train.csv", b"", "train.csv is an empty file"),
        ("train.csv", b"a,label\n", "train.csv has no rows"),
        ("train.csv", b"a,label\n1\n2,3,4\n", "train.csv is not a table"),
        ("train.csv", b"a,label\n1,\0\n", "no text in UTF-8"),
        ("train.csv", b"a,b\n1.5,2.5\n3.5,4.5\n", "no column of train.csv can be the label"),
        ("train.csv", b"a,b,label\nu,v w,1\nx,y,2\nu,z,1\nq,r,2\n", "no column of numbers"),
        ("train.csv", b"a;b;label\n1,5;2,5;x\n1,25;3,0;y\n2,5;1,5;x\n2,0;4,5;y\n", "decimal=','"),
        ("train.csv", b"file,label\na.png,x\nb.png,y\nc.png,x\nd.png,y\n", "only names pictures, in 'file'"),
        ("train.csv", b"a,b,label\n1,2,x\n1,2\n3,4,y\n3,5,x\n4,5,y\n", "Expected 3 columns, got 2"),
        ("train.jsonl", b'{"text": "a", "label": 1}\n', "pandas.read_json('train.jsonl', lines=True)"),
        ("train.npy", b"", "numpy.savez('train.npz'"),
        ("train.parquet", b"PAR1junk", "train.parquet cannot be read"),
        ("train.npz", b"PK\x03\x04junk", "train.npz cannot be read"),
    ],
)
def test_a_folder_of_broken_files_alone_is_refused_by_the_file(folder, name, content, named):
    (folder / name).write_bytes(content)

    assert named in refused(folder)


def test_a_broken_file_beside_a_whole_one_is_told(table):
    (table / "train.parquet").write_bytes(b"PAR1junk")

    told = init_study(table)

    assert load_study(table).data.format == "csv"
    assert "data that cannot be read: train.parquet" in opened(told)


def test_data_that_look_equally_good_are_told(table):
    (table / "training.csv").write_text(ROWS)
    assert "beside 'train.csv' there is 'training.csv'" in opened(init_study(table))
    np.savez(table / "train.npz", x=np.zeros((4, 2)), y=np.arange(4))

    told = init_study(table, overwrite=True)

    assert "'train.csv' could be the training data as well as 'train.npz'" in opened(told)


def test_checkpoints_and_builders_that_look_equally_good_are_told(table):
    for name in ("first.pt", "second.pt"):
        torch.save({"odd": torch.zeros(2)}, table / name)
    for name in ("one.py", "two.py"):
        (table / name).write_text("def build(input_shape, num_classes): ...\n")

    told = init_study(table)

    assert "'first.pt' could be it as well as second.pt" in opened(told)
    assert "two.py:build could as well as one.py:build" in opened(told)


def test_names_with_quotes_brackets_and_line_breaks_are_read_back(tmp_path):
    folder = tmp_path / 'a "b" [c]\nd\te'
    folder.mkdir()
    odd = 'we"ird\n[model]\n# \x07'
    rows = pd.DataFrame({odd: np.arange(40) * 0.5, "plain": np.arange(40) % 7 * 0.3, "note\n'x'": list("pq") * 20})
    rows.assign(**{"cl\nass": ["x\ny", 'z"'] * 20}).to_csv(folder / 'tr"ain\n[x] train.csv', index=False)

    torch.save({"odd\x07\nname": torch.zeros(2)}, folder / 'mo\x07\n[x] "del".pt')

    told = init_study(folder)

    study = load_study(folder)
    assert study.name == folder.name
    assert study.model.checkpoints == 'mo\x07\n[x] "del".pt'
    assert study.data.train == 'tr"ain\n[x] train.csv'
    assert study.data.input == (odd, "plain")
    assert load_data(study).num_classes == 2
    assert json.loads(json.dumps(told)) == told
    assert tomllib.loads((folder / "study.toml").read_text())["data"]["label"] == "cl\nass"


def test_a_name_that_is_no_text_is_told_and_left_out(table):
    (table / os.fsdecode(b"tr\xffain.csv")).write_text(ROWS)

    assert "its name is no text" in opened(init_study(table))


def test_links_that_lead_out_pipes_and_hidden_files_are_not_looked_at(table, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text(ROWS)
    (table / "test.csv").symlink_to(outside)
    (table / "loop.csv").symlink_to(table / "loop.csv")
    os.mkfifo(table / "validation.csv")
    (table / ".test.csv").write_text(ROWS)

    told = init_study(table)

    assert load_study(table).data.test is None
    assert load_study(table).data.validation == 0.2
    assert "whether 'test.csv' belongs to the study: it is a link that leads out of the folder" in opened(told)
    assert "'validation.csv' belongs to the study: it is a pipe" in opened(told)
    assert "'loop.csv'" in opened(told)


def test_no_code_of_a_checkpoint_runs(table, tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (table / "a.pt").write_bytes(pickle.dumps(Payload()))
    torch.save(Payload(), table / "b.pt")
    (table / "c.pkl").write_bytes(pickle.dumps(Payload()))

    told = init_study(table)

    assert not (tmp_path / "ran").exists()
    for name in ("a.pt", "b.pt", "c.pkl"):
        assert f"what is in '{name}'" in opened(told)
    assert told["next"] == "train"


def test_python_that_exhausts_or_breaks_the_parser_is_passed_over(table):
    (table / "deep.py").write_text("(" * 20_000)
    (table / "broken.py").write_text("def build(")
    (table / "null.py").write_bytes(b"\0")

    assert load_study(init_study(table)["study"]).model.architecture == "mlp"


def test_a_picture_that_unpacks_to_too_much_is_told_by_the_reader(folder):
    for name in ("a", "b"):
        (folder / "train" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("L", (9, 9), number).save(folder / "train" / name / f"{number}.png")
    Image.new("1", (20_000, 20_000)).save(folder / "train" / "a" / "bomb.png")

    told = init_study(folder)

    assert "bomb.png is not a readable picture: it unpacks to more pixels" in opened(told)
    assert load_study(folder).model.architecture == "cnn"


def test_of_a_large_folder_a_bounded_number_of_entries_is_looked_at(table, monkeypatch):
    monkeypatch.setattr(init_study_files, "MOST_ENTRIES", 2)
    for number in range(5):
        (table / f"train-{number}.csv").write_text(ROWS)

    assert "more than 2 entries" in opened(init_study(table))


def test_data_that_are_too_large_for_a_first_look_are_not_read(table, monkeypatch):
    monkeypatch.setattr(init_study_sample, "MOST_BYTES", 100)

    told = init_study(table)

    assert "were not read" in opened(told)
    assert load_study(table).data.transform.mean is None


def test_a_class_too_small_to_be_divided_is_told_by_the_reader(table):
    (table / "train.csv").write_text(ROWS + "1,2.5,rare\n")

    told = init_study(table)

    assert "whether all of the data can be used: no validation sample is of the class rare" in opened(told)


def test_a_study_file_that_is_there_is_replaced_only_if_that_is_said(table):
    (table / "study.toml").write_text("mine")

    assert "there is a study file" in refused(table)
    assert (table / "study.toml").read_text() == "mine"
    init_study(table, overwrite=True)
    assert load_study(table).name == "mine"


def test_a_study_file_that_is_a_link_is_never_written_through(table, tmp_path):
    (table / "study.toml").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RefusedInput, match="is a link"):
        init_study(table, overwrite=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_look_writes_nothing(table):
    save_file({"odd": torch.zeros(2)}, table / "model.safetensors")
    before = {path: path.stat().st_mtime_ns for path in (table, *table.iterdir())}

    look_at_folder(table)

    assert {path: path.stat().st_mtime_ns for path in (table, *table.iterdir())} == before
