"""What ``prune`` removes, and above all what it leaves."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.jobs import JobFolder, JobRequest
from app.jobs import lock as job_lock
from app.workflow.drafts import drafts_folder
from app.workflow.prune import bytes_of, prune
from app.workflow.store_contents import stored
from app.workflow.upload_folder import uploads_folder
from app.workflow.uploads import keep_upload
from cache import Cache
from cache.fingerprints import climb_key, epochs_key, halves_key, influence_key
from cache.store import Store
from engine.checkpoints import list_checkpoints
from engine.errors import RefusedInput
from engine.study import load_study

DAY = 86400.0


@pytest.fixture
def old():
    """Makes a file, or all that is in a folder, older by some days."""

    def change(path: Path, days: float) -> None:
        then = time.time() - days * DAY
        for item in [path, *path.rglob("*")]:
            os.utime(item, (then, then))

    return change


@pytest.fixture
def stray(digits_store):
    """Writes a finished run that no study finds, and returns its folder."""

    def write(key: str, **manifest) -> Path:
        folder = digits_store.run(key)
        folder.write_tensors("weights.safetensors", lambda path: path.write_bytes(bytes(1000)))
        folder.finish({"kind": "influence", "study": {"name": "another"}, **manifest})
        return folder.path

    return write


def kinds(result) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in result["removed"]]


def run_keys(store: Store) -> set[str]:
    return {run.key for run in store.finished_runs()}


def test_runs_that_a_study_of_the_list_finds_stay_whatever_their_age_and_the_room(digits_store, digits, old):
    digits_store.register_study(digits / "study.toml")
    before = run_keys(digits_store)
    assert len(before) >= 3
    old(digits_store.runs_folder, 400)
    result = prune(digits_store, older_than=1, keep=0)
    assert run_keys(digits_store) == before
    assert kinds(result) == []
    assert "the store still holds more than" in result["notices"][0]


def test_the_same_runs_go_once_the_study_is_another(digits_store, digits, old, edited):
    digits_store.register_study(digits / "study.toml")
    edited(digits, "learning_rate = 0.15", "learning_rate = 0.05")
    old(digits_store.runs_folder, 10)
    assert prune(digits_store, older_than=11)["removed"] == []
    before = {run.key: run.manifest()["kind"] for run in digits_store.finished_runs()}
    result = prune(digits_store, older_than=9)
    assert run_keys(digits_store) == set()
    gone = [name for _, name in kinds(result)]
    assert sorted(gone) == sorted(before)
    # What was made from a run goes before it: a stop in between leaves what can still be shown.
    assert before[gone[-1]] == "influence"
    assert result["bytes"] > 10_000


def test_a_run_stays_as_long_as_one_that_was_made_from_it(digits_store, stray, old):
    shutil.rmtree(digits_store.runs_folder)
    old(stray("root"), 100)
    old(stray("child", kind="reweight", influence="root"), 50)
    old(stray("grandchild", kind="reweight", search="child"), 2)
    old(stray("other"), 60)
    assert [name for _, name in kinds(prune(digits_store, older_than=30))] == ["other"]
    assert run_keys(digits_store) == {"root", "child", "grandchild"}
    assert [name for _, name in kinds(prune(digits_store, older_than=1))] == ["grandchild", "child", "root"]


def test_the_oldest_go_until_the_store_is_small_enough(digits_store, stray, old):
    shutil.rmtree(digits_store.runs_folder)
    for number in range(5):
        old(stray(f"run{number}"), 50 - number)
    size = sum(item.stat().st_size for item in digits_store.root.rglob("*") if item.is_file())
    result = prune(digits_store, keep=size - 1500)
    assert [name for _, name in kinds(result)] == ["run0", "run1"]
    assert result["left"] == size - result["bytes"] <= size - 1500
    assert run_keys(digits_store) == {"run2", "run3", "run4"}


def test_a_dry_run_says_the_same_and_removes_nothing(digits_store, stray, old, contents):
    old(stray("one"), 50)
    before = contents(digits_store.runs_folder)
    told = prune(digits_store, older_than=30, dry_run=True)
    assert contents(digits_store.runs_folder) == before
    done = prune(digits_store, older_than=30)
    assert kinds(told) == kinds(done) == [("run", "one")]
    assert (told["bytes"], told["left"], told["dry_run"]) == (done["bytes"], done["left"], True)


def test_what_a_process_works_on_stays(digits_store, stray, old):
    old(stray("mine"), 50)
    begun = digits_store.run("begun")
    begun.write_json("state.json", 1)
    old(begun.path, 50)
    with begun.lock():
        result = prune(digits_store, older_than=0)
        assert "a command is at work" in " ".join(result["notices"])
        assert begun.path.is_dir()
        assert "mine" in run_keys(digits_store)
    assert ("unfinished run", "begun") in kinds(prune(digits_store, older_than=30))


def test_what_a_job_at_work_writes_and_goes_on_from_stays(digits_store, digits, old):
    job = JobFolder(digits_store.jobs_folder / ("0" * 20))
    job.path.mkdir(parents=True)
    job.write_request(JobRequest("climb", digits / "study.toml", {}, digits_store.root, None))
    written = [
        job.path / ".partial-abc-result.json",
        digits_store.features_folder / ".partial-abc-words.npz",
        digits_store.features_folder / "words.npz",
        digits_store.run("begun").path / "state.json",
    ]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        old(path.parent, 1)
    held = job_lock.acquire(job.lock_path)
    assert held is not None
    result = prune(digits_store, older_than=0.5)
    assert kinds(result) == []
    assert any("a job is at work or waits" in notice for notice in result["notices"])
    job_lock.release(held)
    old(job.path, 1)
    prune(digits_store, older_than=0.5)
    assert [path for path in written if path.exists()] == []


def test_runs_of_a_study_that_a_job_is_at_work_on_stay(digits_store, digits, stray, old, edited):
    edited(digits, 'name = "small digits"', 'name = "another"')
    old(stray("source", study={"name": "a third"}), 50)
    old(stray("mine", kind="reweight", influence="source"), 50)
    job = JobFolder(digits_store.jobs_folder / ("0" * 20))
    job.path.mkdir(parents=True)
    job.write_request(JobRequest("ceiling", digits / "study.toml", {}, digits_store.root, None))
    held = job_lock.acquire(job.lock_path)
    assert held is not None
    job.write_worker()
    old(job.path, 50)
    result = prune(digits_store, older_than=1)
    # With what it was made from, whosever that is.
    assert {"mine", "source"} <= run_keys(digits_store)
    assert ("job", job.id) not in kinds(result)
    job_lock.release(held)
    assert {("job", job.id), ("run", "mine"), ("run", "source")} <= set(kinds(prune(digits_store, older_than=1)))
    assert not job.path.exists()


def test_uploads_and_drafts_go_once_no_study_names_them_and_they_are_a_week_old(digits_store, digits, old):
    named = keep_upload(digits_store, "train.npz", (digits / "train.npz").read_bytes())
    other = keep_upload(digits_store, "table.csv", b"a,label\n1,2\n")
    text = (digits / "study.toml").read_text().replace('train = "train.npz"', f'train = "{named}"')
    (digits / "study.toml").write_text(text)
    digits_store.register_study(digits / "study.toml")
    draft = drafts_folder(digits_store.root) / ("a" * 20) / "study.toml"
    draft.parent.mkdir(parents=True)
    draft.write_text("")
    assert prune(digits_store)["removed"] == []
    for path in (named.parent, other.parent, draft.parent):
        old(path, 8)
    assert kinds(prune(digits_store)) == [("draft of a study", "a" * 20), ("upload", "table.csv")]
    assert named.is_file()
    assert not other.parent.exists()


def test_what_somebody_put_or_linked_beside_uploads_and_drafts_is_not_ours_to_remove(digits_store, old, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for name in ("photos", "0" * 20):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "train.npz").write_bytes(b"content")
    old(elsewhere, 30)
    drafts_folder(digits_store.root).mkdir(parents=True)
    (drafts_folder(digits_store.root) / ("1" * 20)).symlink_to(elsewhere / "photos")
    (uploads_folder(digits_store)).symlink_to(elsewhere)
    assert kinds(prune(digits_store)) == [("upload", "train.npz")]
    assert (elsewhere / "photos" / "train.npz").is_file()


def test_what_killed_processes_left_goes_and_what_is_half_written_now_stays(digits_store, old):
    left = [
        digits_store.run("begun").path / ".partial-abc-vectors.parquet",
        digits_store.root / "studies" / ".partial-abc-x.json",
        digits_store.root / "cache.duckdb.new",
        digits_store.root / "cache.duckdb.before-v3",
        digits_store.root / "cache-overflow" / "block",
        digits_store.runs_folder / ".deleted-abc" / "run.json",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert prune(digits_store)["removed"] == []
    for path in left:
        old(path, 8)
    old(left[-2].parent, 8)
    with digits_store.lock():
        # A dashboard may be writing to what belongs to the cache.
        held = prune(digits_store, dry_run=True)
    assert {name for _, name in kinds(held)} == {".partial-abc-vectors.parquet", ".partial-abc-x.json", ".deleted-abc"}
    prune(digits_store)
    assert [path for path in left if path.exists()] == []


def test_the_cache_lets_go_of_a_run_that_is_removed(digits_store, stray, old):
    (search,) = [run for run in digits_store.finished_runs() if run.manifest()["kind"] == "reweight"]
    with Cache.open(digits_store) as cache:
        cache.ingest()
        assert cache.has_run(search.key)
    old(digits_store.runs_folder, 50)
    assert ("run", search.key) in kinds(prune(digits_store, older_than=30))
    with Cache.open(digits_store) as cache:
        assert not cache.has_run(search.key)


def test_a_study_whose_files_are_not_there_now_keeps_every_run_of_its_name(digits_store, digits, old):
    digits_store.register_study(digits / "study.toml")
    (digits / "train.npz").rename(digits / "elsewhere.npz")
    before = run_keys(digits_store)
    old(digits_store.runs_folder, 50)
    result = prune(digits_store, older_than=30)
    assert run_keys(digits_store) == before
    assert "every run of 'small digits' is kept" in result["notices"][0]


def test_shipped_runs_are_not_looked_at(tmp_path, digits_store, old):
    samples = tmp_path / "samples" / "digits"
    samples.mkdir(parents=True)
    digits_store.runs_folder.rename(samples / "runs")
    old(samples, 50)
    store = Store(digits_store.root, tmp_path / "samples")
    before = run_keys(store)
    assert before
    assert prune(store, older_than=0, keep=0)["removed"] == []
    assert run_keys(store) == before


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("1500", 1500), ("20GB", 20 * 10**9), (" 1.5 mb ", 1_500_000), ("2TB", 2 * 10**12)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 PB", "1e9", "20GBs"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(RefusedInput, match="is no size"):
        bytes_of(text)


def test_the_command_prints_one_object_and_says_what_went(digits_store, stray, old):
    old(stray("one"), 50)

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        store = ["--cache", str(digits_store.root)]
        return subprocess.run(
            [sys.executable, "-m", "app", "prune", *arguments, *store], capture_output=True, text=True, check=True
        )

    told = json.loads(command("--older-than", "30", "--dry-run", "--json").stdout)
    assert [one["name"] for one in told["removed"]] == ["one"]
    assert "would be removed" in command("--older-than", "30", "--dry-run").stdout
    assert " removed; the store holds " in command("--older-than", "30").stdout
    assert "Nothing was to be removed" in command("--older-than", "30").stdout


def linked(link: Path, target: Path, days: float = 30) -> Path:
    """Links to what lies elsewhere; the link is as old as what it leads to."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    then = time.time() - days * DAY
    os.utime(link, (then, then), follow_symlinks=False)
    return link


