"""Somebody who looks at a store all the time while its workers are killed, and counts what must not be seen.

Run as ``python -m tests.hostile.onlooker``. Each line of its input is a store that it looks at from then on; when the
input ends, it answers with one JSON object. It does what the dashboard does: it reads parts and the state of jobs, and
takes what is there into the cache.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import safetensors

from cache import Cache
from cache.store import Store
from tests.hostile.preloaded import REPOSITORY


@dataclass
class Seen:
    """What an onlooker saw.

    Attributes:
        looks: how often it looked.
        lost: parts and runs that were there once, and later were gone or others.
        torn: files that were not whole.
        failed_opens: times that the cache could not be opened or asked.
    """

    looks: int = 0
    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    failed_opens: list[str] = field(default_factory=list)

    def add(self, other: "Seen") -> None:
        """Counts what another one saw too."""
        self.looks += other.looks
        for name in ("lost", "torn", "failed_opens"):
            getattr(self, name).extend(getattr(other, name))


@dataclass(frozen=True)
class KillReport:
    """What came of some kills.

    Attributes:
        kills: processes that were killed at work.
        lost: acknowledged results, parts and runs, that were gone or others afterwards.
        torn: reads of something that was not whole.
        failed_opens: times that the cache could not be opened.
        resumed_equal: whether every resumed result was that of an uninterrupted job, bit for bit.
        notes: what exactly was lost, torn or different.
    """

    kills: int
    lost: int
    torn: int
    failed_opens: int
    resumed_equal: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, kills: int, seen: Seen, different: Sequence[str] = ()) -> "KillReport":
        """Returns the report of what onlookers saw."""
        notes = (*seen.lost, *seen.torn, *seen.failed_opens, *different)
        return cls(kills, len(seen.lost), len(seen.torn), len(seen.failed_opens), not different, notes)


@contextmanager
def onlooker(seen: Seen) -> Iterator[Callable[[Path], None]]:
    """Has stores looked at for as long as something is killed in them; gives what names the next, adds to ``seen``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.onlooker"],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        lines = process.stdin
        assert lines is not None
        yield lambda store: print(store, file=lines, flush=True)
        told, _ = process.communicate(timeout=60)
        seen.add(Seen(**json.loads(told)))


class Onlooker:
    """Looks at one store, and remembers what it saw."""

    def __init__(self, root: Path, seen: Seen) -> None:
        self.store = Store(root)
        self.seen = seen
        self._stamps: dict[Path, tuple[int, int, int]] = {}
        self._contents: dict[Path, str] = {}
        self._generations: dict[Path, int] = {}
        self._ingested: set[str] = set()

    def look(self) -> None:
        """Looks once at every part, every job and the cache."""
        self.seen.looks += 1
        # Of what is there now: a part that comes meanwhile is looked at the next time.
        parts = [part for run in sorted(self.store.runs_folder.glob("*")) for part in sorted(run.glob("[!.]*"))]
        self.seen.lost += [f"part {part} is gone" for part in self._stamps.keys() - set(parts) if not part.exists()]
        for part in parts:
            self._look_at_part(part)
        for file in sorted(self.store.jobs_folder.glob("[0-9a-f]*/[!.]*.json")):
            self._look_at_job_file(file)
        self._look_at_cache()

    def _look_at_part(self, part: Path) -> None:
        try:
            status = part.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._stamps.get(part) == stamp:
                return
            content = part.read_bytes()
        except FileNotFoundError:
            return
        try:
            told = _understood(part, content)
        except Exception as error:
            self.seen.torn.append(f"part {part}: {error}")
            return
        self._stamps[part] = stamp
        if part.name == "state.json":
            # The one part that is written anew; it only goes on.
            generation = told["generation"]
            if generation < self._generations.get(part, 0):
                self.seen.lost.append(f"part {part} went back to generation {generation}")
            self._generations[part] = generation
        elif part.suffix != ".json":
            digest = hashlib.sha256(content).hexdigest()
            if self._contents.setdefault(part, digest) != digest:
                self.seen.lost.append(f"part {part} has become another")

    def _look_at_job_file(self, file: Path) -> None:
        try:
            json.loads(file.read_bytes())
        except FileNotFoundError:
            return
        except ValueError as error:
            self.seen.torn.append(f"file {file}: {error}")

    def _look_at_cache(self) -> None:
        try:
            with Cache.open(self.store) as cache:
                cache.ingest()
                refused, keys = cache.refused, {run["key"] for run in cache.runs()}
        except Exception as error:
            self.seen.failed_opens.append(str(error))
            return
        self.seen.torn += [f"run {key}: {reason}" for key, reason in refused.items()]
        self.seen.lost += [f"run {key} is no longer in the cache" for key in self._ingested - keys]
        self._ingested |= keys


def _understood(part: Path, content: bytes) -> dict[str, int]:
    """Reads a part whole, and fails where it is not; returns what a JSON part says."""
    if part.suffix == ".json":
        told = json.loads(content)
        return told if isinstance(told, dict) else {}
    if part.suffix == ".parquet":
        pq.read_table(pa.BufferReader(content))
    elif part.suffix == ".safetensors":
        safetensors.deserialize(content)
    else:
        raise ValueError("a part of no known kind")
    return {}


def _main() -> None:
    stores: list[Path | None] = []

    def read() -> None:
        for line in sys.stdin:
            stores.append(Path(line.rstrip("\n")))
        stores.append(None)

    threading.Thread(target=read, daemon=True).start()
    seen, number = Seen(), 0
    while True:
        if number >= len(stores):
            time.sleep(0.01)
            continue
        root = stores[number]
        if root is None:
            break
        watched = Onlooker(root, seen)
        while number == len(stores) - 1:
            watched.look()
        watched.look()  # once more, now that the next was named: nobody is killed here any longer
        number += 1
    print(json.dumps(vars(seen)))


if __name__ == "__main__":
    _main()
