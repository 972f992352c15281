import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.plain_pickle import pixel_table, plain_dictionary
from engine.errors import RefusedInput


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data_batch_1"


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_that_could_run_is_called(file: Path, tmp_path: Path, protocol: int) -> None:
    file.write_bytes(pickle.dumps({"data": Payload(tmp_path / "ran"), "labels": [1]}, protocol=protocol))

    with pytest.raises(RefusedInput, match=r"data_batch_1 cannot be read safely: it asks for .*system"):
        plain_dictionary(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "thing", [np.float64(1), np.random.default_rng(0), Path("a"), {1, 2}.__class__, np.dtype, len, range(3)]
)
def test_things_that_such_a_file_has_no_need_of_are_refused_by_their_name(file: Path, thing: object) -> None:
    file.write_bytes(pickle.dumps({"data": thing}))

    with pytest.raises(RefusedInput, match=r"it asks for|which could run code|has no array"):
        pixel_table(plain_dictionary(file)["data"], file.name)


def test_a_name_within_an_allowed_module_is_refused(file: Path) -> None:
    file.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.")

    with pytest.raises(RefusedInput, match=r"it asks for numpy\.ndarray\.dump"):
        plain_dictionary(file)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), dtype=np.float32),
        np.zeros(6, dtype=np.uint8),
        np.array([[{}]], dtype=object),
        np.zeros((2, 3), dtype=np.int8),
        np.zeros((1, 1), dtype=[("a", "u1")]),
    ],
)
def test_an_array_that_is_no_table_of_bytes_is_refused(file: Path, array: np.ndarray) -> None:
    file.write_bytes(pickle.dumps({"data": array}, protocol=2))

    with pytest.raises(RefusedInput, match="its data are no table of bytes"):
        pixel_table(plain_dictionary(file)["data"], file.name)


def test_an_array_in_columns_is_read_as_it_was(file: Path) -> None:
    array = np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    file.write_bytes(pickle.dumps({"data": array}, protocol=2))

    assert (pixel_table(plain_dictionary(file)["data"], file.name) == array).all()


def test_an_array_that_lies_about_its_shape_is_refused(file: Path) -> None:
    content = pickle.dumps({"data": np.zeros((2, 3), dtype=np.uint8)}, protocol=2)
    file.write_bytes(content.replace(b"K\x02K\x03", b"K\x63K\x63"))

    with pytest.raises(RefusedInput, match="its data are no table of bytes"):
        pixel_table(plain_dictionary(file)["data"], file.name)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        # Kept under the number 2**32 - 1: a table of 64 GB.
        (b"\x80\x02}r\xff\xff\xff\xff.", "more memory than it has data"),
        # Bytes, and an array of bytes, of 2**40.
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".", "remain"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".", "remain"),
        (b"\x80\x05\x97.", "refers to what is not in the file"),
        (b"\x80\x02U\x01aQ.", "refers to what is not in the file"),
        (b"\x80\x02]q\x00.", "holds no dictionary"),
    ],
)
def test_what_declares_more_than_it_holds_is_refused_before_it_is_loaded(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)

    with pytest.raises(RefusedInput, match=why):
        plain_dictionary(file)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_of_a_file_leads_to_anything_but_a_refusal(file: Path, data: st.DataObject) -> None:
    held = {"data": np.zeros((3, 4), dtype=np.uint8), "labels": [0, 1, 2], "filenames": ["a", "b", "c"]}
    content = bytearray(pickle.dumps(held, protocol=data.draw(st.sampled_from([2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(bytes(content))

    try:
        pixel_table(plain_dictionary(file).get("data"), file.name)
    except RefusedInput:
        return