def a_job(store: Store, number: int, study: Path) -> JobFolder:
    job = JobFolder(store.jobs_folder / f"{number:020}")
    job.path.mkdir(parents=True)
    job.write_request(JobRequest("ceiling", study, {}, store.root, None))
    return job


@pytest.mark.parametrize("name", ["runs", "jobs", "features", "shown"])
def test_a_folder_of_the_store_that_leads_elsewhere_is_left_alone_with_all_that_is_there(
    tmp_path, digits, stray, digits_store, old, contents, name
):
    """Every folder looks like a run that was begun, and every file like kept features."""
    stray("mine")
    a_job(digits_store, 1, digits / "study.toml")
    for made in (digits_store.features_folder, digits_store.shown_folder):
        made.mkdir()
    elsewhere = tmp_path / "elsewhere"
    (digits_store.root / name).rename(elsewhere)
    (elsewhere / "0123456789abcdef0123").mkdir()
    (elsewhere / "0123456789abcdef0123" / "run.json").write_bytes(b"1")
    (elsewhere / "photos").mkdir()
    (elsewhere / "photos" / "1.jpg").write_bytes(b"1")
    (elsewhere / ".deleted-by-hand").mkdir()
    (elsewhere / "thesis.txt").write_bytes(b"1")
    old(elsewhere, 30)
    linked(digits_store.root / name, elsewhere)
    before = contents(elsewhere)
    result = prune(digits_store, older_than=0, keep=0)
    assert contents(elsewhere) == before
    assert (elsewhere / ".deleted-by-hand").is_dir()
    assert f"{digits_store.root / name} is a link, so what is in it is not removed" in result["notices"]
    assert ("run", "mine") in kinds(result) or name == "runs"


