"""What drawn cases found, once each."""

import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cache import Cache
from cache.store import Store
from engine.data import load_data, memory
from engine.errors import RefusedInput
from engine.models.text_models import text_classifier
from engine.study import Study, study_of
from tests.cache import conftest as of_cache
from tests.engine.text_studies import write_transformer


def study(folder: Path, **data: object) -> Study:
    values = {"name": "found", "model": {"architecture": "mlp"}, "data": {"validation": 0.5, **data}}
    return study_of(values, folder)


def test_an_archive_of_a_version_that_is_not_known_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2, 2), np.uint8), label=np.arange(4) % 2)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + 6, 117)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(RefusedInput, match=r"a\.npz cannot be read: it is no NumPy archive"):
        load_data(study(tmp_path, format="npz", train="a.npz"))


@pytest.mark.parametrize(("modality", "column"), [("text", "text"), ("text", "label"), ("tabular", "text")])
def test_bytes_in_parquet_that_are_no_text_are_refused(tmp_path: Path, modality: str, column: str) -> None:
    columns = {"text": ["some words"] * 4, "label": ["aaaa", "bbbb"] * 2}
    columns[column] = [f"@@@@ {value}" for value in columns[column]]
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", compression="none")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content.replace(b"@@@@", b"\xff\xfe\xff\xfe"))
    features = {"features": {"kind": "tfidf", "components": 0}} if modality == "text" else {}
    with pytest.raises(RefusedInput, match=r"a\.parquet has bytes that are no text"):
        load_data(study(tmp_path, format="parquet", train="a.parquet", modality=modality, **features))


def test_a_parquet_file_whose_columns_have_no_names_of_text_is_refused(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("@@@@", pa.string())])
    columns = {"img": pa.array([{"bytes": b"", "@@@@": ""}] * 4, kind), "label": np.arange(4) % 2}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", compression="none", store_schema=False)
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content.replace(b"@@@@", b"\xff\xfe\xff\xfe"))
    with pytest.raises(RefusedInput, match=r"a\.parquet cannot be read: 'utf-8' codec can't decode"):
        load_data(study(tmp_path, format="parquet", train="a.parquet"))


def test_a_transformer_with_more_heads_than_width_is_refused(tmp_path: Path) -> None:
    write_transformer(tmp_path / "bert")
    config = json.loads((tmp_path / "bert" / "config.json").read_text())
    (tmp_path / "bert" / "config.json").write_text(json.dumps(config | {"hidden_size": 2, "num_attention_heads": 4}))
    with pytest.raises(RefusedInput, match=r"no model can be built from config\.json of bert"):
        text_classifier(tmp_path / "bert", 3)


def test_a_transformer_beyond_memory_is_refused_before_it_is_built(tmp_path: Path, monkeypatch) -> None:
    write_transformer(tmp_path / "bert", hidden=8)
    monkeypatch.setattr(memory, "most_bytes", lambda: 1000)
    with pytest.raises(RefusedInput, match=r"the model of config\.json in bert would take [\d,]+ bytes of memory"):
        text_classifier(tmp_path / "bert", 3)


def test_a_stored_run_whose_text_is_none_is_left_out_of_the_cache(tmp_path: Path, write_influence) -> None:
    store = Store(tmp_path)
    folder = store.run("abc")
    write_influence(folder, np.arange(18.0).reshape(6, 3))
    path = folder.path / "samples.parquet"
    table = pq.read_table(path)
    sources = pa.array(["@@@@"] * 6)
    pq.write_table(table.set_column(table.column_names.index("source"), "source", sources), path, compression="none")
    path.write_bytes(path.read_bytes().replace(b"@@@@", b"\xff\xfe\xff\xfe"))
    with Cache.open(store) as cache:
        cache.ingest()
        assert "source is string" in str(cache.refused["abc"])
        assert cache.runs() == []


def test_a_stored_run_whose_columns_have_no_names_of_text_is_left_out_of_the_cache(
    tmp_path: Path, write_influence
) -> None:
    store = Store(tmp_path)
    folder = store.run("abc")
    write_influence(folder, np.arange(18.0).reshape(6, 3))
    path = folder.path / "samples.parquet"
    # Without the schema that Arrow adds in a text of its own, the name stands in plain bytes.
    pq.write_table(pq.read_table(path), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"source", b"\xff\xfeurce"))
    with Cache.open(store) as cache:
        cache.ingest()
        assert "samples.parquet" in str(cache.refused["abc"])
        assert cache.runs() == []


write_influence = of_cache.write_influence


def test_more_samples_than_the_database_can_count_are_all_there_are(tmp_path: Path, write_influence) -> None:
    store = Store(tmp_path)
    write_influence(store.run("abc"), np.arange(1.0, 19).reshape(6, 3))
    with Cache.open(store) as cache:
        cache.ingest()
        assert len(cache.neighbours("abc", 0, 2**90)) == 5
        assert len(cache.ranked_samples("abc", [0], "helpful", 2**90)) == 6


@pytest.mark.parametrize("kind", ["npz", "csv", "parquet", "pictures"])
def test_data_beyond_memory_are_refused_by_their_size(tmp_path: Path, monkeypatch, kind: str) -> None:
    labels = np.arange(40) % 2
    if kind == "npz":
        np.savez(tmp_path / "a.npz", x=np.zeros((40, 8, 8), np.uint8), label=labels)
        chosen = study(tmp_path, format="npz", train="a.npz")
    elif kind == "csv":
        (tmp_path / "a.csv").write_text("a,label\n" + "".join(f"{label * 1000},{label}\n" for label in labels) * 10)
        chosen = study(tmp_path, format="csv", train="a.csv")
    else:
        pq.write_table(pa.table({"a": np.arange(40.0), "b": np.arange(40.0), "label": labels}), tmp_path / "a.parquet")
        chosen = study(tmp_path, format="parquet", train="a.parquet", modality="tabular")
    if kind == "pictures":
        from PIL import Image

        for label in ("a", "b"):
            (tmp_path / "p" / label).mkdir(parents=True)
            for number in range(20):
                Image.new("L", (8, 8)).save(tmp_path / "p" / label / f"{number}.png")
        chosen = study(tmp_path, format="image_folder", train="p")
    load_data(chosen)
    monkeypatch.setattr(memory, "most_bytes", lambda: 330)
    with pytest.raises(RefusedInput, match=r"would take [\d,]+ bytes of memory, and 330 are allowed"):
        load_data(chosen)
