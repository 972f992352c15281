"""Hostile and damaged model files: each is refused by name, and none runs code."""

import argparse
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from engine.errors import RefusedInput
from engine.models import read_tensors

GOOD = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.trace}",)


def repacked(
    source: Path, target: Path, change: Callable[[str, bytes], bytes], packing: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", packing) as new:
        for member in old.infolist():
            new.writestr(member.filename, change(member.filename, old.read(member)))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_safetensors_are_read_whatever_their_suffix(tmp_path: Path, suffix: str) -> None:
    save_file(GOOD, tmp_path / f"a{suffix}")
    tensors, notices = read_tensors(tmp_path / f"a{suffix}")
    assert tensors.keys() == GOOD.keys()
    assert all(torch.equal(tensors[name], GOOD[name]) for name in GOOD)
    assert notices == ()


@pytest.mark.parametrize("old_format", [True, False])
def test_state_dicts_of_torch_are_read_in_its_old_and_new_format(tmp_path: Path, old_format: bool) -> None:
    torch.save(GOOD, tmp_path / "a.pt", _use_new_zipfile_serialization=not old_format)
    tensors, notices = read_tensors(tmp_path / "a.pt")
    assert tensors.keys() == GOOD.keys()
    assert all(torch.equal(tensors[name], GOOD[name]) for name in GOOD)
    assert notices == ()


def test_a_state_dict_is_mapped_from_its_file_so_its_size_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.full((4,), 3.0)}, path)
    tensors, _ = read_tensors(path)
    place = path.read_bytes().index(np.full(4, 3.0, np.float32).tobytes())
    with path.open("r+b") as file:  # in place: what is mapped shows the change, a copy would not
        file.seek(place)
        file.write(np.full(4, 5.0, np.float32).tobytes())
    assert tensors["a"].tolist() == [5.0] * 4


def test_a_state_dict_of_torch_under_the_name_of_safetensors_is_refused(tmp_path: Path) -> None:
    torch.save(GOOD, tmp_path / "a.safetensors")
    with pytest.raises(RefusedInput, match=r"written by torch\.save but is named \.safetensors.*Rename it to \.pt"):
        read_tensors(tmp_path / "a.safetensors")


