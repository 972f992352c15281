"""Faults of the cache's file and of its disk: each is told with its remedy, nothing is lost, every server stays up."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import app.components.server_state
from app.serving import SAMPLES
from app.workflow.doctor import examine
from cache import Cache, StoreBusy, rebuild
from cache.store import Store
from engine.errors import RefusedInput

REPOSITORY = Path(__file__).resolve().parents[2]
DASHBOARD = REPOSITORY / "app" / "dashboard" / "main.py"
_BLOCK = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> tuple[bytes, dict[str, object]]:
    """The bytes of a cache of the shipped samples, and what it answers."""
    store = Store(tmp_path_factory.mktemp("sound"), SAMPLES)
    with Cache.open(store) as cache:
        cache.ingest()
        answered = answers(cache)
    return store.database_path.read_bytes(), answered


@pytest.fixture
def store(tmp_path: Path, sound) -> Store:
    """A store with the cache of the shipped samples."""
    store = Store(tmp_path / "store", SAMPLES)
    store.root.mkdir()
    store.database_path.write_bytes(sound[0])
    return store


def answers(cache: Cache) -> dict[str, object]:
    """Asks what pages ask: every manifest, and the vectors and labels of every influence run."""
    told: dict[str, object] = {}
    for run in cache.runs():
        told[run["key"]] = run
        if run["kind"] == "influence":
            told[f"{run['key']} vectors"] = cache.vectors(run["key"]).tobytes()
            told[f"{run['key']} labels"] = cache.labels(run["key"]).tobytes()
        if run["kind"] == "reweight":
            told[f"{run['key']} candidates"] = cache.candidates(run["key"]).to_json()
    return told


def told_by_doctor(store: Store) -> dict[str, dict]:
    return {check["name"]: check for check in examine(store)["checks"]}


def flipped(contents: bytes, *places: int) -> bytes:
    changed = bytearray(contents)
    for place in places:
        changed[place] ^= 255
    return bytes(changed)


def test_a_flipped_byte_is_never_answered_with(store, sound):
    """Wherever it lies: the answers are the right ones, or the damage is told with its remedy."""
    contents, right = sound
    places = np.random.default_rng(0).integers(0, len(contents), 60)
    noticed = 0
    for place in places:
        store.database_path.write_bytes(flipped(contents, place))
        told: object = None
        try:
            with Cache.open(store) as cache:
                told = answers(cache)
        except RefusedInput as refusal:
            told = str(refusal)
            noticed += 1
        assert told == right or "doctor --rebuild" in str(told), place
    assert noticed > 10, "most of the file is no data"


def test_a_flipped_byte_that_no_page_has_read_yet_is_found_by_doctor_and_mended(store, sound):
    contents, right = sound
    for place in range(_BLOCK, len(contents), 5 * _BLOCK):
        store.database_path.write_bytes(flipped(contents, place))
        try:
            with Cache.open(store) as cache:
                cache.ingest()
                cache.runs()
        except RefusedInput:
            continue
        found = told_by_doctor(store)["cache"]
        if not found["ok"]:
            break
    else:
        pytest.fail("no byte behind the headers was noticed")
    assert "doctor --rebuild" in found["message"]
    rebuild(store)
    assert told_by_doctor(store)["cache"]["ok"]
    with Cache.open(store) as cache:
        assert answers(cache) == right


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_cache_is_told_and_mended(store, sound, share):
    contents, right = sound
    store.database_path.write_bytes(contents[: int(share * len(contents))])
    found = told_by_doctor(store)["cache"]
    assert not found["ok"]
    assert "doctor --rebuild" in found["message"]
    rebuild(store)
    with Cache.open(store) as cache:
        assert answers(cache) == right
    assert len(list(store.root.glob("cache-aside-*.duckdb"))) == 1, "what was damaged is kept aside"


@pytest.fixture
def dashboard(store, monkeypatch) -> Iterator[Callable[[], AppTest]]:
    """Opens the dashboard's first page on the store."""
    monkeypatch.setenv("PARETOSCOPE_STORE", str(store.root))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield lambda: AppTest.from_file(str(DASHBOARD), default_timeout=60).run()
    app.components.server_state.opened().cache.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_page_on_a_damaged_cache_says_what_to_do_and_works_once_it_is_done(dashboard, store, sound, share):
    contents, _ = sound
    store.database_path.write_bytes(contents[: int(share * len(contents))])
    for _ in range(2):
        page = dashboard()
        assert not page.exception
        (error,) = page.error
        assert "doctor --rebuild" in error.value.replace("\\", "")
    if share:
        # What opens and then cannot be read is held until the dashboard is closed, as the remedy says.
        assert "Close the dashboard" in error.value.replace("\\", "")
        app.components.server_state.opened().cache.close()
        st.cache_resource.clear()
    rebuild(store)
    page = dashboard()
    assert not page.exception
    assert not page.error
    assert page.title


