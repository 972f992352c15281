"""The process that reads for a page: ``python -m app.jobs.reader``, started by :mod:`app.jobs.read_apart`.

It takes one line of JSON on its standard input, with ``read``, ``asked`` and ``seconds``, and answers with lines of
JSON on its standard output: any number with ``progress``, and one last with ``result``, ``refused`` (the parts of a
refusal), ``memory`` or ``failed``.
"""

import json
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from app.jobs.endings import failure_in_words
from app.jobs.limits import JobLimits, confine
from engine.errors import RefusedInput
from engine.progress import Progress

_TELL_SECONDS = 0.1
Read = Callable[[dict[str, Any], Progress], dict[str, Any]]


def main(reads: Mapping[str, Read] | None = None) -> int:
    """Reads what is asked on the standard input.

    Args:
        reads: by name what can be read; by default ``app.workflow.reads.READS``.

    Returns:
        The exit status: 0, since the answer says how it ended.
    """
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = json.loads(sys.stdin.readline())
    # The kernel ends this process when its time is up, also where whoever waits for it is gone.
    signal.alarm(max(1, round(request["seconds"]) + 1))
    _say(answers, _answer(request, reads, answers))
    return 0


def _answer(request: dict[str, Any], reads: Mapping[str, Read] | None, answers: TextIO) -> dict[str, Any]:
    told = -math.inf

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        nonlocal told
        # Each is drawn on a page, and a reader may report every row.
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            _say(answers, {"progress": [stage, done, total, note]})

    try:
        confine(JobLimits.from_environment())
        known = _reads_of_the_project() if reads is None else reads
        return {"result": known[request["read"]](request["asked"], progress)}
    except RefusedInput as refusal:
        return {"refused": [refusal.problem, refusal.expected, refusal.remedy]}
    except Exception as error:
        kind, message = failure_in_words(error)
        traceback.print_exc()
        return {"memory": True} if kind == "out of memory" else {"failed": message}


def _say(answers: TextIO, told: dict[str, Any]) -> None:
    answers.write(f"{json.dumps(told)}\n")
    answers.flush()


def _reads_of_the_project() -> Mapping[str, Read]:
    from app.workflow.reads import READS

    return READS


if __name__ == "__main__":
    sys.exit(main())
