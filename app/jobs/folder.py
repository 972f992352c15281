"""What is known of a job lies in its folder, so any process can tell how it stands.

========================  ==========================================================
``request.json``          what was asked
``lock``                  held by the worker until its death (:mod:`app.jobs.lock`)
``worker.json``           process and time of start of the latest worker
``waiting.json``          there while it waits for a place (:mod:`app.jobs.places`)
``progress.json``         how far it is
``cancel``                there when the user asked it to stop
``result.json``           the outcome; ``inputs.json``: stamps of what it came from
``error.json``            the other outcome: refused, failed or cancelled, and why
``exit.json``             how the process ended, where its starter outlived it
``reserve``               room for the outcome on a disk that is full by then
``log.txt``               output and tracebacks of all workers of this job
========================  ==========================================================

Every JSON file is replaced whole, so a reader never sees half of one.
"""

import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from app.jobs import lock
from app.jobs.endings import CANCELLED, ToldEnd, boot_id, death_in_words
from app.jobs.freshness import Stamps, is_unchanged
from app.jobs.readings import number, read_object, text
from engine.errors import RefusedInput
from engine.whole_files import PARTIAL, write_whole

State = Literal[
    "waiting",
    "running",
    "finished",
    "cancelled",
    "refused",
    "out of memory",
    "out of time",
    "disk full",
    "killed",
    "crashed",
    "failed",
    "interrupted",
]

_OF_AN_ATTEMPT = ("result", "inputs", "error", "worker", "waiting", "progress", "exit")
_RESERVED_BYTES = 16_384


@dataclass(frozen=True)
class JobRequest:
    """What a job was asked to do, and where.

    Args:
        command: a name of ``app.workflow.commands.COMMANDS``.
        study: the study file.
        options: the command's options, as JSON can hold them.
        store: root of the store.
        samples: folder of the shipped runs, if any.
    """

    command: str
    study: Path
    options: dict[str, Any]
    store: Path
    samples: Path | None


