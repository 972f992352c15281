"""A worker with commands of its own, for the tests: started like the real one, with ``worker_argv``.

The commands meet the test at named pipes, so neither has to guess how far the other is:
opening one end blocks until the other end is opened.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


if __name__ == "__main__":
    sys.exit(main(commands={command.__name__: command for command in (count, hang, fail)}))
