"""The parts of a climb's rounds, and whose they may be: of the same device, and of climbs that differ in rounds alone.

A round depends on those before it and not on how many were asked for, so a climb of other rounds has its first ones.
"""

import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from app.workflow.arithmetic import ARITHMETIC, computed_in
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput

ROUND, SAMPLES, OUTCOMES = "round-{:03d}.json", "round-{:03d}.parquet", "round-{:03d}-{}.parquet"
"""Parts of a round: its figures, written last; its weights and influence; what its models make of a split."""
MODEL = "round-{:03d}.safetensors"
"""Part of a round that was better than those before it: its model."""


def finished_rounds(folder: RunFolder) -> int:
    """Returns how many rounds are there with all their parts."""
    parts, count = set(folder.parts), 0
    while ROUND.format(count) in parts:
        count += 1
    return count


def take_over(folder: RunFolder, store: Store, keys: Iterable[str], most: int) -> None:
    """Copies the first rounds of the climb that has most of them, where this one has none yet.

    Args:
        folder: of this climb, which is locked.
        store: where the others are.
        keys: of climbs that differ from this one in their most rounds alone.
        most: rounds that this one may have.
    """
    if finished_rounds(folder):
        return
    arithmetic = folder.read_json(ARITHMETIC)
    wanted = set(keys) - {folder.key}
    others = [
        other
        for other in [*store.finished_runs(), *store.unfinished_runs()]
        if other.key in wanted and computed_in(other, arithmetic)
    ]
    if not others:
        return
    longest = max(others, key=finished_rounds)
    if longest.is_finished:
        _copy(longest, folder, most)
        return
    try:
        with longest.lock():
            _copy(longest, folder, most)
    except RefusedInput:
        # It is being computed: this climb computes its rounds itself.
        return


def copied(source: Path) -> Callable[[Path], object]:
    """Returns what writes a part that equals a file."""
    return partial(shutil.copyfile, source)


def _copy(source: RunFolder, target: RunFolder, most: int) -> None:
    for number in range(min(finished_rounds(source), most)):
        last = ROUND.format(number)
        first = [name for name in source.parts if name.startswith(last.removesuffix(".json")) and name != last]
        for name in [*first, last]:
            target.write_tensors(name, copied(source.path / name))