def test_samples_for_pages_go_by_age_and_what_is_being_written_stays(digits_store, old):
    shown, key = digits_store.shown_folder, "0123456789abcdef0123"
    for name in (key, f".partial-01234567-{key}"):
        (shown / name).mkdir(parents=True)
        (shown / name / "inputs.bin").write_bytes(b"12345")
    features = digits_store.features_folder / ".partial-01234567-a"
    features.parent.mkdir()
    features.write_bytes(b"1")
    old(shown, 3)
    old(features.parent, 3)
    reader = job_lock.acquire(shown / f"{key}.lock")
    assert reader is not None

    assert kinds(prune(digits_store)) == []
    assert kinds(prune(digits_store, older_than=2)) == [("samples for pages", key)]
    assert (shown / f".partial-01234567-{key}").exists()
    assert features.exists()

    job_lock.release(reader)
    prune(digits_store, older_than=2)
    assert [path.name for path in shown.iterdir()] == [f"{key}.lock"]
    assert not features.exists()


def test_what_is_linked_among_runs_jobs_and_features_is_left_alone_with_its_link(
    tmp_path, digits, stray, digits_store, old, contents
):
    elsewhere = tmp_path / "elsewhere"
    stray("source")
    elsewhere.mkdir()
    stray("finished", influence="source").rename(elsewhere / "finished")
    (elsewhere / "begun").mkdir()
    (elsewhere / "begun" / ".partial-of-somebody").write_bytes(b"1")
    a_job(digits_store, 1, digits / "study.toml").path.rename(elsewhere / f"{1:020}")
    (elsewhere / "words.npz").write_bytes(b"1")
    old(elsewhere, 30)
    links = [
        linked(digits_store.runs_folder / "finished", elsewhere / "finished"),
        linked(digits_store.runs_folder / "begun", elsewhere / "begun"),
        linked(digits_store.jobs_folder / f"{1:020}", elsewhere / f"{1:020}"),
        linked(digits_store.features_folder / "words.npz", elsewhere / "words.npz"),
    ]
    before = contents(elsewhere)
    assert {name for _, name in kinds(prune(digits_store, older_than=0, keep=0))} & {
        link.name for link in links
    } == set()
    assert contents(elsewhere) == before
    assert all(link.is_symlink() for link in links)
    assert "source" in run_keys(digits_store), "what was made from it could not be shown without it"


