import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.data.npz import NpzReader
from engine.errors import RefusedInput
from engine.study import Study
from tests.engine.data.hostile_headers import HOSTILE_HEADERS, npy_of

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
LABELS = np.array([0, 1, 0, 1, 0])
Reader = Callable[..., NpzReader]


@pytest.fixture
def reader(make_study: Callable[..., Study], tmp_path: Path) -> Reader:
    def opened(content: bytes | None = None, data: dict[str, Any] | None = None, **arrays: Any) -> NpzReader:
        path = tmp_path / "train.npz"
        if content is None:
            np.savez_compressed(path, **arrays)
        else:
            path.write_bytes(content)
        return NpzReader(path, make_study(format="npz", train="train.npz", validation=0.5, **(data or {})).data)

    return opened


def nothing(count: int) -> None:
    pass


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(array: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    )
    return stream.getvalue() + array.tobytes()


def test_colour_pictures_are_read_channels_first(reader: Reader) -> None:
    file = reader(x=PICTURES, label=LABELS)
    rows = np.array([1, 4])
    assert torch.equal(file.inputs(rows, nothing), torch.from_numpy(PICTURES[rows]).permute(0, 3, 1, 2))
    assert file.labels().values.tolist() == LABELS.tolist()
    assert file.sources(rows) == ("train.npz#1", "train.npz#4")


def test_pictures_without_a_channel_axis_have_one_channel(reader: Reader) -> None:
    file = reader(x=PICTURES[..., 0], label=LABELS)
    assert torch.equal(file.inputs(np.arange(5), nothing)[:, 0], torch.from_numpy(PICTURES[..., 0].copy()))


def test_arrays_may_have_other_names_and_labels_be_words(reader: Reader) -> None:
    words = np.array(["b", "a", "b", "a", "b"])
    file = reader(data={"input": "images", "label": "targets"}, images=PICTURES, targets=words)
    assert file.labels().values.tolist() == words.tolist()


@pytest.mark.parametrize("dtype", ["float64", "<f4", ">f4", "int16", "bool"])
def test_tables_of_every_kind_of_number_become_float32(reader: Reader, dtype: str) -> None:
    table = np.arange(10).reshape(5, 2).astype(dtype)
    file = reader(data={"modality": "tabular"}, x=table, label=LABELS.astype(">i4"))
    assert torch.equal(file.inputs(np.array([0, 3]), nothing), torch.tensor(table[[0, 3]].astype(np.float32)))
    assert file.labels().values.tolist() == LABELS.tolist()


def test_columns_first_arrays_are_read_alike(reader: Reader) -> None:
    table = np.asfortranarray(np.arange(10.0).reshape(5, 2))
    file = reader(data={"modality": "tabular"}, x=table, label=LABELS)
    assert file.inputs(np.array([0, 3]), nothing).tolist() == [[0, 1], [6, 7]]


