import errno
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cache.run_folder import RunFolder
from engine.errors import RefusedInput


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "abc")


def test_a_run_is_finished_only_by_its_manifest(folder):
    folder.write_json("state.json", {"generation": 3})
    assert not folder.is_finished
    folder.finish({"kind": "reweight"})
    assert folder.is_finished
    assert folder.manifest() == {"kind": "reweight", "key": "abc"}


def test_json_keeps_arrays_as_lists_and_a_missing_figure_as_null(folder):
    folder.write_json(
        "a.json", {"v": np.array([1, np.nan], np.float32), "k": np.int64(3), 2: (float("nan"), Path("x"))}
    )
    assert folder.read_json("a.json") == {"v": [1.0, None], "k": 3, "2": [None, "x"]}
    with pytest.raises(ValueError, match="Out of range float values"):
        folder.write_json("b.json", [float("inf")])
    assert folder.parts == ("a.json",)


def test_tables_are_read_back_alone_and_by_pattern_in_order(folder):
    for number in (1, 0):
        folder.write_table(f"vectors-{number:05}.parquet", pa.table({"index": [number]}))
    assert folder.read_table("vectors-00001.parquet")["index"].to_pylist() == [1]
    assert folder.read_table("vectors-*.parquet")["index"].to_pylist() == [0, 1]


def test_a_writer_gets_a_path_that_ends_in_the_name_of_the_part(folder):
    folder.write_tensors("weights.npy", lambda path: np.save(path, np.arange(3)))
    assert folder.parts == ("weights.npy",)
    assert np.load(folder.path / "weights.npy").tolist() == [0, 1, 2]


def test_a_write_that_fails_leaves_the_earlier_part_and_nothing_else(folder):
    folder.write_json("state.json", 1)

    def fail(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write_tensors("state.json", fail)
    assert folder.read_json("state.json") == 1
    assert [item.name for item in folder.path.iterdir()] == ["state.json"]


def test_a_full_disk_is_told_with_its_remedy(folder):
    def fill(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(RefusedInput, match=r"part state.json of run abc cannot be written: No space left.*--cache"):
        folder.write_tensors("state.json", fill)


def test_a_missing_part_and_a_damaged_part_are_named(folder):
    with pytest.raises(RefusedInput, match=r"run abc has no part run.json"):
        folder.manifest()
    with pytest.raises(RefusedInput, match=r"run abc has no part vectors-\*"):
        folder.read_table("vectors-*.parquet")
    folder.write_tensors("run.json", lambda path: path.write_text('{"kind": "infl'))
    with pytest.raises(RefusedInput, match=r"run abc: part run.json is damaged"):
        folder.manifest()
    folder.write_tensors("samples.parquet", lambda path: path.write_bytes(b"PAR1 not really PAR1"))
    with pytest.raises(RefusedInput, match=r"run abc: part samples.parquet is damaged"):
        folder.read_table("samples.parquet")
    folder.write_json("run.json", [1])
    with pytest.raises(RefusedInput, match=r"run.json is damaged \(it holds no table"):
        folder.manifest()


def test_parts_with_other_columns_are_not_put_together(folder):
    folder.write_table("c-0.parquet", pa.table({"a": [1]}))
    folder.write_table("c-1.parquet", pa.table({"b": ["x"]}))
    with pytest.raises(RefusedInput, match=r"part c-\*.parquet is damaged"):
        folder.read_table("c-*.parquet")


def test_a_run_is_computed_once_at_a_time_and_the_process_is_named(folder):
    with folder.lock():
        with (
            pytest.raises(RefusedInput, match=f"run abc is being computed by process {os.getpid()}"),
            RunFolder(folder.path).lock(),
        ):
            pass
        assert folder.parts == ()
    with folder.lock():
        folder.write_json("state.json", 1)


def test_what_a_killed_writer_left_is_cleared_by_the_next(folder):
    folder.path.mkdir()
    left = folder.path / ".partial-1234-weights.parquet"
    left.write_bytes(b"half")
    with folder.lock():
        assert not left.exists()


def test_a_shipped_run_is_read_but_never_changed(folder):
    folder.write_json("a.json", 1)
    shipped = RunFolder(folder.path, readonly=True)
    assert shipped.read_json("a.json") == 1
    with pytest.raises(RefusedInput, match="shipped"):
        shipped.write_json("a.json", 2)
    with pytest.raises(RefusedInput, match="shipped"), shipped.lock():
        pass


def test_a_part_that_changed_since_the_run_was_finished_is_named(folder):
    folder.write_tensors("improved.safetensors", lambda path: path.write_bytes(bytes(1000)))
    folder.write_json("state.json", 1)
    assert folder.damaged_parts() is None
    folder.finish({"kind": "reweight"})
    assert folder.damaged_parts() == []
    assert folder.parts == ("improved.safetensors", "run.json", "state.json")
    part = folder.path / "improved.safetensors"
    part.write_bytes(bytes(500) + b"\1" + bytes(499))
    (folder.path / "state.json").unlink()
    (folder.path / "run.json").write_text('{"kind": "reweight", "key": "abd"}\n')
    assert folder.damaged_parts() == ["improved.safetensors", "state.json", "run.json"]


def test_a_part_that_came_after_the_end_is_nobodys_damage(folder):
    folder.finish({"kind": "reweight"})
    folder.write_json("later.json", 1)
    assert folder.damaged_parts() == []


def test_a_record_that_is_damaged_itself_is_refused(folder):
    folder.finish({"kind": "reweight"})
    (folder.path / ".hashes.json").write_text("[1]")
    with pytest.raises(RefusedInput, match=r"\.hashes\.json is damaged"):
        folder.damaged_parts()


def test_json_that_is_too_deep_is_a_damaged_part(folder):
    folder.path.mkdir()
    (folder.path / "run.json").write_text("[" * 100_000)
    with pytest.raises(RefusedInput, match=r"part run\.json is damaged"):
        folder.manifest()


def test_a_pipe_in_the_place_of_a_part_is_damage_and_is_not_waited_for(folder):
    folder.write_json("state.json", 1)
    folder.finish({"kind": "reweight"})
    (folder.path / "state.json").unlink()
    os.mkfifo(folder.path / "state.json")
    assert folder.damaged_parts() == ["state.json"]
