"""A worker with commands of its own, for the tests: started like the real one, with ``worker_argv``.

The commands meet the test at named pipes, so neither has to guess how far the other is:
opening one end blocks until the other end is opened.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.jobs.worker import main
from cache.store import Store
from engine.progress import Progress
from engine.study import Study


def count(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Makes one part a step, skips those that are there, and meets the test after part ``gate``."""
    folder = Path(options["folder"])
    with (folder / "workers.txt").open("a") as names:
        names.write(f"{os.getpid()}\n")
    made = []
    for step in range(options["steps"]):
        part = folder / f"part-{step}"
        if not part.exists():
            part.touch()
            made.append(step)
            if step == options.get("gate"):
                (folder / "gate").read_text()
        progress("counting", step + 1, options["steps"], f"part {step}")
    return {"made": made, "study": study.name, "store": str(store.root)}


def hang(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Starts a program that holds the pipe open, and never reports progress again."""
    with (Path(options["folder"]) / "gate").open("w") as gate:
        subprocess.run(["sleep", "600"], stdout=gate, check=False)
    return {}


def fail(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Runs into an error that nobody foresaw."""
    raise ZeroDivisionError("no samples\nand a second line")


def grow(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Asks for two gigabytes at once, of Python or of torch; they are never touched."""
    if options["of"] == "torch":
        import torch

        return {"size": torch.empty(2 * 10**9, dtype=torch.uint8).numel()}
    return {"size": len(bytearray(2 * 10**9))}


def work_on(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Makes a part, or finds it, and then works until it is told that this was enough."""
    part, folder = store.run("endless"), Path(options["folder"])
    found = "part.json" in part.parts
    part.write_json("part.json", {})
    step = 0
    while not (folder / "enough").exists():
        step += 1
        progress("working", step, 10**9)
    return {"found": found}


def fill(study: Study, store: Store, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Writes two parts and reports progress on a disk that is full for some files, until somebody makes room."""
    if not (Path(options["folder"]) / "room").exists():
        _fill_disk(options["at"], next(store.jobs_folder.glob("*/reserve")))
    run = store.run("filled")
    found = list(run.parts)
    run.write_json("first.json", {})
    progress("filling", 1, 1)
    run.write_json("second.json", {})
    return {"found": found}


def _fill_disk(at: str, reserve: Path) -> None:
    replace = os.replace

    def replace_where_there_is_room(source: Path, target: Path) -> None:
        # "anything": all room that is left is what the job set aside.
        if Path(target).name == at or (at == "anything" and reserve.exists()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    patch.object(os, "replace", replace_where_there_is_room).start()


if __name__ == "__main__":
    commands = (count, hang, fail, grow, work_on, fill)
    sys.exit(main(commands={command.__name__: command for command in commands}))
