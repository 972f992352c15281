"""Processes that can be killed two hundred times within minutes: forked from one that has imported torch already.

Run as ``python -m tests.hostile.preloaded``. Each line of its input is a JSON list, the name of a deed and its
arguments. It forks a process with a session of its own that does the deed, and answers with the process's number, and
with its exit status once that is over. Forking is safe because no thread was started before; the project itself never
forks.
"""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue

REPOSITORY = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 60
"""That commits go on where nobody is left to kill them."""
PART_SAMPLES = 8
"""Of influence vectors, so that a small study has many parts to lose."""


class Preloaded:
    """The process with everything imported, as its user sees it; made by :func:`preloaded`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, output = process.stdin, process.stdout
        self._answers: Queue[int] = Queue()

        def read() -> None:
            for line in output:
                self._answers.put(int(line))

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def begin(self, deed: str, *arguments: object) -> int:
        """Starts a process that does a deed; returns its number, which is that of its group."""
        print(json.dumps([deed, *map(str, arguments)]), file=self._input, flush=True)
        return self._answers.get(timeout=60)

    def kill(self, worker: int) -> bool:
        """Kills the process that was begun last, and all it started; returns whether it was still at work."""
        with suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)
        return self.ended() == -signal.SIGKILL

    def close(self) -> None:
        """Ends the process, before its output is closed under whoever reads it."""
        self._input.close()
        self._reader.join()

    def ended(self, seconds: float | None = None) -> int | None:
        """Waits for the process that was begun last; returns its exit status, or ``None`` if it goes on."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return None


@contextmanager
def preloaded() -> Iterator[Preloaded]:
    """Keeps such a process for as long as something is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.preloaded"],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        begun = Preloaded(process)
        try:
            yield begun
        finally:
            begun.close()


def add_run(template: Path, runs: Path, key: str) -> None:
    """Puts a finished run beside others as a worker does: its parts whole, ``run.json`` last."""
    from cache.run_folder import MANIFEST, RunFolder

    folder = RunFolder(runs / key)
    shutil.copytree(template, folder.path, ignore=shutil.ignore_patterns(MANIFEST, ".*"))
    folder.finish(RunFolder(template).manifest())


def _do_job(folder: str) -> int:
    from app.jobs.worker import main

    with open(Path(folder) / "log.txt", "ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    return main([folder])


def _commit(root: str, template: str, first: str, acknowledged: str) -> int:
    """Adds runs and takes them into the cache until it is killed; each is acknowledged after its commit."""
    from cache import Cache
    from cache.store import Store

    store = Store(Path(root))
    told = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    number = int(first)
    end = time.monotonic() + _LONGEST_SECONDS
    with Cache.open(store) as cache:
        while time.monotonic() < end:
            add_run(Path(template), store.runs_folder, f"run{number:06d}")
            for key in cache.ingest():
                os.write(told, f"{key}\n".encode())
            number += 1
    return 1


_NEEDED = (
    "app.jobs.worker",
    "app.workflow.commands",
    "cache.cache",
    "pyarrow.dataset",
    "rich.progress",
    "sklearn.cluster",
    "torch._dynamo",
)
"""What a job imports, at its start or later."""
_DEEDS: dict[str, Callable[..., int]] = {"job": _do_job, "commit": _commit}


def _serve() -> None:
    for name in _NEEDED:
        importlib.import_module(name)
    import engine.influence.parts

    engine.influence.parts.PART_SAMPLES = PART_SAMPLES
    threads = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    # The allocator of pyarrow sees to its own thread when it is forked.
    left = threads - {"python", "jemalloc_bg_thd"} - {Path(sys.executable).name[:15]}
    assert not left, f"threads {left}: what is forked now would wait for them in vain"
    answers = os.dup(1)
    for line in sys.stdin:
        deed, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(_DEEDS[deed](*arguments))
        os.write(answers, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    _serve()
