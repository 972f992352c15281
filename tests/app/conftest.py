"""A small trained study with its finished runs: handwritten digits, a perceptron, a few seconds of work.

Everything heavy is made once a session, and what a test changes it changes in a copy.
"""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache.store import Store
from engine.study import Study, load_study

SIZES = {"train": 20, "validation": 12, "test": 10}
"""Samples of each class."""
STUDY = """
name = "small digits"

[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"
test = "test.npz"
input = "image"
class_names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

[model]
architecture = "mlp"
hidden = [8]

[training]
learning_rate = 0.15
batch_size = 20
epochs = 4

[influence]
strategy = "diagonal"
factor_examples = 60

[reweight]
targets = ["one", "eight"]

[reweight.search]
iterations = 2
population = 6
elites = 2
mutated_elites = 2
randoms = 1
crossover_children = 1
orders = 2

[compute]
device = "cpu"
threads = 1
"""


@pytest.fixture(scope="session")
def run_use_case() -> Callable[..., dict[str, Any]]:
    """Runs one command by its name on a study, as the command line and jobs do."""

    def run(command: str, study: Study | Path, store: Store, progress: Any = None, **options: Any) -> dict[str, Any]:
        # torch is imported only where a test needs it.
        from app.workflow.commands import COMMANDS
        from engine.progress import silent

        study = load_study(study) if isinstance(study, Path) else study
        return COMMANDS[command](study, store, options, progress or silent)

    return run


@pytest.fixture(scope="session")
def trained_digits(tmp_path_factory: pytest.TempPathFactory, run_use_case: Callable[..., dict[str, Any]]) -> Path:
    """The folder of the study with its four checkpoints; not to be changed."""
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("digits")
    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)
    of_class = [np.flatnonzero(digits.target == label) for label in range(10)]
    start = 0
    for split, size in SIZES.items():
        rows = np.sort(np.concatenate([members[start : start + size] for members in of_class]))
        start += size
        np.savez(folder / f"{split}.npz", image=pixels[rows], label=digits.target[rows].astype(np.int64))
    (folder / "study.toml").write_text(STUDY)
    run_use_case("train", folder, Store(folder / "unused"))
    return folder


@pytest.fixture(scope="session")
def finished_store(
    tmp_path_factory: pytest.TempPathFactory, trained_digits: Path, run_use_case: Callable[..., dict[str, Any]]
) -> Store:
    """A store that holds the study's finished influence, ceiling and reweight runs; not to be changed."""
    store = Store(tmp_path_factory.mktemp("finished"))
    run_use_case("ceiling", trained_digits, store)
    run_use_case("reweight", trained_digits, store)
    return store


@pytest.fixture(scope="session")
def validated_store(
    tmp_path_factory: pytest.TempPathFactory,
    trained_digits: Path,
    finished_store: Store,
    run_use_case: Callable[..., dict[str, Any]],
) -> Store:
    """A store that also holds a removal study of all classes and trainings on halves; not to be changed."""
    store = Store(shutil.copytree(finished_store.root, tmp_path_factory.mktemp("validated") / "store"))
    run_use_case("validate", trained_digits, store, what="removal", seeds=2, epochs=2)
    run_use_case("validate", trained_digits, store, what="lds")
    return store


@pytest.fixture(autouse=True)
def shared_is_unchanged(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test that changes what all share: others, in whichever order they run, would be told otherwise."""
    shared = {"trained_digits", "finished_store", "validated_store"} & set(request.fixturenames)
    values = {name: request.getfixturevalue(name) for name in sorted(shared)}
    folders = {name: value.root if isinstance(value, Store) else value for name, value in values.items()}
    before = {name: _files(folder) for name, folder in folders.items()}
    yield
    after = {name: _files(folder) for name, folder in folders.items()}
    assert after == before, "the test changed what is shared: let it work on a copy"


def _files(folder: Path) -> set[tuple[str, int]]:
    """Tells each file below a folder and when it was written, but for locks, which whoever reads may take."""
    files = (path for path in folder.rglob("*") if path.is_file() and "lock" not in path.name)
    return {(str(file.relative_to(folder)), file.stat().st_mtime_ns) for file in files}


@pytest.fixture
def validated(validated_store: Store, digits_store: Store) -> dict[str, dict[str, Any]]:
    """Puts the removal study and the trainings on halves into the store; their manifests by kind."""
    shutil.copytree(validated_store.runs_folder, digits_store.runs_folder, dirs_exist_ok=True)
    manifests = [run.manifest() for run in digits_store.finished_runs()]
    return {manifest["kind"]: manifest for manifest in manifests}


@pytest.fixture
def digits(tmp_path: Path, trained_digits: Path) -> Path:
    """A copy of the trained study that a test may change."""
    return Path(shutil.copytree(trained_digits, tmp_path / "digits"))


@pytest.fixture
def digits_store(tmp_path: Path, finished_store: Store) -> Store:
    """A copy of the store with the finished runs."""
    return Store(shutil.copytree(finished_store.root, tmp_path / "store"))


@pytest.fixture
def influence_store(tmp_path: Path, digits_store: Store) -> Store:
    """A copy of the store in which the influence run alone is finished."""
    for run in digits_store.finished_runs():
        if run.manifest()["kind"] != "influence":
            shutil.rmtree(run.path)
    return digits_store


@pytest.fixture
def empty_store(tmp_path: Path) -> Store:
    """A store of which nothing exists yet."""
    return Store(tmp_path / "empty")


@pytest.fixture(scope="session")
def edited() -> Callable[[Path, str, str], Path]:
    """Replaces one text in the study file of a folder."""

    def edit(folder: Path, old: str, new: str) -> Path:
        file = folder / "study.toml"
        text = file.read_text()
        assert text.count(old) == 1, f"the study file has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new))
        return folder

    return edit


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, tuple[int, bytes]]]:
    """Tells each file below a folder by its path: when it was written, and its bytes."""

    def read(folder: Path) -> dict[str, tuple[int, bytes]]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}

    return read


@pytest.fixture
def restored_signals() -> Iterator[None]:
    """Puts back the handlers that a command sets where it runs in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