def test_arrays_larger_than_a_block_are_read_in_pieces(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.npz._BLOCK_BYTES", 150)
    file = reader(x=PICTURES, label=LABELS)
    for rows in ([0, 1, 2, 3, 4], [3], [0, 4]):
        assert torch.equal(file.inputs(np.array(rows), nothing), torch.from_numpy(PICTURES[rows]).permute(0, 3, 1, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_value_that_is_not_finite_is_refused_by_row_and_column(reader: Reader, value: float) -> None:
    table = np.zeros((5, 2))
    table[3, 1] = value
    with pytest.raises(RefusedInput, match=r"row 3 has no finite number in 'x\[:, 1\]'"):
        reader(data={"modality": "tabular"}, x=table, label=LABELS).inputs(np.array([0, 3]), nothing)


@pytest.mark.parametrize("name", ["x", "label"])
def test_objects_are_refused_and_never_unpickled(reader: Reader, tmp_path: Path, name: str) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    arrays = {"x": PICTURES, "label": LABELS} | {name: np.array([Payload()] * 5, dtype=object)}
    with pytest.raises(RefusedInput, match=f"'{name}' is an array of objects"):
        reader(**arrays)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arrays", "modality", "message"),
    [
        ({"y": PICTURES, "label": LABELS}, "image", "has no 'x'.*one of y, label"),
        ({"x": PICTURES, "labels": LABELS}, "image", "has no 'label'.*Write 'labels'"),
        ({"x": PICTURES / 255, "label": LABELS}, "image", "type float64.*as uint8"),
        ({"x": PICTURES[..., :2], "label": LABELS}, "image", "C = 1 or 3"),
        ({"x": PICTURES[:, 0, 0], "label": LABELS}, "image", "modality = 'tabular'"),
        ({"x": PICTURES, "label": LABELS}, "tabular", "a table N x D"),
        ({"x": np.zeros((5, 2), complex), "label": LABELS}, "tabular", "real numbers"),
        ({"x": PICTURES, "label": LABELS[:3]}, "image", "one label for each input"),
        ({"x": PICTURES, "label": np.eye(5)}, "image", "one label for each input"),
        ({"x": PICTURES, "label": np.array([b"a"] * 5)}, "image", "labels as text or whole numbers"),
    ],
)
def test_arrays_of_another_kind_are_refused(
    reader: Reader, arrays: dict[str, np.ndarray], modality: str, message: str
) -> None:
    with pytest.raises(RefusedInput, match=message):
        reader(data={"modality": modality}, **arrays)


def test_several_arrays_as_input_are_refused(reader: Reader) -> None:
    with pytest.raises(RefusedInput, match="input names 2 arrays"):
        reader(data={"modality": "tabular", "input": ("a", "b")}, a=PICTURES, b=PICTURES, label=LABELS)


@pytest.mark.parametrize("shape", [(10**12, 4, 6, 3), (6, 4, 6, 3), (4, 4, 6, 3), (-5, 4, 6, 3)])
def test_a_header_that_lies_about_the_shape_is_refused_before_anything_is_allocated(
    reader: Reader, shape: tuple[int, ...]
) -> None:
    with pytest.raises(RefusedInput, match=r"train.npz cannot be read: 'x' says"):
        reader(archive(x=npy(PICTURES, shape), label=npy(LABELS)))


def test_an_archive_that_lies_about_its_size_is_refused(reader: Reader) -> None:
    declared = 10**6 * PICTURES[0].size
    honest = archive(x=npy(PICTURES, (10**6, *PICTURES.shape[1:])), label=npy(LABELS))
    header = len(npy(PICTURES)) - PICTURES.nbytes
    size = (header + PICTURES.nbytes).to_bytes(4, "little")
    lying = honest.replace(size * 2, size + (header + declared).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(RefusedInput, match="more than the file can unpack to"):
        reader(lying)


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        archive(x=b"", label=npy(LABELS)),
        archive(x=b"\x93NUMPY\x01\x00\x10\x00{'descr': oops}", label=npy(LABELS)),
        archive(x=b"\x93NUMPY\x09\x00" + bytes(40), label=npy(LABELS)),
    ],
)
def test_what_is_no_archive_of_arrays_is_refused(reader: Reader, content: bytes) -> None:
    with pytest.raises(RefusedInput, match=r"train.npz cannot be read"):
        reader(content)


def test_a_member_that_would_be_written_elsewhere_is_refused(reader: Reader) -> None:
    content = archive(**{"x": npy(PICTURES), "label": npy(LABELS), "../evil": npy(LABELS)})
    with pytest.raises(RefusedInput, match="leads out of the archive"):
        reader(content)


def test_flipped_bytes_are_refused(reader: Reader) -> None:
    many = npy(np.tile(PICTURES, (40, 1, 1, 1)))
    broken = bytearray(archive(x=many, label=npy(np.tile(LABELS, 40))))
    broken[len(many)] ^= 255
    with pytest.raises(RefusedInput, match="'x' breaks off"):
        reader(bytes(broken)).inputs(np.arange(5), nothing)


def test_text_that_is_no_unicode_is_refused(reader: Reader) -> None:
    words = np.array([0xD800] * 5, dtype=np.uint32).view("<U1")
    with pytest.raises(RefusedInput, match="'label' holds broken text"):
        reader(x=PICTURES, label=words).labels()


def test_a_header_that_says_it_is_gigabytes_long_is_refused_without_unpacking_it(reader: Reader) -> None:
    endless = b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b" " * 30_000_000
    content = archive(x=endless, label=npy(LABELS))

    tracemalloc.start()
    with pytest.raises(RefusedInput, match="no proper header"):
        reader(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_a_header_that_is_no_description_of_an_array_is_refused(reader: Reader, header: str) -> None:
    with pytest.raises(RefusedInput, match="no proper header"):
        reader(archive(x=npy_of(header), label=npy(LABELS)))
