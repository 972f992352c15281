import numpy as np
import torch

from engine.data import Samples


def test_take_keeps_inputs_labels_and_sources_together_in_the_order_asked() -> None:
    samples = Samples(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 1]), ("a#0", "a#1", "a#2"))
    for indices in ([2, 0], np.array([2, 0]), torch.tensor([2, 0])):
        taken = samples.take(indices)
        assert len(taken) == 2
        assert taken.inputs.tolist() == [[4, 5], [0, 1]]
        assert taken.labels.tolist() == [1, 0]
        assert taken.sources == ("a#2", "a#0")


def test_taking_nothing_leaves_no_sample() -> None:
    samples = Samples(torch.zeros(2, 3), torch.tensor([0, 1]), ("a#0", "a#1"))
    assert len(samples.take([])) == 0
