from dataclasses import replace

import pytest

from app.workflow.drafts import of_preview, write_draft
from app.workflow.folder_browser import Roots
from app.workflow.new_study import STUDY_FILE, Answers
from engine.study import load_study


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.csv").write_text("a,b,label\n1,2,cat\n")
    return folder


@pytest.fixture
def roots(tmp_path):
    return Roots([tmp_path])


@pytest.fixture
def answers(folder):
    return Answers(name="birds", folder=str(folder), train=str(folder / "train.csv"), test=str(folder / "test.csv"))


def test_a_draft_finds_what_the_study_will_have_beside_it(answers, roots, folder, empty_store):
    (folder / "checkpoints").mkdir()
    of_a_file = replace(answers, architecture="file:model.py:build")
    draft = write_draft(of_a_file, roots, empty_store)

    study = load_study(draft)
    assert draft.is_relative_to(empty_store.root)
    assert study.checkpoints_path == folder / "checkpoints"
    assert study.model.architecture == f"file:{folder / 'model.py'}:build"
    assert write_draft(of_a_file, roots, empty_store) == draft
    assert not (folder / STUDY_FILE).exists()


def test_a_preview_depends_on_data_model_and_place_and_not_on_name_or_training(answers):
    assert of_preview(replace(answers, name="fish", epochs=7, momentum=0.1)) == of_preview(answers)
    for change in ({"label": "b"}, {"hidden": "3"}, {"folder": "elsewhere"}, {"seed": 3}):
        assert of_preview(replace(answers, **change)) != of_preview(answers)
