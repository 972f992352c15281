"""What ``doctor`` says of the machine and of what is installed on it."""

import importlib.metadata
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement

from app.figures.wording import size_in_words
from app.jobs.limits import machine_memory
from app.workflow.doctor_checks import Check, check
from engine.cluster_address import ADD_RAY, is_ray_installed

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
RAY_REQUIREMENTS = REQUIREMENTS.with_name("requirements-ray.txt")
UNSAFE_LOADING = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_LEAST_MEMORY = 4 * 10**9
_OLDEST_PYTHON = (3, 11)
_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"), Path("/dev/nvidia0"), Path("/dev/dxg"))
"""One of these is there where an NVIDIA driver is loaded."""
_INSTALL = f"Install what is asked for with: {sys.executable} -m pip install -r requirements.txt"


def package_check(requirements: Path = REQUIREMENTS) -> Check:
    """Compares what is installed with what the project asks for."""
    asked = _asked_for(requirements)
    wrong = [told for told in map(_shortcoming, asked) if told]
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST_PYTHON:
        wrong.append(f"Python is {python} instead of {'.'.join(map(str, _OLDEST_PYTHON))} or newer")
    if wrong:
        return check("packages", False, f"{'; '.join(wrong)}. {_INSTALL}")
    return check("packages", True, f"Python {python} and {len(asked)} packages are as asked for")


def ray_check(requirements: Path = RAY_REQUIREMENTS) -> Check:
    """Says whether work can be done by a Ray cluster, which is optional."""
    if not is_ray_installed():
        return check("ray", True, f"not installed (optional): {ADD_RAY} to use --ray")
    if wrong := [told for told in map(_shortcoming, _asked_for(requirements)) if told]:
        return check("ray", False, f"{'; '.join(wrong)}. Install it with: {sys.executable} -m {ADD_RAY}")
    return check("ray", True, f"Ray {importlib.metadata.version('ray')}: --ray ADDRESS lets a cluster do the work")


def _asked_for(requirements: Path) -> list[Requirement]:
    """Returns what a file asks for by itself, without the files that it refers to."""
    lines = (line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def _shortcoming(requirement: Requirement) -> str | None:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed ({requirement.specifier} is asked for)"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} is {version} instead of {requirement.specifier}"


def torch_check() -> Check:
    """Says what computes here."""
    import torch

    kronfluence = importlib.metadata.version("kronfluence")
    cuda = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU alone"
    told = f"torch {torch.__version__} (made for {cuda}), {torch.get_num_threads()} threads; kronfluence {kronfluence}"
    return check("environment", True, told)


def gpu_check(drivers: tuple[Path, ...] = _DRIVERS) -> Check:
    """Looks whether there is a GPU, and whether it really computes.

    Args:
        drivers: files of which one is there where a driver is loaded.
    """
    import torch

    has_driver = any(path.exists() for path in drivers)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        failures = [f"{name} {failure}" for number, name in enumerate(names) if (failure := _failure(number))]
        if failures:
            remedy = "Install a torch that is made for it, or set [compute] device = 'cpu' in the study"
            return check("gpu", False, f"{'; '.join(failures)}. {remedy}")
        sizes = [torch.cuda.mem_get_info(number) for number in range(len(names))]
        described = [
            f"{name}, {size_in_words(free)} of {size_in_words(total)} free"
            for name, (free, total) in zip(names, sizes, strict=True)
        ]
        return check("gpu", True, f"computes: {'; '.join(described)}")
    if not has_driver:
        return check("gpu", True, "there is none: everything works on the CPU, large models take longer")
    if not torch.version.cuda:
        remedy = "install torch as requirements.txt asks for it to use the GPU"
        return check("gpu", False, f"there is a GPU's driver, but this torch is made for the CPU alone: {remedy}")
    reason = next((str(one.message).partition("\n")[0] for one in told), "torch sees no GPU")
    remedy = "Update the driver, or install a torch that is made for it; until then everything runs on the CPU"
    return check("gpu", False, f"there is a GPU's driver, but torch cannot use it ({reason.rstrip('.')}). {remedy}")


def _failure(number: int) -> str | None:
    """Returns why a GPU does not compute a product; ``None`` where it does."""
    import torch

    try:
        ones = torch.ones(8, 8, device=f"cuda:{number}")
        product = float((ones @ ones).sum())
    except RuntimeError as error:
        return f"cannot be used ({str(error).partition(chr(10))[0].rstrip('.')})"
    return None if product == 512 else f"computes wrongly: a sum of 512 is {product:g}"


def memory_check(size: Callable[[], int] = machine_memory) -> Check:
    """Says how much memory there is.

    Args:
        size: tells the bytes of the machine, or of its container.
    """
    total = size()
    told = f"{size_in_words(total)} of memory"
    if total >= _LEAST_MEMORY:
        return check("memory", True, told)
    return check("memory", False, f"{told}: expect jobs on large data to end for lack of it; [data.limit] makes less")


def safe_loading_check() -> Check:
    """Looks for the variable that lets a checkpoint run code."""
    if os.environ.get(UNSAFE_LOADING, "0") in ("", "0"):
        return check("loading", True, "checkpoints cannot run code")
    return check(
        "loading",
        False,
        f"{UNSAFE_LOADING} is set, with which a checkpoint could run code: unset it; until then every"
        " checkpoint is refused",
    )
