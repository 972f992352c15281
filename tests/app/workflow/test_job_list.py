import json
from typing import get_args

import pytest

from app.components.job_list import ICONS
from app.jobs import JobStatus
from app.jobs.folder import State
from app.workflow.job_list import RESUMABLE, duration_words, job_rows, progress_words
from cache.store import Store

REQUEST: dict[str, object] = {
    "command": "train",
    "study": "birds/study.toml",
    "options": {},
    "store": ".",
    "samples": None,
}


@pytest.fixture
def write_job(tmp_path):
    def write(number: int, **files) -> None:
        folder = tmp_path / "jobs" / f"{number:020x}"
        folder.mkdir(parents=True)
        for name, contents in files.items():
            (folder / f"{name}.json").write_text(contents if isinstance(contents, str) else json.dumps(contents))

    return write


def test_jobs_tell_what_they_do_and_how_they_stand(tmp_path, write_job):
    options = {"targets": ["cat", "dog"], "setting": "direct_improvement", "epoch": None, "overwrite": False}
    write_job(1, request={**REQUEST, "command": "reweight", "options": options}, result={"run": "abc"})

    (row,) = job_rows(Store(tmp_path))

    assert (row.command, str(row.study), row.status.state) == ("reweight", "birds/study.toml", "finished")
    assert row.options == "targets cat, dog · setting direct improvement"
    assert not row.is_active
    assert row.problem is None


@pytest.mark.parametrize(("address", "told"), [("10.0.0.1:6379", "10.0.0.1:6379"), ("auto", "of this machine")])
def test_a_job_tells_the_cluster_that_does_its_work(tmp_path, write_job, address, told):
    write_job(1, request={**REQUEST, "options": {"seed": 3, "ray": address}})

    (row,) = job_rows(Store(tmp_path))

    assert row.options == f"seed 3 · on the Ray cluster {told}"


@pytest.mark.parametrize(
    "damage",
    [
        {"request": "{"},
        {"request": "[]"},
        {"request": {**REQUEST, "study": 3}},
        {"request": {**REQUEST, "options": 3}},
        {"request": {"command": "train"}},
        {"request": {**REQUEST, "command": ["train"]}},
    ],
)
def test_a_damaged_folder_costs_its_own_line_only(tmp_path, write_job, damage):
    write_job(1, request=REQUEST)
    write_job(2, **damage)

    rows = {row.job.id[-1]: row for row in job_rows(Store(tmp_path))}

    assert rows["1"].command == "train"
    assert "is damaged" in (rows["2"].problem or "")
    assert rows["2"].study is None


@pytest.mark.parametrize(
    "files",
    [
        {"progress": {"done": "many", "total": None, "stage": 3}},
        {"progress": [1, 2]},
        {"error": {"message": "no kind"}},
        {"error": [1]},
        {"worker": {"started": "yesterday"}, "exit": 3},
        {"worker": {"started": 1e20}, "progress": '{"done": NaN, "total": Infinity}'},
        {"worker": '{"started": NaN}', "progress": {"done": -3, "total": -1, "seconds_left": 1e300}},
        {"worker": f'{{"started": 1{"0" * 400}}}', "progress": "[" * 100_000},
        {"exit": {"return_code": "nine"}},
        {"exit": {"return_code": -5000}},
    ],
)
def test_what_a_meddling_hand_left_is_passed_over(tmp_path, write_job, files):
    write_job(1, request=REQUEST, **files)

    (row,) = job_rows(Store(tmp_path))

    assert row.status.state == "interrupted"
    assert row.status.share == 0
    assert row.status.started is None
    assert progress_words(row.status) == "Starting …"


def test_whichever_way_a_job_ended_its_list_shows_it_and_lets_it_start_again():
    states = set(get_args(State))

    assert set(ICONS) == states
    assert set(RESUMABLE) == states - {"waiting", "running", "finished"}


def test_progress_is_told_in_words():
    status = JobStatus("running", stage="training", done=1200, total=3000, seconds_left=150.0, note="epoch 3")

    assert progress_words(status) == "training: 1,200 of 3,000, about 2 min left epoch 3"
    assert progress_words(JobStatus("waiting")) == "Starting …"
    assert progress_words(JobStatus("waiting", note="Waits for a place")) == "Waits for a place"
    assert [duration_words(seconds) for seconds in (0.2, 3, 600, 9000)] == ["1 s", "3 s", "10 min", "2.5 h"]