def test_a_link_that_goes_takes_nothing_of_what_it_leads_to(tmp_path, digits_store):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "big").write_bytes(bytes(10_000))
    link = linked(digits_store.root / "cache-aside-1", tmp_path / "elsewhere")
    draft = linked(drafts_folder(digits_store.root) / ("1" * 20), tmp_path / "elsewhere")
    (one,) = prune(digits_store)["removed"]
    assert (one["name"], one["bytes"] < 1000) == ("cache-aside-1", True)
    assert not link.is_symlink()
    assert draft.is_symlink()
    assert (tmp_path / "elsewhere" / "big").is_file()


def test_a_folder_that_is_called_like_half_a_cache_is_not_ours_to_remove(digits_store, old):
    folder = digits_store.root / "cache.duckdb.new"
    folder.mkdir()
    old(folder, 30)
    assert prune(digits_store)["removed"] == []
    assert folder.is_dir()


def test_a_run_that_is_worked_on_keeps_those_that_it_was_made_from(digits_store, stray, old):
    shutil.rmtree(digits_store.runs_folder)
    for path in (stray("root"), stray("child", kind="reweight", influence="root"), stray("other")):
        old(path, 50)
    with digits_store.run("child").lock():
        result = prune(digits_store, older_than=0)
    assert "run child is being computed" in " ".join(result["notices"])
    assert kinds(result) == [("run", "other")]
    assert run_keys(digits_store) == {"root", "child"}


