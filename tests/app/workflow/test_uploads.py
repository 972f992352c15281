import shutil

import pytest

from app.workflow import uploads
from app.workflow.upload_folder import uploads_folder
from app.workflow.uploads import field_of, keep_upload
from engine.errors import RefusedInput


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("train.csv", "train.csv"),
        ("../../etc/train.csv", "train.csv"),
        ("C:\\data\\my data; rm.npz", "my_data_rm.npz"),
        (".hidden.csv", "hidden.csv"),
        ("größe.parquet", "größe.parquet"),
        ("n" * 300 + ".csv", "n" * 96 + ".csv"),
        ("字" * 99 + ".csv", "字" * 32 + ".csv"),
        ("." + "n" * 95 + "." + "n" * 95 + ".csv", "n" * 95 + ".csv"),
    ],
)
def test_an_uploaded_file_lies_below_the_store_under_a_plain_name(empty_store, name, kept):
    path = keep_upload(empty_store, name, b"content")

    assert path.name == kept
    assert path.is_relative_to(uploads_folder(empty_store).resolve())
    assert path.read_bytes() == b"content"
    assert keep_upload(empty_store, name, b"content") == path
    assert keep_upload(empty_store, name, b"other").parent != path.parent


@pytest.mark.parametrize("name", ["model.py", "study.toml", "archive.tar", "..", "", "csv"])
def test_a_file_that_no_study_reads_is_refused(empty_store, name):
    with pytest.raises(RefusedInput, match="of no kind that a study reads"):
        keep_upload(empty_store, name, b"content")
    assert not empty_store.root.exists()


def test_an_empty_file_is_refused(empty_store):
    with pytest.raises(RefusedInput, match="empty file"):
        keep_upload(empty_store, "train.csv", b"")


def test_uploads_that_no_study_names_have_a_bound_together(digits_store, digits, monkeypatch):
    first = keep_upload(digits_store, "train.npz", (digits / "train.npz").read_bytes())
    size = first.stat().st_size
    monkeypatch.setattr(uploads, "MOST_UNNAMED", size + 9)
    keep_upload(digits_store, "small.csv", b"a,label\n1")
    told = r"other.csv is .* already. Expected no more than .*browse to it, or .*python -m app prune"
    with pytest.raises(RefusedInput, match=told):
        keep_upload(digits_store, "other.csv", b"b")
    assert len(list(uploads_folder(digits_store).iterdir())) == 2
    assert keep_upload(digits_store, "train.npz", first.read_bytes()) == first, "it is there already"
    # What a study names does not count.
    text = (digits / "study.toml").read_text().replace('train = "train.npz"', f'train = "{first}"')
    (digits / "study.toml").write_text(text)
    digits_store.register_study(digits / "study.toml")
    assert keep_upload(digits_store, "other.csv", b"b").is_file()


def test_an_upload_leaves_room_on_the_disk(empty_store, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=10**9 + 2))
    assert keep_upload(empty_store, "train.csv", b"12").is_file()
    with pytest.raises(RefusedInput, match=r"train.csv is .*1.0 GB are free.*browse to it, or .*python -m app prune"):
        keep_upload(empty_store, "train.csv", b"123")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("my_train.csv", "train"),
        ("validation.npz", "validation"),
        ("dev.parquet", "validation"),
        ("Test.csv", "test"),
        ("data.csv", "train"),
        ("epoch-003.safetensors", "checkpoints"),
    ],
)
def test_the_name_of_a_file_tells_what_it_is_for(empty_store, name, field):
    assert field_of(keep_upload(empty_store, name, b"content")) == field
