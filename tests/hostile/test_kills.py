"""Ten kills in all; ``benchmarks/reliability.py`` does the same some hundred times."""

import json
from pathlib import Path

import pytest

from app.jobs import start_job
from cache.store import Store
from tests.hostile.kill_loop import kill_commits, kill_server, kill_workers, race, results
from tests.hostile.onlooker import KillReport, Onlooker, Seen


def harmless(report: KillReport, kills: int) -> bool:
    assert report == KillReport(kills, lost=0, torn=0, failed_opens=0, resumed_equal=True, notes=())
    return True


@pytest.mark.timeout(300)
def test_a_worker_that_is_killed_again_and_again_comes_to_the_result_of_one_that_was_not(tmp_path: Path) -> None:
    assert harmless(kill_workers(tmp_path / "jobs", 5, seed=3), 5)


@pytest.mark.timeout(300)
def test_what_was_acknowledged_is_in_the_cache_after_a_kill_in_the_middle_of_commits(tmp_path: Path) -> None:
    assert harmless(kill_commits(tmp_path / "commits", 4, seed=3), 4)


@pytest.mark.timeout(300)
def test_the_next_server_opens_what_a_killed_one_left(tmp_path: Path) -> None:
    assert harmless(kill_server(tmp_path / "server", 1, seed=3), 1)


def test_fifty_presses_at_the_same_instant_start_one_worker(tmp_path: Path) -> None:
    assert race(tmp_path / "race", 50) == 1


@pytest.fixture
def watched(tmp_path: Path) -> Onlooker:
    return Onlooker(Store(tmp_path / "watched").root, Seen())


def counted(watched: Onlooker) -> tuple[int, int, int]:
    watched.look()
    return len(watched.seen.lost), len(watched.seen.torn), len(watched.seen.failed_opens)


def test_the_onlooker_counts_what_must_not_be_seen(watched: Onlooker) -> None:
    run = watched.store.run("search")
    run.write_json("state.json", {"generation": 3})
    run.write_tensors("weights.safetensors", lambda path: path.write_bytes(b"\x02\0\0\0\0\0\0\0{}"))
    assert counted(watched) == (0, 0, 0)
    run.write_json("state.json", {"generation": 2})
    assert counted(watched) == (1, 0, 0)
    (run.path / "weights.safetensors").write_bytes(b"\x09\0\0\0\0\0\0\0{")
    assert counted(watched) == (1, 1, 0)
    (run.path / "weights.safetensors").unlink()
    assert counted(watched) == (2, 1, 0)


def test_the_onlooker_counts_a_torn_job_file_and_a_cache_that_does_not_open(watched: Onlooker, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.touch()
    job = start_job(watched.store, "train", study, {}, ("true",))
    assert counted(watched) == (0, 0, 0)
    (job.path / "worker.json").write_text('{"pid": ')
    assert counted(watched) == (0, 1, 0)
    watched.store.database_path.write_bytes(b"no database")
    assert counted(watched)[2] == 1


def test_two_results_are_one_where_only_their_times_differ(tmp_path: Path) -> None:
    told = {"gain": 0.5, "seconds": {"scores": 1.0}, "created": "today", "list": [{"seconds": 1}]}
    stores = [Store(tmp_path / name) for name in ("a", "b", "c")]
    for number, store in enumerate(stores):
        later = json.loads(json.dumps(told).replace("today", f"day {number}").replace("1.0", f"{number}.0"))
        store.run("one").write_json("run.json", later | {"gain": 0.5 + (number == 2)})
    first, second, other = map(results, stores)
    assert first == second
    assert first != other