def test_what_a_process_works_on_is_not_even_told_in_a_dry_run(digits_store, digits, old):
    begun = digits_store.run("begun")
    with begun.lock():
        half = begun.path / ".partial-abc-vectors.parquet"
        half.write_bytes(b"half")
        old(begun.path, 50)
        assert kinds(prune(digits_store, older_than=30, keep=0, dry_run=True)) == []
        prune(digits_store, older_than=30)
        assert half.is_file()
    shutil.rmtree(digits_store.runs_folder)
    job = a_job(digits_store, 1, digits / "study.toml")
    held = job_lock.acquire(job.lock_path)
    assert held is not None
    old(job.path, 50)
    assert kinds(prune(digits_store, older_than=30, keep=0, dry_run=True)) == []
    job_lock.release(held)
    assert ("job", job.id) in kinds(prune(digits_store, older_than=30, dry_run=True))


def test_a_job_that_begins_again_before_it_is_removed_stays(digits_store, digits, old, monkeypatch):
    job = a_job(digits_store, 1, digits / "study.toml")
    held = job_lock.acquire(job.lock_path)
    assert held is not None
    old(job.path, 50)
    # As it was when it was looked at.
    monkeypatch.setattr("app.workflow.store_contents.is_held", lambda _: False)
    result = prune(digits_store, older_than=30)
    job_lock.release(held)
    assert f"job {job.id} is at work again" in " ".join(result["notices"])
    assert job.path.is_dir()


def test_a_job_that_is_removed_by_half_is_no_job_any_more_and_the_rest_goes(
    digits_store, digits, stray, old, monkeypatch
):
    job = a_job(digits_store, 1, digits / "study.toml")
    (digits_store.root / "cache-aside-1").mkdir()
    for path in (job.path, stray("one"), digits_store.root / "cache-aside-1"):
        old(path, 50)

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as denied:
        denied.setattr("app.workflow.prune.shutil", SimpleNamespace(rmtree=refused))
        result = prune(digits_store, older_than=30)
    assert kinds(result) == [("run", "one")]
    assert f"job {job.id} cannot be removed: Permission denied" in " ".join(result["notices"])
    assert "earlier cache cache-aside-1 cannot be removed: Permission denied" in " ".join(result["notices"])
    assert not job.path.exists()
    (left,) = digits_store.jobs_folder.glob(f".deleted-{job.id}-*")
    old(left, 8)
    prune(digits_store)
    assert not left.exists()


def test_what_both_its_age_and_the_room_ask_for_goes_once(digits_store, digits, stray, old):
    digits_store.register_study(digits / "study.toml")
    old(stray("one"), 50)
    assert kinds(prune(digits_store, older_than=30, keep=0)) == [("run", "one")]


