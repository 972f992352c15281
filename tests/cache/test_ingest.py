import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cache.cache import Cache
from cache.database import open_database
from cache.ingest import ingest
from cache.store import Store
from engine.errors import RefusedInput

REPOSITORY = Path(__file__).parents[2]
REWEIGHT = {"kind": "reweight", "influence": "one", "targets": [0]}
VECTORS = np.random.default_rng(0).normal(size=(40, 3))

# Ingests a store and stops for good just before the named step, inside the run's transaction.
KILLED = """
import sys, time
import cache.ingest
from cache.cache import Cache
from cache.store import Store

step = sys.argv[2]

def stop(original):
    def stopping(cursor, table, *rest):
        if step in (table, "commit"):
            print("inside", flush=True)
            sys.stdin.read()
        return original(cursor, table, *rest)
    return stopping

if step == "commit":
    cache.ingest._insert_run = stop(cache.ingest._insert_run)
else:
    cache.ingest._insert = stop(cache.ingest._insert)
Cache.open(Store(sys.argv[1])).ingest()
"""


@pytest.fixture
def connection(store):
    with open_database(store.database_path) as connection:
        yield connection


def count(connection, table) -> int:
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_run_comes_in_once_however_often_it_is_ingested(store, connection, write_influence):
    write_influence(store.run("one"), VECTORS)
    assert ingest(store, connection) == ["one"]
    assert ingest(store, connection) == []
    assert [count(connection, table) for table in ("runs", "samples", "vectors_3")] == [1, 40, 40]


def test_a_run_of_the_shipped_samples_comes_in_like_any_other(tmp_path, write_influence):
    write_influence(Store(tmp_path / "digits").run("shipped"), VECTORS)
    store = Store(tmp_path / "store", samples=tmp_path)
    with Cache.open(store) as cache:
        assert cache.ingest() == ["shipped"]
        assert cache.vectors("shipped").shape == (40, 3)
    assert not store.runs_folder.exists()


def test_an_invalid_run_is_refused_by_name_and_the_others_come_in(store, connection, write_influence, write_generation):
    for key in ("a", "b", "c"):
        write_influence(store.run(key), VECTORS)
    part = store.runs_folder / "b" / "vectors-00001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    write_generation(store.run("d"), 0, fitness=float("nan"))
    refused: dict[str, RefusedInput] = {}
    assert ingest(store, connection, refused.__setitem__) == ["a", "c"]
    assert set(refused) == {"b", "d"}
    assert "run b: part vectors-00001.parquet is damaged" in str(refused["b"])
    rows = connection.execute("SELECT DISTINCT run FROM samples UNION SELECT run FROM vectors_3").fetchall()
    assert {run for (run,) in rows} == {"a", "c"}


def test_a_run_that_was_mended_comes_in_later(store, connection, write_influence):
    write_influence(store.run("one"), VECTORS, samples=41)
    assert ingest(store, connection) == []
    write_influence(store.run("one"), VECTORS)
    assert ingest(store, connection) == ["one"]


def test_a_refusal_is_logged_where_nobody_asks_for_it(store, connection, write_influence, caplog):
    write_influence(store.run("one"), VECTORS, samples=41)
    ingest(store, connection)
    assert "run one is left out of the cache" in caplog.text


def fitnesses(connection) -> list[tuple[int, float]]:
    return connection.execute(
        "SELECT generation, fitness FROM candidates WHERE feasible ORDER BY generation, number"
    ).fetchall()


def test_generations_of_a_search_appear_while_it_runs_and_once(store, connection, write_generation):
    folder = store.run("search")
    write_generation(folder, 0, fitness=1.0)
    assert ingest(store, connection) == ["search"]
    assert ingest(store, connection) == []
    write_generation(folder, 1, fitness=2.0)
    assert ingest(store, connection) == ["search"]
    assert fitnesses(connection) == [(0, 1.0), (1, 2.0)]
    assert count(connection, "runs") == 0
    folder.finish(REWEIGHT)
    assert ingest(store, connection) == ["search"]
    assert fitnesses(connection) == [(0, 1.0), (1, 2.0)]
    assert connection.execute("SELECT classes FROM runs").fetchall() == [(3,)]


def test_a_search_that_is_started_anew_replaces_its_generations(store, connection, write_generation):
    folder = store.run("search")
    for generation in (0, 1):
        write_generation(folder, generation, fitness=1.0)
    ingest(store, connection)
    write_generation(folder, 0, fitness=5.0)
    (folder.path / "candidates-001.parquet").unlink()
    assert ingest(store, connection) == ["search"]
    assert fitnesses(connection) == [(0, 5.0)]


@pytest.mark.parametrize("step", ["samples", "vectors_3", "commit"])
def test_a_kill_in_the_middle_of_an_ingest_loses_nothing(store, write_influence, step):
    write_influence(store.run("one"), VECTORS)
    with Cache.open(store) as cache:
        cache.ingest()
    expected = write_influence(store.run("two"), VECTORS)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.root), step],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"inside\n"
        os.kill(process.pid, signal.SIGKILL)
    with Cache.open(store) as cache:
        assert [run["key"] for run in cache.runs()] == ["one"]
        np.testing.assert_array_equal(cache.vectors("one"), expected)
        assert cache.ingest() == ["two"]
        np.testing.assert_array_equal(cache.vectors("two"), expected)
        assert len(cache.pair("two", 0, 1)) == 40