def test_a_cache_that_is_damaged_under_an_open_page_says_so_and_the_server_goes_on(dashboard, monkeypatch):
    import duckdb

    page = dashboard()
    assert page.title
    cache = app.components.server_state.opened().cache

    def corrupt(*_arguments: object) -> None:
        raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2 in block")

    monkeypatch.setattr("cache.queries.has_run", corrupt)
    monkeypatch.setattr("cache.queries.run", corrupt)
    page.run()
    assert not page.exception
    assert any("doctor --rebuild" in error.value.replace("\\", "") for error in page.error)
    monkeypatch.undo()
    page.run()
    assert not page.error
    assert app.components.server_state.opened().cache is cache


SECOND = """
import sys
from pathlib import Path
from cache import Cache
from cache.store import Store
Cache.open(Store(Path(sys.argv[1]))).close()
"""


def test_a_second_process_is_refused_by_name_and_nothing_of_the_first_is_lost(tmp_path):
    store = Store(tmp_path / "store", SAMPLES)
    with Cache.open(store, address="http://127.0.0.1:8501") as cache:
        cache.ingest()
        second = subprocess.run(
            [sys.executable, "-c", SECOND, str(store.root)], capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert "the store is in use by process" in second.stderr
        assert "http://127.0.0.1:8501" in second.stderr
        with pytest.raises(StoreBusy):
            Cache.open(store)
        right = answers(cache)
    with Cache.open(store) as cache:
        assert answers(cache) == right


def test_a_second_server_ends_in_the_terminal_with_the_address_of_the_first(store):
    with store.lock("http://127.0.0.1:8501"):
        second = subprocess.run(
            [sys.executable, "-m", "app", "--cache", str(store.root), "--port", "8599"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    assert second.returncode == 2
    assert "the store is in use by process" in second.stderr
    assert "http://127.0.0.1:8501" in second.stderr


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond a size, which is how a quota or a full disk ends a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def put(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield put
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 3 * _BLOCK, 20 * _BLOCK, 100 * _BLOCK])
def test_a_full_disk_is_told_and_once_there_is_room_nothing_is_missing(tmp_path, sound, full_disk, size):
    _, right = sound
    store = Store(tmp_path / "store", SAMPLES)
    full_disk(size)
    with pytest.raises(RefusedInput, match=r"cannot be written.*[Ff]ree some space"), Cache.open(store) as cache:
        cache.ingest()
    full_disk(resource.RLIM_INFINITY)
    with Cache.open(store) as cache:
        cache.ingest()
        assert answers(cache) == right
        assert cache.differences() == {}


def test_a_disk_that_fills_up_under_an_open_cache_leaves_what_is_stored(store, sound, full_disk):
    _, right = sound
    own = store.run("later")
    source = next(run for run in store.finished_runs() if run.manifest()["kind"] == "influence")
    for name in source.parts:
        if name != "run.json":
            own.write_tensors(name, lambda path, name=name: path.write_bytes((source.path / name).read_bytes()))
    own.finish(source.manifest())
    with Cache.open(store) as cache:
        full_disk(_BLOCK)
        with pytest.raises(RefusedInput, match=r"cannot be written.*Free some space"):
            cache.ingest()
        full_disk(resource.RLIM_INFINITY)
    with Cache.open(store) as cache:
        assert {key: value for key, value in answers(cache).items() if not key.startswith("later")} == right
        assert cache.ingest() in (["later"], [])
        assert cache.has_run("later")
        assert cache.differences() == {}
