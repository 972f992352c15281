import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.workflow.catalogue import open_study
from app.workflow.drafts import drafts_folder
from app.workflow.folder_browser import VARIABLE
from app.workflow.study_roots import refuse_outside
from app.workflow.upload_folder import uploads_folder
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import Study, study_of

IMAGES = {"format": "npz", "train": "train.npz", "validation": 0.2}
TEXTS = {"format": "csv", "modality": "text", "train": "train.csv", "validation": 0.2}
MLP = {"architecture": "mlp"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one allowed folder; beside it is another with a file of every name."""
    for name in ("allowed", "other"):
        (tmp_path / name).mkdir()
    for name in ("train.npz", "epoch-001.safetensors", "model.py", "config.json", "train-images-idx3-ubyte"):
        (tmp_path / "other" / name).touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "allowed"))
    return tmp_path / "allowed"


@pytest.fixture
def made(place: Path) -> Callable[..., Study]:
    def study(data: dict, model: dict | None = None) -> Study:
        return study_of({"name": "drawn", "data": data, "model": model or MLP}, place)

    return study


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", tmp_path / "samples")


def test_what_lies_in_an_allowed_folder_may_be_used_whether_it_is_there_or_not(made, store: Store) -> None:
    refuse_outside(made(IMAGES), store)
    refuse_outside(made(IMAGES, MLP | {"checkpoints": "nowhere/epoch-001.pt"}), store)


@pytest.mark.parametrize(
    ("data", "model", "told"),
    [
        (IMAGES | {"train": "../other/train.npz"}, MLP, r"\[data\] train"),
        (IMAGES | {"train": "/etc/passwd"}, MLP, r"\[data\] train"),
        (IMAGES | {"validation": "../other/train.npz"}, MLP, r"\[data\] validation"),
        (IMAGES | {"test": "../other/train.npz"}, MLP, r"\[data\] test"),
        (
            {"format": "image_folder", "train": "../other", "validation": 0.2},
            {"architecture": "cnn"},
            r"\[data\] train",
        ),
        ({"format": "torchvision", "dataset": "MNIST", "root": "../other"}, {"architecture": "cnn"}, r"\[data\] root"),
        (IMAGES, MLP | {"checkpoints": "../other"}, r"\[model\] checkpoints"),
        (IMAGES, MLP | {"checkpoints": "../other/epoch-001.safetensors"}, r"\[model\] checkpoints"),
        (IMAGES, {"architecture": "sklearn", "checkpoints": "../other/model.skops"}, r"\[model\] checkpoints"),
        (IMAGES, {"architecture": "file:../other/model.py:build"}, r"\[model\] architecture"),
        (TEXTS, {"architecture": "transformers:../other"}, r"\[model\] architecture"),
        (TEXTS | {"features": {"kind": "encoder:../other"}}, MLP, r"\[data.features\] kind"),
    ],
)
def test_every_path_of_a_study_is_held_to_the_allowed_folders(made, store: Store, data, model, told: str) -> None:
    with pytest.raises(RefusedInput, match=rf"{told} leads to .* outside of the allowed folders.*{VARIABLE}"):
        refuse_outside(made(data, model), store)


@pytest.mark.parametrize(
    ("link", "target", "told"),
    [
        ("train.npz", "train.npz", r"\[data\] train"),
        ("checkpoints/epoch-001.safetensors", "epoch-001.safetensors", r"\[model\] checkpoints"),
        ("checkpoints/optimizer/epoch-001.safetensors", "epoch-001.safetensors", r"\[model\] checkpoints"),
        ("checkpoints/history.json", "epoch-001.safetensors", r"\[model\] checkpoints"),
        ("checkpoints/EPOCH-002.SafeTensors", "epoch-001.safetensors", r"\[model\] checkpoints"),
    ],
)
def test_a_link_is_followed_to_where_it_leads(place: Path, made, store: Store, link, target, told: str) -> None:
    (place / "checkpoints" / "optimizer").mkdir(parents=True)
    (place / "checkpoints" / "epoch-001.safetensors").touch()
    (place / link).unlink(missing_ok=True)
    (place / link).symlink_to(place.parent / "other" / target)
    with pytest.raises(RefusedInput, match=f"{told} leads to .*other"):
        refuse_outside(made(IMAGES), store)


@pytest.mark.parametrize(
    ("folder", "name", "data", "model"),
    [
        ("bert", "config.json", TEXTS, {"architecture": "transformers:bert"}),
        ("bert", "tokenizer_config.json", TEXTS, {"architecture": "transformers:bert"}),
        (
            "sets/MNIST/raw",
            "train-images-idx3-ubyte",
            {"format": "torchvision", "dataset": "MNIST", "root": "sets"},
            MLP,
        ),
    ],
)
def test_links_among_the_files_of_a_folder_are_followed_too(place: Path, made, store: Store, folder, name, data, model):
    (place / folder).mkdir(parents=True)
    (place / folder / name).symlink_to(place.parent / "other" / name)
    with pytest.raises(RefusedInput, match=f"leads to .*other/{name}"):
        refuse_outside(made(data, model), store)


def test_a_folder_that_checkpoints_would_be_written_to_is_followed_while_it_is_empty(place, made, store) -> None:
    (place.parent / "other" / "empty").mkdir()
    (place / "checkpoints").symlink_to(place.parent / "other" / "empty")
    with pytest.raises(RefusedInput, match=r"\[model\] checkpoints leads to .*other/empty"):
        refuse_outside(made(IMAGES), store)


def test_the_momentum_beside_a_single_checkpoint_is_followed(place: Path, made, store: Store) -> None:
    (place / "optimizer").mkdir()
    (place / "optimizer" / "epoch-001.safetensors").symlink_to(place.parent / "other" / "epoch-001.safetensors")
    with pytest.raises(RefusedInput, match=r"\[model\] checkpoints leads to .*other/epoch-001"):
        refuse_outside(made(IMAGES, MLP | {"checkpoints": "epoch-001.safetensors"}), store)


def test_a_study_that_lies_elsewhere_is_refused_whatever_it_names(place: Path, store: Store) -> None:
    data = IMAGES | {"train": str(place / "train.npz")}
    model = MLP | {"checkpoints": str(place / "checkpoints")}
    study = study_of({"name": "drawn", "data": data, "model": model}, place.parent / "other")
    with pytest.raises(RefusedInput, match=r"the study file leads to .*other, which lies outside"):
        refuse_outside(study, store)


def test_a_link_that_goes_round_is_refused(place: Path, made, store: Store) -> None:
    (place / "train.npz").symlink_to("train.npz")
    with pytest.raises(RefusedInput, match=r"\[data\] train is .*, which leads nowhere that may be looked at"):
        refuse_outside(made(IMAGES), store)


def test_uploads_drafts_and_shipped_samples_may_be_used(tmp_path: Path, place: Path, made, store: Store) -> None:
    for folder in (uploads_folder(store), drafts_folder(store.root), tmp_path / "samples"):
        folder.mkdir(parents=True)
        (folder / "train.npz").touch()
        refuse_outside(made(IMAGES | {"train": str(folder / "train.npz")}), store)
        refuse_outside(study_of({"name": "a", "data": IMAGES, "model": MLP}, folder), store)
    with pytest.raises(RefusedInput, match=r"leads to .*store/cache\.duckdb"):
        refuse_outside(made(IMAGES | {"train": str(store.database_path)}), store)


def test_without_the_variable_paths_are_free(made, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    refuse_outside(made(IMAGES | {"train": "/etc/passwd"}), store)


def test_a_study_elsewhere_is_not_opened(tmp_path: Path, digits: Path, store: Store, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(RefusedInput, match=r"the study file leads to .*digits, which lies outside"):
        open_study(store, digits)
    assert store.studies() == []
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path / "elsewhere"), str(digits)]))
    assert open_study(store, digits).name == "small digits"


def test_a_jobs_worker_refuses_what_leads_out(
    tmp_path: Path, digits: Path, edited, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.jobs import JobFolder, JobRequest
    from app.jobs.progress import JobProgress
    from app.jobs.worker import run_job

    monkeypatch.setenv(VARIABLE, str(digits))
    shutil.move(digits / "test.npz", tmp_path / "test.npz")
    edited(digits, '"test.npz"', '"../test.npz"')
    job = JobFolder(tmp_path / "0123456789abcdef0123")
    job.path.mkdir()
    job.write_request(JobRequest("influence", digits / "study.toml", {}, store.root, None))

    assert run_job(job, {"influence": lambda *_: pytest.fail("it was not to be begun")}, JobProgress(job)) == 2
    assert "[data] test leads to" in job.status().message


@pytest.mark.parametrize("text", ["password = 'of somebody'", "root:x:0", 'name = "a"\nseed = "of somebody"'])
def test_a_study_file_elsewhere_is_not_read_so_that_nothing_is_told_of_it(place: Path, store: Store, text: str) -> None:
    secret = place.parent / "other" / "study.toml"
    secret.write_text(text)
    (place / "link.toml").symlink_to(secret)
    (place / "folder").mkdir()
    (place / "folder" / "study.toml").symlink_to(secret)
    for path in (secret, secret.parent, place / "link.toml", place / "folder", place.parent / "other" / "absent.toml"):
        with pytest.raises(RefusedInput, match=r"the study file leads to .* outside of the allowed folders") as refused:
            open_study(store, path)
        assert "somebody" not in str(refused.value)
