import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import cache.ingest as ingestion
from cache.cache import Cache, rebuild
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
import cache.ingest as ingestion
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


TABLES = ("runs", "samples", "vectors_3", "candidates", "candidate_parts")


def test_a_run_whose_folder_vanished_is_dropped_with_all_its_rows(store, connection, write_influence, write_generation):
    write_influence(store.run("one"), VECTORS)
    write_influence(store.run("two"), VECTORS[:10])
    for key in ("search", "unfinished"):
        write_generation(store.run(key), 0)
    store.run("search").finish(REWEIGHT)
    ingest(store, connection)
    assert [count(connection, table) for table in TABLES] == [3, 50, 50, 4, 2]

    for key in ("one", "search", "unfinished"):
        shutil.rmtree(store.run(key).path)

    assert ingest(store, connection) == []
    assert [count(connection, table) for table in TABLES] == [1, 10, 10, 0, 0]


def test_a_run_that_lost_its_manifest_is_a_search_again(store, connection, write_generation):
    write_generation(store.run("search"), 0)
    store.run("search").finish(REWEIGHT)
    ingest(store, connection)

    (store.run("search").path / "run.json").unlink()

    assert ingest(store, connection) == ["search"]
    assert [count(connection, table) for table in TABLES if table not in ("vectors_3", "samples")] == [0, 2, 1]


def test_a_run_that_vanishes_while_it_is_read_does_not_stop_the_others(
    store, connection, write_influence, write_generation, monkeypatch
):
    write_generation(store.run("gone"), 0)
    write_influence(store.run("one"), VECTORS)
    stamp = ingestion._stamp

    def vanished(folder, name):
        shutil.rmtree(folder.path)
        return stamp(folder, name)

    monkeypatch.setattr(ingestion, "_stamp", vanished)

    assert ingest(store, connection) == ["one"]
    assert count(connection, "candidates") == 0


TRUST: dict[str, dict[str, Any]] = {
    "removal": {
        "kind": "removal",
        "study": {"name": "digits"},
        "influence": "one",
        "class_names": ["a", "b"],
        "classes": [1],
        "seeds": 2,
        "share": 0.1,
        "heatmaps": {
            sign: {name: [[0.5, None]] for name in ("predicted", "loss", "accuracy")}
            for sign in ("beneficial", "detrimental")
        },
        "agreement": {"beneficial": {"loss": {"spearman": None}}},
    },
    "halves": {
        "kind": "halves",
        "study": {"name": "digits"},
        "class_names": ["a", "b"],
        "subsets": 8,
        "seeds": 2,
        "value": {"validation": [[[0.5, None]]]},
    },
    "datamodelling": {
        "kind": "datamodelling",
        "study": {"name": "digits"},
        "halves": "two",
        "class_names": ["a", "b"],
        "candidates": [{"strategy": "ekfac", "damping": 0.1, "scores": [None, 0.5], "interval": [0.1, 0.2]}],
    },
}


@pytest.mark.parametrize("again", [False, True])
def test_comparisons_with_trainings_come_in_in_their_own_words_also_in_a_rebuild(store, write_influence, again):
    write_influence(store.run("one"), VECTORS)
    for kind, manifest in TRUST.items():
        store.run(f"of-{kind}").finish(manifest)
    if again:
        rebuild(store)
    with Cache.open(store) as cache:
        cache.ingest()
        for kind, manifest in TRUST.items():
            (found,) = cache.runs(kind, "digits")
            assert found == manifest | {"key": f"of-{kind}"}


@pytest.mark.parametrize("kind", TRUST)
def test_one_that_contradicts_itself_does_not_come_in_and_keeps_none_out(store, connection, kind):
    for name, manifest in TRUST.items():
        broken = {"class_names": ["a"]} if name == kind else {}
        store.run(f"of-{name}").finish(manifest | broken)
    assert sorted(ingest(store, connection)) == sorted(f"of-{name}" for name in TRUST if name != kind)


def inserts_before(fault: BaseException, key: str, monkeypatch) -> None:
    """Lets the first insert of a run be the last, so that its rows stand in one table and not in the next."""
    insert, inserted = ingestion._insert, list[str]()

    def failing(cursor, table, origin, rows):
        if origin[0] == key and inserted:
            raise fault
        insert(cursor, table, origin, rows)
        inserted.extend(origin[:1] if origin[0] == key else [])

    monkeypatch.setattr(ingestion, "_insert", failing)


@pytest.mark.parametrize("fault", [ZeroDivisionError(), KeyboardInterrupt()], ids=["a fault", "an interruption"])
def test_of_a_run_that_comes_in_halfway_nothing_is_kept(store, connection, write_influence, monkeypatch, fault):
    for key in ("one", "two"):
        write_influence(store.run(key), VECTORS)
    with monkeypatch.context() as halfway:
        inserts_before(fault, "two", halfway)
        with pytest.raises(type(fault)):
            ingest(store, connection)
    assert [count(connection, table) for table in ("runs", "samples", "vectors_3")] == [1, 40, 40]
    assert ingest(store, connection) == ["two"]
    assert [count(connection, table) for table in ("runs", "samples", "vectors_3")] == [2, 80, 80]


def test_of_a_run_that_vanishes_halfway_nothing_is_kept_and_the_others_come_in(
    store, connection, write_influence, monkeypatch
):
    for key in ("gone", "one"):
        write_influence(store.run(key), VECTORS)
    inserts_before(FileNotFoundError(), "gone", monkeypatch)
    assert ingest(store, connection) == ["one"]
    assert connection.execute("SELECT DISTINCT run FROM samples UNION SELECT run FROM vectors_3").fetchall() == [
        ("one",)
    ]


def test_a_run_that_is_dropped_halfway_is_there_whole(store, connection, write_influence, monkeypatch):
    write_influence(store.run("one"), VECTORS)
    ingest(store, connection)
    shutil.rmtree(store.run("one").path)
    with monkeypatch.context() as halfway:
        halfway.setattr(ingestion, "_vectors_tables", lambda _: ["a table that is not there"])
        with pytest.raises(duckdb.Error):
            ingest(store, connection)
    assert [count(connection, table) for table in TABLES[:3]] == [1, 40, 40]
    assert ingest(store, connection) == []
    assert [count(connection, table) for table in TABLES[:3]] == [0, 0, 0]
