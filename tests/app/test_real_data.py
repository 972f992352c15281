"""The whole way on real pictures, small: train, influence, ceiling, reweight, samples on CIFAR-10."""

from pathlib import Path

import pytest

from app.workflow.commands import COMMANDS
from cache import ingest_if_free
from cache.cache import Cache
from cache.store import Store
from engine.progress import silent
from engine.study import load_study

STUDY = """\
name = "cifar10-small"
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = 0.2
test = "{data}/cifar10/test.parquet"
input = "img"
[data.limit]
train = 20
validation = 12
test = 10
[data.transform]
mean = [0.4914, 0.4822, 0.4465]
std = [0.2470, 0.2435, 0.2616]
augment = ["crop", "flip"]
[model]
architecture = "cnn"
[training]
batch_size = 50
epochs = 2
[reweight.search]
iterations = 1
population = 4
elites = 1
mutated_elites = 1
randoms = 1
crossover_children = 1
"""


@pytest.mark.needs_data
def test_cifar10_goes_from_pictures_to_better_weights(external_data: Path, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY.format(data=external_data.resolve()))
    study, store = load_study(tmp_path), Store(tmp_path / "store")

    trained = COMMANDS["train"](study, store, {}, silent)
    assert trained["class_names"][:3] == ["airplane", "automobile", "bird"]
    last = trained["per_class_accuracy"][-1]["validation"]
    worst = sorted(range(10), key=lambda k: last[k])[:2]

    influence = COMMANDS["influence"](study, store, {}, silent)
    assert (influence["samples"], influence["classes"], influence["tracked_parameters"]) == (200, 10, 1.0)
    ceiling = COMMANDS["ceiling"](study, store, {}, silent)
    assert ceiling["influence"] == influence["run"]
    assert sum(ceiling["spectrum"]["explained_variance_ratio"]) == pytest.approx(1)

    result = COMMANDS["reweight"](study, store, {"targets": worst}, silent)
    assert result["targets"] == sorted(worst)
    assert all(len(result[name]["test"]) == 10 for name in ("before", "after", "control"))
    assert Path(result["checkpoint"]).is_file()

    harmful = COMMANDS["samples"](study, store, {"classes": worst, "limit": 5}, silent)["samples"]
    assert all(sample["source"].startswith("train.parquet#") for sample in harmful)
    assert ingest_if_free(store)
    with Cache.open(store) as cache:
        assert cache.vectors(influence["run"]).shape == (200, 10)
        assert len(cache.candidates(result["run"])) == len(result["candidates"])
