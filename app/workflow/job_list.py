"""All jobs of a store as a list shows them; a damaged folder costs its own line and no other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.jobs import JobFolder, JobStatus, list_jobs
from app.workflow.cluster import cluster_words
from app.workflow.drafts import drafts_folder
from app.workflow.options import RAY
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import load_study

ACTIVE = ("waiting", "running")
"""States of a job that has a worker, or is about to."""
RESUMABLE = {
    **dict.fromkeys(("cancelled", "interrupted", "killed", "out of time"), "Go on"),
    **dict.fromkeys(("failed", "refused", "crashed", "out of memory", "disk full"), "Try again"),
}
"""What starting a job again is called, by the state it is in."""
_TOLD = ("targets", "classes", "setting", "epoch", "seed", "how", "rounds", "iterations", "candidate")


@dataclass(frozen=True)
class JobRow:
    """A job in a list.

    Attributes:
        job: its folder.
        command: what it does; empty where that cannot be read.
        study: the study file; ``None`` where that cannot be read.
        options: those that tell it from other jobs of its command, in words, and the cluster that does its work.
        status: how it stands.
        problem: why nothing more is known of it, or ``None``.
    """

    job: JobFolder
    command: str
    study: Path | None
    options: str
    status: JobStatus
    problem: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it runs or is about to."""
        return self.status.state in ACTIVE

    @property
    def is_of_draft(self) -> bool:
        """Whether it is a preview of a study that is still being filled in, which no list of studies has."""
        return self.study is not None and self.study.is_relative_to(drafts_folder(self.job.path.parents[1]))

    @property
    def study_name(self) -> str:
        """What its study is called; the file's folder where that cannot be read, nothing where no study is known."""
        if self.study is None:
            return ""
        try:
            return load_study(self.study).name
        except (RefusedInput, OSError, ValueError):
            return self.study.parent.name


def job_rows(store: Store) -> list[JobRow]:
    """Returns the jobs of a store, the latest started first."""
    return [job_row(job) for job in list_jobs(store)]


def job_row(job: JobFolder) -> JobRow:
    """Returns one job; never raises for what a dying worker or a meddling hand left in its folder."""
    status = JobStatus("interrupted")
    try:
        status = job.status()
        request = job.request()
        return JobRow(job, request.command, request.study, _in_words(request.options), status)
    except (RefusedInput, OSError) as error:
        return JobRow(job, "", None, "", status, f"The folder of job {job.id} is damaged: {error}")


def progress_words(status: JobStatus) -> str:
    """Says what an active job does or waits for, how far it is and how long it will take yet."""
    if status.state == "waiting" and status.note:
        return status.note
    if not status.total:
        return "Starting …"
    left = "" if status.seconds_left is None else f", about {duration_words(status.seconds_left)} left"
    return f"{status.stage or 'Starting'}: {status.done:,} of {status.total:,}{left} {status.note}".strip()


def duration_words(seconds: float) -> str:
    """Returns a duration in the unit that suits it, at least a second."""
    return (
        f"{max(1, round(seconds))} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def _in_words(options: dict[str, Any]) -> str:
    told = []
    for name in _TOLD:
        value = options.get(name)
        if value not in (None, [], ""):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value).replace("_", " ")
            told.append(f"{name} {shown}")
    if RAY in options:
        told.append(f"on the {cluster_words(str(options[RAY]))}")
    return " · ".join(told)