def test_shipped_runs_are_not_told_to_go_beside_those_of_the_store(tmp_path, digits_store, stray, old):
    samples = tmp_path / "samples" / "digits"
    samples.mkdir(parents=True)
    digits_store.runs_folder.rename(samples / "runs")
    old(samples, 50)
    old(stray("mine"), 50)
    store = Store(digits_store.root, tmp_path / "samples")
    shipped = run_keys(store) - {"mine"}
    for dry_run in (True, False):
        assert kinds(prune(store, older_than=30, dry_run=dry_run)) == [("run", "mine")]
    assert run_keys(store) == shipped


@pytest.mark.parametrize("how", ["data", "a link", "checkpoints", "a checkpoint", "code", "the study file"])
def test_an_upload_stays_however_a_study_names_it(digits_store, digits, old, edited, tmp_path, how):
    upload = keep_upload(digits_store, "train.npz", (digits / "train.npz").read_bytes())
    (upload.parent / "model.py").touch()
    shutil.copy(digits / "checkpoints" / "epoch-004.safetensors", upload.parent)
    (tmp_path / "link.npz").symlink_to(upload)
    old_text, new = {
        "data": ('"train.npz"', f'"{upload}"'),
        "a link": ('"train.npz"', f'"{tmp_path}/link.npz"'),
        "checkpoints": ("hidden = [8]", f'hidden = [8]\ncheckpoints = "{upload.parent}"'),
        "a checkpoint": ("hidden = [8]", f'hidden = [8]\ncheckpoints = "{upload.parent}/epoch-004.safetensors"'),
        "code": ('architecture = "mlp"\nhidden = [8]', f'architecture = "file:{upload.parent}/model.py:build"'),
        "the study file": ("seed", "seed"),
    }[how]
    if how != "the study file":
        edited(digits, old_text, new)
        digits_store.register_study(digits / "study.toml")
    else:
        text = (digits / "study.toml").read_text().replace("hidden", f'checkpoints = "{digits}/checkpoints"\nhidden')
        for name in ("train.npz", "validation.npz", "test.npz"):
            text = text.replace(f'"{name}"', f'"{digits / name}"')
        (upload.parent / "study.toml").write_text(text)
        digits_store.register_study(upload.parent / "study.toml")
    old(upload.parent, 30)
    assert prune(digits_store)["removed"] == []
    digits_store.forget_study((upload.parent if how == "the study file" else digits) / "study.toml")
    assert [kind for kind, _ in kinds(prune(digits_store))] == ["upload"]


def test_half_written_features_are_spared_for_a_week_also_where_room_is_asked_for(digits_store, digits, old):
    digits_store.register_study(digits / "study.toml")
    half, whole = (digits_store.features_folder / name for name in (".partial-abc-words.npz", "words.npz"))
    half.parent.mkdir()
    for path in (half, whole):
        path.write_bytes(b"1")
    assert kinds(prune(digits_store, keep=0)) == [("features of texts", "words.npz")]
    assert half.is_file()


@pytest.mark.parametrize("who", ["a job", "a command"])
def test_what_a_cluster_reads_stays_while_somebody_works_and_goes_once_its_driver_was_killed(
    digits_store, digits, old, who
):
    handed_over = digits_store.root / ".partial-tasks-abc" / "shared.pt"
    handed_over.parent.mkdir()
    handed_over.write_bytes(bytes(1000))
    # Work on a cluster may last, and what it needs is written once.
    old(handed_over.parent, 30)
    run, held = digits_store.run("begun"), None
    if who == "a job":
        held = job_lock.acquire(a_job(digits_store, 1, digits / "study.toml").lock_path)
        assert held is not None
    with run.lock() if who == "a command" else nullcontext():
        assert kinds(prune(digits_store, older_than=0, dry_run=True)) == []
        prune(digits_store, older_than=0)
        assert handed_over.is_file()
    if held is not None:
        job_lock.release(held)

    result = prune(digits_store)

    assert kinds(result) == [("left over", ".partial-tasks-abc")]
    assert result["bytes"] == 1000
    assert not handed_over.parent.exists()


