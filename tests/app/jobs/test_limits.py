import subprocess
import sys

import pytest

from app.jobs import limits
from app.jobs.limits import JobLimits, hours_words, machine_memory, memory_limit, memory_words
from engine.errors import RefusedInput

CONFINED = """
from app.jobs.limits import JobLimits, confine, memory_limit
from pathlib import Path

confine(JobLimits(memory=10**9, hours=1, at_once=1))
try:
    bytearray(10**9)
except MemoryError:
    print(memory_limit(), Path("/proc/self/oom_score_adj").read_text().strip())
"""


def test_without_settings_a_job_gets_most_of_the_memory_a_week_and_one_of_two_places() -> None:
    usual = JobLimits.from_environment({"PARETOSCOPE_JOB_MEMORY": " ", "PARETOSCOPE_JOB_HOURS": ""})
    assert usual == JobLimits(memory=int(0.8 * machine_memory()), hours=168, at_once=2)


@pytest.mark.parametrize(
    ("told", "size"), [("8GB", 8 * 10**9), ("1.5 gb", 1_500_000_000), ("2GiB", 2**31), ("4000 MB", 4 * 10**9)]
)
def test_limits_are_read_from_the_environment(told: str, size: int) -> None:
    environment = {"PARETOSCOPE_JOB_MEMORY": told, "PARETOSCOPE_JOB_HOURS": "0.5", "PARETOSCOPE_JOBS_AT_ONCE": "3"}
    assert JobLimits.from_environment(environment) == JobLimits(size, 0.5, 3)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *(
            ("PARETOSCOPE_JOB_MEMORY", told)
            for told in ("8", "-8GB", "lots", "0.5GB", "8GBB", "9" * 400 + "GB", "1e3GB")
        ),
        *(("PARETOSCOPE_JOB_HOURS", told) for told in ("0", "-1", "nan", "inf", "two", "1e9")),
        *(("PARETOSCOPE_JOBS_AT_ONCE", told) for told in ("0", "65", "1.5", "-1", "²", "9" * 5000)),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_its_name(name: str, told: str) -> None:
    with pytest.raises(RefusedInput, match=f"{name} is '.*Expected .*Correct it") as refused:
        JobLimits.from_environment({name: told})
    assert len(str(refused.value)) < 300


def test_a_process_gets_no_more_memory_than_its_limit_and_is_the_first_that_the_kernel_ends() -> None:
    told = subprocess.run([sys.executable, "-c", CONFINED], stdout=subprocess.PIPE, text=True, check=True)
    assert told.stdout.split() == [str(10**9), "500"]
    assert memory_limit() != 10**9


def test_a_container_with_less_memory_than_the_machine_counts(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine_memory()
    (tmp_path / "limit").write_text("123456789\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(limits, "_CGROUP_LIMITS", (tmp_path / "none", tmp_path / "missing"))
    assert machine_memory() >= whole
    monkeypatch.setattr(limits, "_CGROUP_LIMITS", (tmp_path / "none", tmp_path / "limit"))
    assert machine_memory() == 123456789


def test_sizes_and_times_are_told_in_the_unit_that_suits_them() -> None:
    assert [memory_words(size) for size in (8 * 10**9, 1_500_000_000, 5 * 10**8)] == ["8 GB", "1.5 GB", "500 MB"]
    assert [hours_words(hours) for hours in (168, 1, 0.5, 1 / 60)] == ["168 hours", "1 hour", "30 minutes", "1 minute"]
