"""The parts that benchmarks are made of, each at a small size."""

import numpy as np
import torch

from benchmarks import large_data
from benchmarks.cifar_study import artificial_classes
from benchmarks.kronfluence_peer import KronfluencePeer
from benchmarks.memory import watched_memory
from benchmarks.residual_net import build
from engine.data import InputTransform, Samples, StudyData


def pictures(count: int) -> StudyData:
    generator = torch.Generator().manual_seed(0)

    def split() -> Samples:
        inputs = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
        return Samples(inputs, torch.arange(count) % 10, ("",) * count)

    names = tuple(str(k) for k in range(10))
    return StudyData(split(), split(), None, names, InputTransform(), ())


def test_memory_that_is_taken_shows_and_memory_from_before_does_not() -> None:
    before = np.ones(30_000_000)
    with watched_memory() as peak:
        taken = np.ones(40_000_000)
        del taken
    assert 0.25 < peak.gigabytes < 0.4
    assert len(before)


def test_the_net_has_half_a_million_parameters() -> None:
    model = build((3, 32, 32), 10)
    assert 400_000 < sum(parameter.numel() for parameter in model.parameters()) < 600_000
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_artificial_classes_refine_the_real_ones() -> None:
    data = pictures(200)
    many, model = artificial_classes(data, 100)
    assert many.num_classes == 100
    assert torch.equal(many.train.labels // 10, data.train.labels)
    assert len(many.validation.labels.unique()) > 50
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 100)


def test_the_peer_is_timed_and_scores_what_it_is_asked_for(tmp_path) -> None:
    data = pictures(20)
    model = build((3, 32, 32), 10).eval()
    names = [name for name, _ in model.named_parameters()]
    peer = KronfluencePeer(model, data, ("0", "13"), tmp_path)
    assert peer.fit("few", 10) > 0
    seconds, scores = peer.score("few", 3)
    assert seconds > 0
    assert scores.shape == (20,)
    assert peer.score("few", 3, 7)[1].shape == (7,)
    assert [name for name, _ in model.named_parameters()] == names


def test_streaming_large_data_reports_both_sizes(monkeypatch) -> None:
    monkeypatch.setattr(large_data, "_SMALL", 500)
    told = large_data.measure_large(1_000)
    assert told.seconds > 0
    assert told.peak_gb_small >= 0
    assert told.peak_gb >= 0