def test_what_a_killed_driver_handed_over_is_spared_for_a_week(digits_store, old):
    handed_over = digits_store.root / ".partial-tasks-abc" / "shared.pt"
    handed_over.parent.mkdir()
    handed_over.write_bytes(b"1")
    old(handed_over.parent, 6)
    assert prune(digits_store)["removed"] == []
    old(handed_over.parent, 8)
    assert kinds(prune(digits_store)) == [("left over", ".partial-tasks-abc")]


def test_previews_go_by_themselves_and_jobs_only_where_it_is_asked_for(digits_store, digits, old):
    draft = drafts_folder(digits_store.root) / ("a" * 20) / "study.toml"
    draft.parent.mkdir(parents=True)
    draft.touch()
    job, preview = a_job(digits_store, 1, digits / "study.toml"), a_job(digits_store, 2, draft)
    damaged = a_job(digits_store, 3, digits / "study.toml")
    (damaged.path / "request.json").write_text("{")
    for path in (job.path, preview.path, damaged.path):
        old(path, 8)
    assert kinds(prune(digits_store)) == [("preview", preview.id)]
    assert {("job", job.id), ("job", damaged.id)} <= set(kinds(prune(digits_store, older_than=7)))


def test_what_goes_while_it_is_looked_at_counts_for_nothing(tmp_path, monkeypatch):
    for name in ("here", "gone"):
        (tmp_path / name).write_bytes(b"1")
    lstat = Path.lstat

    def vanished(path: Path) -> os.stat_result:
        if path.name == "gone":
            raise FileNotFoundError
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", vanished)
    assert stored("folder", tmp_path).bytes == 1
    assert stored("file", tmp_path / "gone").bytes == 0


def test_studies_that_are_gone_damaged_or_not_trained_yet_are_told_or_pass(digits_store, stray, tmp_path):
    stray("of-another-time", study={"name": "n"})
    text = 'name = "n"\n[data]\nformat = "npz"\ntrain = "train.npz"\nvalidation = 0.2\n[model]\narchitecture = "mlp"\n'
    for name, content in (("gone", text), ("damaged", "name ="), ("untrained", text)):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "train.npz").touch()
        (tmp_path / name / "study.toml").write_text(content)
        digits_store.register_study(tmp_path / name / "study.toml")
    (tmp_path / "gone" / "study.toml").unlink()
    gone, damaged = prune(digits_store)["notices"]
    assert gone == f"{tmp_path}/gone/study.toml is there no more: its runs count as no longer needed"
    assert damaged.startswith(f"{tmp_path}/damaged/study.toml cannot be read, so its runs count as no longer needed")


def test_every_kind_of_run_that_a_study_finds_stays(digits_store, digits, stray, old):
    """The influence of each checkpoint, their evaluation, climbs, halves, and what was made from them."""
    study = load_study(digits)
    first, *_ = list_checkpoints(study).values()
    halves = halves_key(study, 4, 2)
    needed: dict[str, dict[str, Any]] = {
        influence_key(study, first): {},
        epochs_key(study, list_checkpoints(study).values()): {"kind": "epochs"},
        climb_key(study, "remove", 3): {"kind": "climb", "how": "remove", "most_rounds": 3},
        halves: {"kind": "halves", "subsets": 4, "seeds": 2},
        "of-halves": {"kind": "datamodelling", "halves": halves},
        "of-a-list": {"kind": "reweight", "influence": ["one"], "search": influence_key(study, first)},
    }
    for key, manifest in needed.items():
        stray(key, **manifest)
    stray("climb", kind="climb", how="remove", most_rounds=4)
    digits_store.register_study(digits / "study.toml")
    old(digits_store.runs_folder, 50)
    assert kinds(prune(digits_store, older_than=30)) == [("run", "climb")]
    assert needed.keys() <= run_keys(digits_store)
