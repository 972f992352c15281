"""The numbers a class may be judged by, against their definitions."""

import torch

from engine.influence.measurement import MEASUREMENTS

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 2])


def test_each_measurement_is_what_it_says() -> None:
    truth = LOGITS.softmax(dim=1)[torch.arange(2), LABELS]
    torch.testing.assert_close(MEASUREMENTS["loss"](LOGITS, LABELS), -truth.log())
    torch.testing.assert_close(MEASUREMENTS["margin"](LOGITS, LABELS), -(truth / (1 - truth)).log())
    torch.testing.assert_close(MEASUREMENTS["soft_accuracy"](LOGITS, LABELS), 1 - truth)


def test_each_measurement_falls_when_the_true_class_gets_more_likely() -> None:
    better = LOGITS + torch.nn.functional.one_hot(LABELS, 3)
    for measurement in MEASUREMENTS.values():
        assert (measurement(better, LABELS) < measurement(LOGITS, LABELS)).all()
