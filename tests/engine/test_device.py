"""Which device and how many threads a study gets."""

from collections.abc import Iterator

import pytest
import torch

from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.study import Compute


@pytest.fixture(autouse=True)
def _restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_cpu_is_taken_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device(Compute(device="cpu")) == torch.device("cpu")


@pytest.mark.parametrize(("available", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, available: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert resolve_device(Compute()).type == device


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RefusedInput, match=r"device is 'cuda' but torch sees no GPU.*'auto' or 'cpu'"):
        resolve_device(Compute(device="cuda"))


def test_the_number_of_threads_is_set_and_zero_brings_all_back() -> None:
    everything = torch.get_num_threads()
    resolve_device(Compute(device="cpu", threads=everything + 1))
    assert torch.get_num_threads() == everything + 1
    resolve_device(Compute(device="cpu", threads=0))
    assert torch.get_num_threads() == everything
