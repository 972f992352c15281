"""What ``doctor`` says of the variables that set up Paretoscope."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from app.jobs.limits import AT_ONCE, HOURS, MEMORY, TASK_HOURS, JobLimits, task_hours
from app.workflow.access import HOSTS
from app.workflow.cluster import OFFERED
from app.workflow.doctor_checks import Check, check
from app.workflow.folder_browser import VARIABLE as ROOTS
from engine.classes import did_you_mean
from engine.cluster_address import check_address
from engine.errors import RefusedInput
from engine.models.builder_file import CODE_ROOT

_PREFIX = "PARETOSCOPE_"


def settings_check(environment: Mapping[str, str] = os.environ) -> Check:
    """Looks whether every variable of ours is known, and can be what it says."""
    ours = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}
    wrong = []
    for name, value in sorted(ours.items()):
        if name not in _PROBLEMS:
            wrong.append(f"{name} is no setting. {did_you_mean(name, list(_PROBLEMS)) or 'Unset it'}")
        elif value and (problem := _PROBLEMS[name](value)):
            wrong.append(problem if name in problem else f"{name}: {problem}")
    if wrong:
        return check("settings", False, "; ".join(wrong))
    return check("settings", True, f"set: {', '.join(sorted(ours))}" if ours else "all as they are by default")


def _no_folder(value: str) -> str | None:
    return None if Path(value).expanduser().is_dir() else f"{value} is no folder: make it, or name another"


def _no_folders(value: str) -> str | None:
    found = [_no_folder(part) for part in value.split(os.pathsep) if part]
    return "; ".join(filter(None, found)) or None


def _no_store(value: str) -> str | None:
    return f"{value} is a file: name a folder" if Path(value).is_file() else None


def _no_limit(name: str) -> Callable[[str], str | None]:
    def problem(value: str) -> str | None:
        try:
            JobLimits.from_environment({name: value})
            task_hours({name: value})
        except RefusedInput as refusal:
            return str(refusal)
        return None

    return problem


def _no_cluster(value: str) -> str | None:
    try:
        check_address(value)
    except RefusedInput as refusal:
        return str(refusal)
    return None


_PROBLEMS: dict[str, Callable[[str], str | None]] = {
    "PARETOSCOPE_STORE": _no_store,
    ROOTS: _no_folders,
    CODE_ROOT: _no_folder,
    **{name: _no_limit(name) for name in (MEMORY, HOURS, AT_ONCE, TASK_HOURS)},
    OFFERED: _no_cluster,
    HOSTS: lambda value: None if re.fullmatch(r"[\w.*:, -]+", value) else "write names with commas between them",
    # Of the server's own, of the benchmarks and of the tests.
    "PARETOSCOPE_ADDRESS": lambda _: None,
    "PARETOSCOPE_DATA": _no_folder,
    "PARETOSCOPE_CHROMIUM": lambda _: None,
}
"""By variable what says why a value cannot be used, or ``None`` where it can."""
