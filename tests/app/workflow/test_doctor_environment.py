"""What ``doctor`` says of the machine and of what is installed."""

import importlib.metadata
import importlib.util
import warnings

import pytest
import torch

from app.workflow.doctor_environment import (
    REQUIREMENTS,
    gpu_check,
    memory_check,
    package_check,
    ray_check,
    safe_loading_check,
    torch_check,
)


@pytest.fixture
def driver(tmp_path):
    (tmp_path / "nvidia0").touch()
    return (tmp_path / "nvidia0",)


def test_what_is_installed_is_compared_with_what_is_asked_for(tmp_path):
    assert package_check()["ok"], package_check()["message"]
    asked = REQUIREMENTS.read_text().replace("duckdb>=2.0,<3", "duckdb>=99  # too new\nno-such-package>=1.0")
    (tmp_path / "requirements.txt").write_text(asked + "\nno-other-package; python_version < '3'\n")
    found = package_check(tmp_path / "requirements.txt")
    assert not found["ok"]
    assert "instead of >=99; no-such-package is not installed (>=1.0 is asked for). Install" in found["message"]
    assert "pip install -r requirements.txt" in found["message"]
    assert "no-other-package" not in found["message"]


def test_ray_is_optional_and_its_version_told_where_it_is_there(monkeypatch):
    installed = ray_check()
    assert installed["ok"]
    assert f"Ray {importlib.metadata.version('ray')}" in installed["message"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = ray_check()
    assert missing["ok"]
    assert missing["message"] == "not installed (optional): pip install -r requirements-ray.txt to use --ray"


def test_another_ray_than_is_asked_for_is_told(tmp_path):
    (tmp_path / "requirements-ray.txt").write_text("-r requirements.txt\nray>=99  # too new\n")
    found = ray_check(tmp_path / "requirements-ray.txt")
    assert not found["ok"]
    assert "instead of >=99. Install it with: " in found["message"]


def test_what_computes_is_told():
    assert f"torch {torch.__version__}" in torch_check()["message"]


def test_a_machine_without_a_gpu_is_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = gpu_check((tmp_path / "none",))
    assert found["ok"]
    assert "there is none" in found["message"]


def test_a_driver_that_torch_cannot_use_is_told_with_the_reason_of_torch(driver, monkeypatch):
    def is_available() -> bool:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old\nmore", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    found = gpu_check(driver)
    assert not found["ok"]
    assert "(CUDA initialization: The NVIDIA driver on your system is too old). Update the driver" in found["message"]


def test_a_torch_of_the_cpu_alone_beside_a_gpu_is_told(driver, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    found = gpu_check(driver)
    assert not found["ok"]
    assert "made for the CPU alone" in found["message"]


@pytest.fixture
def one_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "Some GPU")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (8 * 10**9, 24 * 10**9))
    ones = torch.ones

    def put(failure: str | None, value: float = 1.0) -> None:
        def on_the_gpu(*sizes: int, device: str) -> torch.Tensor:
            assert device == "cuda:0"
            if failure:
                raise RuntimeError(failure)
            return value * ones(*sizes)

        monkeypatch.setattr(torch, "ones", on_the_gpu)

    return put


def test_a_gpu_that_computes_is_told_with_its_memory(one_gpu):
    one_gpu(None)
    assert gpu_check() == {"name": "gpu", "ok": True, "message": "computes: Some GPU, 8.0 GB of 24.0 GB free"}


def test_a_gpu_that_does_not_compute_is_told(one_gpu):
    one_gpu("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be")
    found = gpu_check()
    assert not found["ok"]
    assert "Some GPU cannot be used (CUDA error: no kernel image is available" in found["message"]
    one_gpu(None, value=2.0)
    assert "computes wrongly: a sum of 512 is 2048" in gpu_check()["message"]


def test_little_memory_is_told():
    assert memory_check(lambda: 16 * 10**9)["ok"]
    small = memory_check(lambda: 2 * 10**9)
    assert not small["ok"]
    assert "2.0 GB of memory" in small["message"]


@pytest.mark.parametrize(("value", "ok"), [(None, True), ("0", True), ("1", False), ("yes", False)])
def test_the_variable_that_lets_checkpoints_run_code_is_told(value, ok, monkeypatch):
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", raising=False)
    if value is not None:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", value)
    assert safe_loading_check()["ok"] == ok
