"""Modules for which kronfluence would be silently wrong are found before any work."""

import pytest
import torch
from torch import nn

from engine.errors import RefusedInput
from engine.influence import tracked_modules


class LinearOfOurOwn(nn.Linear):
    """A subclass, as nn.MultiheadAttention uses one."""


class CalledTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.shared(self.shared(inputs)))


def network(convolution: nn.Module) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(3))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("convolution", "reason"),
    [
        (nn.Conv2d(2, 4, 3, groups=2), "grouped"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), "padding_mode = 'reflect'"),
        (nn.Conv2d(2, 4, 2, padding="same"), "even kernel"),
    ],
)
def test_convolutions_that_would_be_scored_wrongly_are_left_out_by_name(convolution: nn.Module, reason: str) -> None:
    tracked = tracked_modules(network(convolution), torch.zeros(2, 2, 6, 6))
    assert tracked.names == ("3",)
    assert reason in tracked.refused["0"]
    assert "no Kronecker factors" in tracked.refused["1"]


def test_the_tracked_share_counts_parameters() -> None:
    model = network(nn.Conv2d(2, 4, 3))
    tracked = tracked_modules(model, torch.zeros(2, 2, 6, 6))
    total = sum(parameter.numel() for parameter in model.parameters())
    assert tracked.names == ("0", "3")
    assert tracked.share == pytest.approx((total - 8) / total)


def test_a_module_called_twice_and_a_subclass_are_left_out() -> None:
    assert "called 2 times" in tracked_modules(CalledTwice(), torch.zeros(1, 4)).refused["shared"]
    model = nn.Sequential(LinearOfOurOwn(4, 4), nn.Linear(4, 2))
    assert "subclass of nn.Linear" in tracked_modules(model, torch.zeros(1, 4)).refused["0"]


def test_a_module_that_is_never_called_is_left_out() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.used(inputs)

    assert "called 0 times" in tracked_modules(Unused(), torch.zeros(1, 4)).refused["spare"]


def test_requested_modules_are_the_only_ones_and_must_exist_and_be_trackable() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    tracked = tracked_modules(model, torch.zeros(2, 4), ["2"])
    assert tracked.names == ("2",)
    assert tracked.refused["0"] == "not among the requested modules"
    with pytest.raises(RefusedInput, match="does not have"):
        tracked_modules(model, torch.zeros(2, 4), ["head"])
    with pytest.raises(RefusedInput, match="no Kronecker factors"):
        tracked_modules(model, torch.zeros(2, 4), ["1"])


def test_a_model_with_nothing_to_track_is_refused() -> None:
    with pytest.raises(RefusedInput, match="no module of the model can be tracked"):
        tracked_modules(nn.Sequential(LinearOfOurOwn(4, 2)), torch.zeros(2, 4))
