"""Every row of the list of bad inputs: a message that names it, nothing of it run, nothing stored changed."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from app.jobs.launch import REPOSITORY
from tests.hostile import small_study
from tests.hostile.bad_models import Payload, TouchingModule
from tests.hostile.case import CANARY, Case, Way, run_case
from tests.hostile.cases import CASES, ROWS, Bench

ANSWERED_BY_PROCESSES: tuple[tuple[str, Way], ...] = (
    ("05 a payload in a zip checkpoint", "job"),
    ("06 a raw pickle", "command line"),
    ("34 data beside the allowed folder", "job"),
    ("46 damping 0", "command line"),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def named(identity: str) -> Case:
    (case,) = (case for case in CASES if case.id == identity)
    return case


def test_every_row_has_a_case_and_every_case_a_name_of_its_own() -> None:
    assert {case.row for case in CASES} == set(ROWS)
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_bad_input_is_answered_by_its_name(bench: Bench, case: Case) -> None:
    answer = bench.run(case, "here")

    assert answer.named, answer.message
    assert not answer.code_executed
    assert not answer.cache_changed


@pytest.mark.parametrize(("identity", "way"), ANSWERED_BY_PROCESSES)
def test_processes_answer_like_the_function(bench: Bench, identity: str, way: Way) -> None:
    answer = bench.run(named(identity), way)

    assert answer.named, answer.message
    assert not answer.code_executed
    assert not answer.cache_changed


@pytest.mark.parametrize("write", [None, *(small_study.as_csv, small_study.as_parquet, small_study.as_image_folders)])
@pytest.mark.parametrize("roots", [False, True])
def test_the_study_is_a_good_one_before_it_is_spoilt(bench: Bench, write, roots: bool) -> None:
    case = Case(0, "nothing", write or (lambda _: None), ('"samples": 64',), accepted=True, roots=roots)

    answer = bench.run(case, "here")

    assert answer.named, answer.message


def test_what_is_refused_must_be_named_and_leave_no_trace(bench: Bench, tmp_path: Path) -> None:
    study = Path(shutil.copytree(bench.study, tmp_path / "study"))
    store = small_study.fill_store(study, tmp_path / "store")

    def leaves_traces(folder: Path) -> None:
        (tmp_path / "study-canary").touch()
        (run,) = store.finished_runs()
        (run.path / "more").touch()

    answer = run_case(Case(0, "a fault", leaves_traces, ("no such words",)), study, store, "here")

    assert not answer.named
    assert answer.code_executed
    # It was there before the work began, so this alone does not count.
    assert not answer.cache_changed


def test_payloads_run_where_nothing_protects_from_them(tmp_path: Path) -> None:
    loads = []
    for number, payload in enumerate((Payload(), TouchingModule())):
        pickled, saved = tmp_path / f"{number}.pkl", tmp_path / f"{number}.pt"
        pickled.write_bytes(pickle.dumps(payload))
        torch.save(payload, saved)
        loads += [f"pickle.load(open({str(pickled)!r}, 'rb'))", f"torch.load({str(saved)!r}, weights_only=False)"]
    # Each load must make the canary, which is taken away again before the next.
    program = "".join(f"{load}\nos.remove(os.environ[{CANARY!r}])\n" for load in loads)

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import os, pickle, torch\n{program}"],
        cwd=REPOSITORY,
        env={**os.environ, CANARY: str(tmp_path / "canary")},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
