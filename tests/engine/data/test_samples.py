import numpy as np
import torch

from engine.data import InputTransform, Samples, StudyData


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


def test_columns_of_one_array_are_numbered_and_pictures_have_none() -> None:
    def columns(inputs: torch.Tensor, *names: str) -> tuple[str, ...]:
        samples = Samples(inputs, torch.zeros(2, dtype=torch.int64), ("a#0", "a#1"))
        return StudyData(samples, samples, None, ("a", "b"), InputTransform(), (), names).columns

    assert columns(torch.zeros(2, 3), "p", "q", "r") == ("p", "q", "r")
    assert columns(torch.zeros(2, 2), "x") == ("x[0]", "x[1]")
    assert columns(torch.zeros(2, 1, 4, 4), "img") == ()
