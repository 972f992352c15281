"""The cache as a whole: the store's lock, the database, and every question a page asks of it.

One process holds the lock at a time: the dashboard's server while it runs, else a
command for a moment at its end. Threads share one :class:`Cache`; each question gets a
cursor of its own, which is how DuckDB lets threads read side by side.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pandas as pd

from cache import class_pairs, composition, density, neighbours, pairs, queries, ranking, selections
from cache.composition import Effect
from cache.database import open_database, told_as_refusal, write_ahead_log
from cache.ingest import drop_run, ingest, log_refusal
from cache.pairs import Box
from cache.queries import Operator
from cache.ranking import Sign
from cache.shapes import Shape
from cache.store import Store, StoreBusy
from cache.verification import differences, read_everything
from engine.errors import RefusedInput


class Cache:
    """An open cache; made by :meth:`open`.

    In every question ``key`` is an influence run's key unless it says otherwise, ``operator`` is
    ``ceiling`` (judged by training to the end) or ``epoch`` (by the next epoch), classes are indices,
    and influence is positive where the presence of a sample helps the class: what it is judged by goes down.
    Every question raises RefusedInput for a run, class or region that does not exist, and for a
    damaged cache.
    """

    def __init__(self, store: Store, connection: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
        self._store = store
        self._connection = connection
        self._held = held
        self._ingesting = threading.Lock()
        self._refused: dict[str, RefusedInput] = {}

    @classmethod
    def open(cls, store: Store, address: str | None = None) -> Self:
        """Takes the store's lock and opens its database, making it where it is missing.

        Args:
            store: whose cache it is.
            address: where this process serves, told to processes that are refused.

        Raises:
            StoreBusy: if another process holds the lock; it is named.
            RefusedInput: if the database is damaged, foreign or newer; the message says how to rebuild it.
        """
        with ExitStack() as stack:
            stack.enter_context(store.lock(address))
            connection = open_database(store.database_path)
            stack.callback(connection.close)
            return cls(store, connection, stack.pop_all())

    def close(self) -> None:
        """Closes the database and gives the lock back; without effect the second time."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def refused(self) -> dict[str, RefusedInput]:
        """The runs that the last ingestion left out, by key, and why."""
        return dict(self._refused)

    def ingest(self) -> list[str]:
        """Takes in what workers and commands have finished since; cheap where there is nothing.

        Returns:
            Keys of the runs of which something new came in. What was not valid is in :attr:`refused`.
        """
        with self._ingesting:
            refused: dict[str, RefusedInput] = {}

            def note(key: str, refusal: RefusedInput) -> None:
                # Logged once, not at every look.
                if str(self._refused.get(key)) != str(refusal):
                    log_refusal(key, refusal)
                refused[key] = refusal

            changed = ingest(self._store, self._connection, note)
            self._refused = refused
            return changed

    def delete_run(self, key: str) -> None:
        """Removes a run: its folder, and every row that came from it.

        Raises:
            RefusedInput: if there is none, if it was shipped, or if it is being computed.
        """
        # Not while runs are taken in, which could bring back the rows of a folder read before.
        with self._ingesting:
            self._store.delete_run(key)
            with self._cursor() as cursor:
                drop_run(cursor, key)

    def differences(self) -> dict[str, str]:
        """Reads all of the cache and compares it with the run folders; see :func:`cache.verification.differences`.

        Raises:
            RefusedInput: if a block of the cache is damaged; the message says how to rebuild it.
        """
        # Not while runs are taken in, of which half would be there.
        with self._ingesting, self._cursor() as cursor:
            read_everything(cursor)
            return differences(cursor, self._store)

    def runs(self, kind: str | None = None, study: str | None = None) -> list[dict[str, Any]]:
        """Returns the manifests of the runs, newest first, of one kind and of one study (by name) where given."""
        with self._cursor() as cursor:
            return queries.runs(cursor, kind, study)

    def run(self, key: str) -> dict[str, Any]:
        """Returns the manifest of a run of any kind."""
        with self._cursor() as cursor:
            return queries.run(cursor, key)

    def has_run(self, key: str) -> bool:
        """Says whether a run of any kind is finished and was taken in."""
        with self._cursor() as cursor:
            return queries.has_run(cursor, key)

    def labels(self, key: str) -> np.ndarray:
        """Returns the class of each training sample in the order of the samples, ``(N,)`` int64."""
        with self._cursor() as cursor:
            return queries.labels(cursor, queries.find_vectors(cursor, key, "ceiling"))

    def vectors(self, key: str, operator: Operator = "ceiling") -> np.ndarray:
        """Returns the influence vectors in the order of the samples, ``(N, K)`` float32."""
        with self._cursor() as cursor:
            return queries.vectors(cursor, queries.find_vectors(cursor, key, operator))

    def pair(
        self,
        key: str,
        a: int,
        b: int,
        operator: Operator = "ceiling",
        limit: int = 20_000,
        region: str | None = None,
        box: Box | None = None,
    ) -> pd.DataFrame:
        """Returns samples as points of two classes; see :func:`cache.pairs.pair`."""
        with self._cursor() as cursor:
            return pairs.pair(cursor, queries.find_vectors(cursor, key, operator), a, b, limit, region, box)

    def region_counts(self, key: str, a: int, b: int, operator: Operator = "ceiling") -> dict[str, int]:
        """Returns how many samples lie in each region of a pair of classes."""
        return self.subset_counts(key, (a, b), operator)

    def subset_counts(self, key: str, classes: Sequence[int], operator: Operator = "ceiling") -> dict[str, int]:
        """Returns how many samples lie in each region of any number of classes."""
        with self._cursor() as cursor:
            return pairs.region_counts(cursor, queries.find_vectors(cursor, key, operator), tuple(classes))

    def region_shares(self, key: str, operator: Operator = "ceiling") -> dict[str, np.ndarray]:
        """Returns by region the share of samples 0..1 in it, for every pair of classes ``(K, K)``."""
        with self._cursor() as cursor:
            return class_pairs.region_shares(cursor, queries.find_vectors(cursor, key, operator))

    def correlation(self, key: str, operator: Operator = "ceiling") -> np.ndarray:
        """Returns the correlation of the influence on every pair of classes, ``(K, K)``."""
        with self._cursor() as cursor:
            return class_pairs.correlation(cursor, queries.find_vectors(cursor, key, operator))

    def pair_points(self, key: str, a: int, b: int, operator: Operator = "ceiling") -> density.PairPoints:
        """Returns all samples as points of a pair; see :class:`cache.density.PairPoints`."""
        with self._cursor() as cursor:
            return density.pair_points(cursor, queries.find_vectors(cursor, key, operator), a, b)

    def select(self, key: str, a: int, b: int, shape: Shape, operator: Operator = "ceiling") -> selections.Selection:
        """Returns the samples inside a shape drawn over a pair; see :func:`cache.selections.select`."""
        with self._cursor() as cursor:
            return selections.select(cursor, queries.find_vectors(cursor, key, operator), a, b, shape)

    def described(
        self, key: str, indices: Sequence[int] | np.ndarray, operator: Operator = "ceiling"
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Returns some samples and their vectors ``(n, K)`` as asked for; see :func:`cache.selections.described`."""
        with self._cursor() as cursor:
            return selections.described(cursor, queries.find_vectors(cursor, key, operator), indices)

    def neighbours(self, key: str, index: int, count: int, operator: Operator = "ceiling") -> pd.DataFrame:
        """Returns the samples that act most like one; see :func:`cache.neighbours.neighbours`."""
        with self._cursor() as cursor:
            return neighbours.neighbours(cursor, queries.find_vectors(cursor, key, operator), index, count)

    def sample(self, key: str, index: int) -> dict[str, Any]:
        """Returns one sample with its influence on every class; see :func:`cache.queries.sample`."""
        with self._cursor() as cursor:
            return queries.sample(cursor, queries.find_vectors(cursor, key, "ceiling"), index)

    def ranked_samples(
        self, key: str, classes: Sequence[int], sign: Sign, limit: int, operator: Operator = "ceiling"
    ) -> pd.DataFrame:
        """Returns the samples that harm or help some classes most; see :func:`cache.ranking.ranked_samples`."""
        with self._cursor() as cursor:
            source = queries.find_vectors(cursor, key, operator)
            return ranking.ranked_samples(cursor, source, tuple(classes), sign, limit)

    def composition(self, key: str, strongest: bool, operator: Operator = "ceiling") -> composition.Composition:
        """Returns how many samples of which class help and harm each class; see :mod:`cache.composition`."""
        with self._cursor() as cursor:
            return composition.composition(cursor, queries.find_vectors(cursor, key, operator), strongest)

    def composed_of(
        self, key: str, k: int, effect: Effect, own: bool, threshold: float, operator: Operator = "ceiling"
    ) -> np.ndarray:
        """Returns the samples behind one count of a composition; see :func:`cache.composition.composed_of`."""
        with self._cursor() as cursor:
            source = queries.find_vectors(cursor, key, operator)
            return composition.composed_of(cursor, source, k, effect, own, threshold)

    def candidates(self, key: str) -> pd.DataFrame:
        """Returns the candidates of a reweight run, finished or not; see :func:`cache.queries.candidates`."""
        with self._cursor() as cursor:
            return queries.candidates(cursor, key)

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with told_as_refusal(), self._connection.cursor() as cursor:
            yield cursor


def ingest_if_free(store: Store) -> list[str] | None:
    """Takes finished runs in where no other process holds the store, as a command does at its end.

    Returns:
        Keys of the runs of which something new came in; None where a running server holds
        the store, which then takes them in itself.

    Raises:
        RefusedInput: if the database is damaged; the message says how to rebuild it.
    """
    try:
        with Cache.open(store) as cache:
            return cache.ingest()
    except StoreBusy:
        return None


def rebuild(store: Store) -> list[str]:
    """Moves the database aside, whatever state it is in, and builds a new one from the run folders.

    Returns:
        Keys of the runs that came in.

    Raises:
        StoreBusy: if another process holds the store.
    """
    with store.lock():
        aside = store.database_path.with_name(f"cache-aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.duckdb")
        for path, target in (
            (write_ahead_log(store.database_path), write_ahead_log(aside)),
            (store.database_path, aside),
        ):
            if path.exists():
                path.rename(target)
        connection = open_database(store.database_path)
        try:
            return ingest(store, connection)
        finally:
            connection.close()
