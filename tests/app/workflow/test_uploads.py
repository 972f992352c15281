import pytest

from app.workflow.uploads import field_of, keep_upload, uploads_folder
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