@pytest.mark.parametrize("entry", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_within_a_training_record_is_found_with_a_notice(tmp_path: Path, entry: str) -> None:
    torch.save({"epoch": 3, entry: GOOD, "loss": 0.5}, tmp_path / "a.pt")
    tensors, notices = read_tensors(tmp_path / "a.pt")
    assert tensors.keys() == GOOD.keys()
    assert notices == (f"a.pt: the state dict was taken from its entry '{entry}'",)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x93\x17\xfa\x02" * 300, "is no checkpoint, or is damaged"),
        (b"\n  <!DOCTYPE html><html><body>404</body></html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "only points to a file in Git LFS"),
        (pickle.dumps(GOOD), "is a pickle, which can run code"),
        (save(GOOD)[:-5], "is no sound safetensors file"),
        (struct.pack("<Q", 10**15) + b"{" + bytes(50), "is no sound safetensors file"),
        (struct.pack("<Q", 40) + b'{"a": not json' + bytes(50), "is no sound safetensors file"),
    ],
)
def test_what_is_no_checkpoint_is_told_for_what_it_is(
    tmp_path: Path, suffix: str, content: bytes, message: str
) -> None:
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(RefusedInput, match=rf"a\{suffix} {message}.*Expected a state dict"):
        read_tensors(tmp_path / f"a{suffix}")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="there is no checkpoint file"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("old_format", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_state_dict_is_refused(tmp_path: Path, old_format: bool, share: float) -> None:
    torch.save(GOOD, tmp_path / "a.pt", _use_new_zipfile_serialization=not old_format)
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RefusedInput, match=r"damaged or cut off.*Copy the file again"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("old_format", [True, False])
def test_a_payload_is_named_and_not_run(tmp_path: Path, old_format: bool) -> None:
    trace = tmp_path / "ran"
    torch.save({"a": Payload(trace)}, tmp_path / "a.pt", _use_new_zipfile_serialization=not old_format)
    with pytest.raises(RefusedInput, match=r"more than tensors: \w+\.system, which could run code.*save_file"):
        read_tensors(tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(RefusedInput, match="is a pickle"):
        read_tensors(tmp_path / "b.pt")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nn.Linear(2, 2), r"a whole module or class \(torch\.nn\.modules\.linear\.Linear\)"),
        ({"a": argparse.Namespace(lr=1)}, r"more than tensors: argparse\.Namespace"),
        ({"a": np.float64(1)}, r"NumPy values \(numpy\.[\w.]+\) beside its tensors"),
        ({"a": torch.ones(2), "epoch": 3}, r"entry 'epoch' is of type int instead of a tensor"),
        ({3: torch.ones(2)}, r"entry '3' is of type Tensor"),
        ([torch.ones(2)], r"holds a list instead of a state dict"),
        (torch.ones(2), r"holds a Tensor instead of a state dict"),
    ],
)
def test_what_is_more_or_else_than_a_state_dict_is_named(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(RefusedInput, match=message) as refusal:
        read_tensors(tmp_path / "a.pt")
    assert "weights_only" not in str(refusal.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "a.pt"))
    with pytest.raises(RefusedInput, match="is a TorchScript program, which runs code"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("member", ["a/archive_format", "a/models/model.json", "a/serialized_exported_program.json"])
def test_an_exported_program_is_refused_by_what_it_contains(tmp_path: Path, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr(member, "pt2")
        archive.writestr("a/data.pkl", b"")
    with pytest.raises(RefusedInput, match=r"is an exported program \(\.pt2\), which runs code"):
        read_tensors(tmp_path / "a.pt")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(RefusedInput, match="is a zip archive without a state dict"):
        read_tensors(tmp_path / "a.npz")


def test_a_compressed_archive_is_refused_with_what_it_would_unpack_to(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(500_000)}, tmp_path / "a.pt")
    repacked(tmp_path / "a.pt", tmp_path / "b.pt", lambda _, content: content, zipfile.ZIP_DEFLATED)
    with pytest.raises(RefusedInput, match=r"compressed archive of [\d,]+ bytes that would unpack to 2,\d{3},\d{3}"):
        read_tensors(tmp_path / "b.pt")


def test_one_stored_value_is_not_taken_for_a_trillion(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    with pytest.raises(RefusedInput, match=r"'a' declares 1,000,000,000,000 elements but stores fewer"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("elements", [2**32, 2**40])
def test_a_storage_that_lies_about_its_size_is_refused(tmp_path: Path, elements: int) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pt")
    number = b"\x8a\x06" + elements.to_bytes(6, "little")

    def lie(name: str, content: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return content
        lying = content.replace(b"K\x03t", number + b"t").replace(b"K\x00K\x03\x85", b"K\x00" + number + b"\x85")
        assert lying != content
        return lying

    repacked(tmp_path / "a.pt", tmp_path / "b.pt", lie)
    with pytest.raises(RefusedInput, match="damaged or cut off"):
        read_tensors(tmp_path / "b.pt")


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants:UserWarning")
@pytest.mark.parametrize(
    "tensor",
    [
        torch.eye(3).to_sparse(),
        torch.empty(3, device="meta"),
    ],
    ids=["sparse", "meta"],
)
def test_tensors_that_are_not_dense_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"a": tensor}, tmp_path / "a.pt")
    with pytest.raises(RefusedInput, match="tensor 'a' is sparse, quantised or without values"):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_an_environment_without_torchs_protection_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    save_file(GOOD, tmp_path / f"a{suffix}")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RefusedInput, match=r"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD.*Unset it"):
        read_tensors(tmp_path / f"a{suffix}")
