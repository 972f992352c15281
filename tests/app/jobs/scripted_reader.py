"""A reader whose reads end in every way: ``python -m tests.app.jobs.scripted_reader``."""

import os
import signal
import sys
import time
from typing import Any

from app.jobs.reader import main
from engine.errors import RefusedInput
from engine.progress import Progress


def fine(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    print("a library says hello")
    progress("data", 3, 4, "half")
    time.sleep(0.5)
    return {"asked": asked}


def refuses(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    raise RefusedInput("it is a cat", "a dog", "Bring one")


def fails(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    raise KeyError("nobody foresaw this")


def takes_all(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"taken": len(bytearray(4 * 10**9))}


def never_ends(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    if asked.get("deaf"):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
    with open(asked["pid"], "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(60)


def crashes(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    os.kill(os.getpid(), asked["signal"])
    raise AssertionError


def ends(asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    os._exit(7)


READS = {
    "fine": fine,
    "refuses": refuses,
    "fails": fails,
    "takes_all": takes_all,
    "never_ends": never_ends,
    "crashes": crashes,
    "ends": ends,
}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main(READS))
