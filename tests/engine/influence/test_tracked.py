"""Which modules are tracked, which are left out, and when a model is refused for them."""

import pytest
import torch
from torch import nn

from engine.errors import RefusedInput
from engine.influence import tracked_modules

PICTURES = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def network(*convolutions: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(*convolutions, nn.BatchNorm2d(4), nn.Flatten())
    features = body.eval()(PICTURES).shape[1]
    return nn.Sequential(*body, nn.Linear(features, 3)).eval()


def grouped() -> nn.Module:
    return network(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, groups=2))


def test_the_tracked_share_counts_the_parameters_that_training_moves() -> None:
    model = network(nn.Conv2d(2, 4, 3))
    tracked = tracked_modules(model, PICTURES, 3)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert tracked.names == ("0", "3")
    assert tracked.parameters == total - 8
    assert tracked.share == pytest.approx((total - 8) / total)
    assert "no Kronecker factors" in tracked.refused["1"]
    model.get_submodule("0").requires_grad_(False)
    frozen = tracked_modules(model, PICTURES, 3)
    assert frozen.names == ("3",)
    assert frozen.share == pytest.approx(frozen.parameters / (frozen.parameters + 8))


def test_a_module_that_would_be_wrong_refuses_the_model_and_says_how_to_go_without_it() -> None:
    with pytest.raises(
        RefusedInput, match=r"1 module would be wrong: 1: a grouped convolution.*untrackable = 'leave_out'"
    ):
        tracked_modules(grouped(), PICTURES, 3)


def test_on_request_it_is_left_out_by_name_and_reason() -> None:
    tracked = tracked_modules(grouped(), PICTURES, 3, untrackable="leave_out")
    assert tracked.names == ("0", "4")
    assert "grouped" in tracked.refused["1"]
    assert tracked.share < 1


def test_naming_the_modules_is_a_request_too() -> None:
    tracked = tracked_modules(grouped(), PICTURES, 3, requested=["4"])
    assert tracked.names == ("4",)
    assert tracked.refused["0"] == "not among the requested modules"
    assert "grouped" in tracked.refused["1"]


def test_requested_modules_must_exist_and_be_trackable() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    example = torch.randn(2, 4)
    with pytest.raises(RefusedInput, match="does not have"):
        tracked_modules(model, example, 2, ["head"])
    with pytest.raises(RefusedInput, match="no Kronecker factors"):
        tracked_modules(model, example, 2, ["1"])


def test_a_model_with_nothing_to_track_is_refused_also_if_all_may_be_left_out() -> None:
    class LinearOfOurOwn(nn.Linear):
        pass

    with pytest.raises(RefusedInput, match="no module of the model can be tracked: 0: LinearOfOurOwn"):
        tracked_modules(nn.Sequential(LinearOfOurOwn(4, 2)).eval(), torch.randn(2, 4), 2, untrackable="leave_out")


def test_one_sample_is_enough() -> None:
    assert tracked_modules(network(nn.Conv2d(2, 4, 3)), PICTURES[:1], 3).names == ("0", "3")
