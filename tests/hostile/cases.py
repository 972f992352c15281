"""All bad inputs, and how the study that they are written into is made: what tests and the benchmark share."""

import shutil
from pathlib import Path

from cache.store import Store
from tests.hostile import bad_data, bad_models, bad_parameters, bad_places
from tests.hostile.case import Answer, Case, Way, run_case
from tests.hostile.small_study import fill_store, write_study

CASES: tuple[Case, ...] = tuple(
    sorted((*bad_models.CASES, *bad_data.CASES, *bad_places.CASES, *bad_parameters.CASES), key=lambda case: case.row)
)
"""In the order of the rows."""
ROWS = range(1, 48)


class Bench:
    """Runs cases one after another, each on a copy of its own of one trained study and its store.

    Args:
        folder: to work in; the study is trained there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.study = write_study(folder / "study")
        self.store = fill_store(self.study, folder / "store")

    def run(self, case: Case, way: Way = "job") -> Answer:
        """Returns how a case ended; nothing of it stays."""
        work = self._folder / "work"
        work.mkdir()
        try:
            study = Path(shutil.copytree(self.study, work / "study"))
            store = Store(shutil.copytree(self.store.root, work / "store"))
            return run_case(case, study, store, way)
        finally:
            shutil.rmtree(work)