@dataclass(frozen=True)
class JobStatus:
    """How a job stands, in words for the user.

    Attributes:
        state: ``waiting`` (launched, not yet at work), ``running``, ``finished``, or how
            it ended otherwise: whichever that is, it can be started again. ``interrupted``:
            no worker is alive, and nobody saw its end.
        stage: what the worker does, or did last.
        done: finished steps of the stage.
        total: all steps of the stage.
        note: the worker's remark on the step, or what the job waits for.
        seconds_left: expected until the end of the stage; ``None``: not known yet.
        message: why there is no result; empty while there may still be one.
        result: the command's result once ``finished``.
        started: time of start of the latest worker, in seconds since 1970.
    """

    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    note: str = ""
    seconds_left: float | None = None
    message: str = ""
    result: dict[str, Any] | None = None
    started: float | None = None

    @property
    def share(self) -> float:
        """How much of its stage is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class JobFolder:
    """The folder of one job. ``path`` is the folder and its name is the job's ``id``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The job's name: 20 hexadecimal digits, safe in paths and addresses."""
        return self.path.name

    @property
    def lock_path(self) -> Path:
        """The file that a living worker holds locked."""
        return self.path / "lock"

    @property
    def log_path(self) -> Path:
        """Output and tracebacks of all workers of this job."""
        return self.path / "log.txt"

    def request(self) -> JobRequest:
        """Returns what was asked.

        Raises:
            RefusedInput: if the folder holds no readable request.
        """
        values = self._read("request")
        try:
            samples = values["samples"]
            if not isinstance(values["command"], str):
                raise TypeError(values["command"])
            return JobRequest(
                values["command"],
                Path(values["study"]),
                dict(values["options"]),
                Path(values["store"]),
                None if samples is None else Path(samples),
            )
        except (KeyError, TypeError, ValueError):
            raise RefusedInput(
                f"job {self.id} has no readable request",
                "a request.json as written at its start",
                "Start the work anew",
            ) from None

    def status(self) -> JobStatus:
        """Returns how the job stands; never raises for what a dying worker left."""
        state, message = self._state()
        progress, worker = self._read("progress"), self._read("worker")
        return JobStatus(
            state=state,
            stage=text(progress.get("stage", "")),
            done=number(progress.get("done")) or 0,
            total=number(progress.get("total")) or 0,
            note=self._waits_for() if state == "waiting" else text(progress.get("note", "")),
            seconds_left=number(progress.get("seconds_left")) if state == "running" else None,
            message=message,
            result=self._read("result") if state == "finished" else None,
            started=number(worker.get("started")),
        )

    def is_cancel_requested(self) -> bool:
        """Says whether the user asked the worker to stop."""
        return (self.path / "cancel").exists()

    def request_cancel(self) -> None:
        """Asks the worker to stop at its next report of progress."""
        (self.path / "cancel").touch()

    def log_tail(self, characters: int = 4000) -> str:
        """Returns the end of the log, or nothing where there is none yet."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, self.log_path.stat().st_size - characters))
                return log.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"The log cannot be read: {error.strerror}"

    def asked_ns(self) -> int:
        """Returns when the job was started last, in nanoseconds since 1970: its rank among those that wait."""
        return (self.path / "request.json").stat().st_mtime_ns

    def worker_pid(self) -> int | None:
        """Returns the process of the latest worker; it is alive only while the lock is held."""
        return self._read("worker").get("pid")

    def has_current_result(self) -> bool:
        """Says whether the job is finished and its data and checkpoints are unchanged since."""
        return (self.path / "result.json").exists() and is_unchanged(self._read("inputs"))

    # What starters and workers write; all but the request only under the lock.

    def write_request(self, request: JobRequest) -> None:
        """Writes down what is asked."""
        self._write("request", {key: _plain(value) for key, value in asdict(request).items()})

    def clear_attempt(self) -> None:
        """Removes what the last worker left, so the next one starts without its outcome."""
        for name in _OF_AN_ATTEMPT:
            (self.path / f"{name}.json").unlink(missing_ok=True)
            for half_written in self.path.glob(f"{PARTIAL}*-{name}.json"):
                half_written.unlink(missing_ok=True)
        for name in ("cancel", "reserve"):
            (self.path / name).unlink(missing_ok=True)

    def write_worker(self) -> None:
        """Writes down that this process is the worker now, and sets room aside for its outcome."""
        write_whole(self.path / "reserve", b"\0" * _RESERVED_BYTES, durable=False)
        self._write("worker", {"pid": os.getpid(), "started": time.time(), "boot": boot_id()})

    def write_waiting(self, before: int, places: int) -> None:
        """Writes down that this process waits for one of some places, and how many jobs come before."""
        self._write("waiting", {"before": before, "places": places}, durable=False)

    def write_begun(self) -> None:
        """Writes down that this process waits no more."""
        self.write_worker()
        (self.path / "waiting.json").unlink(missing_ok=True)

    def write_progress(self, progress: dict[str, Any]) -> None:
        """Replaces the report of progress; not forced to the disk, since the next one follows soon."""
        self._write("progress", progress, durable=False)

    def write_result(self, result: dict[str, Any], inputs: Stamps) -> None:
        """Writes the outcome; from here on the job is finished."""
        self._write("inputs", inputs)
        self._write("result", result)
        self._give_back_reserve()

    def write_error(self, kind: ToldEnd, message: str) -> None:
        """Writes why there is no result, also on a disk that is full."""
        error = {"kind": kind, "message": message}
        try:
            self._write("error", error)
        except OSError:
            self._give_back_reserve()
            self._write("error", error)
        self._give_back_reserve()

    def write_exit(self, pid: int, return_code: int, ended_for_memory: bool = False) -> None:
        """Writes down how a worker's process ended.

        Args:
            pid: its number.
            return_code: as ``subprocess`` tells it.
            ended_for_memory: whether the kernel ended a process for want of memory meanwhile.
        """
        self._write("exit", {"pid": pid, "return_code": return_code, "ended_for_memory": ended_for_memory})

    def _give_back_reserve(self) -> None:
        (self.path / "reserve").unlink(missing_ok=True)

    def _state(self) -> tuple[State, str]:
        # The lock is asked first and the outcome read after: a worker writes its
        # outcome before it lets go, so a free lock without an outcome is a death.
        held = lock.is_held(self.lock_path)
        if (self.path / "result.json").exists():
            return "finished", ""
        if held:
            begun = self._read("worker") and not (self.path / "waiting.json").exists()
            return ("running" if begun else "waiting"), ""
        error = self._read("error")
        if error.get("kind") in get_args(ToldEnd):
            return error["kind"], text(error.get("message", ""))
        if lock.is_held(self.lock_path):
            # A starter cleared the old outcome since the first look.
            return "waiting", ""
        if self.is_cancel_requested():
            return "cancelled", CANCELLED
        return death_in_words(self._read("exit"), self._read("worker"))

    def _waits_for(self) -> str:
        waiting = self._read("waiting")
        places, before = number(waiting.get("places")), number(waiting.get("before"))
        if not places:
            return ""
        place = "the one place for jobs" if places == 1 else f"one of the {places:,} places for jobs"
        others = f"; {before:,} {'was' if before == 1 else 'were'} asked for before" if before else ""
        return f"Waits for {place}{others}"

    def _read(self, name: str) -> dict[str, Any]:
        return read_object(self.path / f"{name}.json")

    def _write(self, name: str, values: dict[str, Any], durable: bool = True) -> None:
        written = json.dumps(values)  # before the file is opened: what JSON cannot hold leaves nothing behind
        write_whole(self.path / f"{name}.json", written.encode(), durable)


def is_job_id(text: str) -> bool:
    """Says whether the text can be a job's id; ids come in from addresses of pages."""
    return re.fullmatch(r"[0-9a-f]{20}", text) is not None


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
