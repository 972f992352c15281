"""What only one traced batch can tell: how modules are used, and whether samples keep to themselves."""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import RefusedInput
from engine.influence.tracing import trace

EXAMPLE = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def traced(model: nn.Module, example: Tensor = EXAMPLE, num_classes: int = 2):
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    torch.manual_seed(0)
    return trace(model.eval(), example, names, num_classes)


class Body(nn.Module):
    """Two linear maps; what is done with them is the subclass's."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(torch.tanh(self.body(inputs)))


class CalledTwice(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(torch.tanh(self.body(inputs))))


class AlsoUsedByAFunction(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(functional.linear(torch.tanh(self.body(inputs)), self.body.weight))


class UsedByAFunctionOnly(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(functional.linear(inputs, self.body.weight, self.body.bias))


class Unused(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(inputs)


class CalledInVain(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        self.body(inputs)
        return self.head(inputs)


class WithoutGradient(Body):
    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.body(inputs)
        return self.head(features)


class PositionsFirst(Body):
    """Tokens, then samples: what a sequence-first transformer does. Three tokens, three samples."""

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = torch.stack([inputs, 2 * inputs, -inputs])
        return self.head(torch.tanh(self.body(tokens)).mean(0))


class Windows(Body):
    """Positions folded into the batch, as windowed attention does."""

    def forward(self, inputs: Tensor) -> Tensor:
        windows = torch.cat([inputs, 2 * inputs]).reshape(2, len(inputs), 4).transpose(0, 1).reshape(-1, 4)
        return self.head(torch.tanh(self.body(windows)).view(len(inputs), 2, 4).mean(1))


def test_a_plain_model_has_no_reason_against_it_and_its_bytes_are_counted() -> None:
    found = traced(Body())
    assert found.reasons == {}
    assert found.sample_bytes == 4 * (4 + 4 + 4 + 2)


@pytest.mark.parametrize(
    ("kind", "text", "is_wrong"),
    [
        (CalledTwice, "called 2 times", True),
        (AlsoUsedByAFunction, "also used in another way than by calling it", True),
        (UsedByAFunctionOnly, "used by a function and not by calling it", True),
        (Unused, "takes no part in the logits", False),
        (CalledInVain, "takes no part in the logits", False),
        (WithoutGradient, "takes no part in the logits", False),
        (PositionsFirst, "also used in another way|samples first", True),
        (Windows, r"do not have the samples first \(\(6, 4\) for 3 samples\)", True),
    ],
)
def test_uses_that_scores_would_miss_are_found(kind: type[Body], text: str, is_wrong: bool) -> None:
    found = traced(kind())
    assert list(found.reasons) == ["body"]
    assert re.search(text, found.reasons["body"].text)
    assert found.reasons["body"].is_wrong == is_wrong


def test_a_convolution_with_positions_and_an_activation_in_place_passes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2)
    )
    assert traced(model, torch.randn(3, 1, 4, 4)).reasons == {}


class Returning(nn.Module):
    def __init__(self, what) -> None:
        super().__init__()
        self.head, self.what = nn.Linear(4, 2), what

    def forward(self, inputs: Tensor):
        return self.what(self.head(inputs))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (lambda logits: (logits,), "returns tuple for 3 samples"),
        (lambda logits: logits[:, :1], r"returns \(3, 1\) for 3 samples"),
        (lambda logits: logits / 0, "NaN or infinite"),
        (lambda logits: logits - logits.mean(0), "depend on the other samples of its batch"),
        (lambda logits: functional.dropout(logits, 0.5), "other logits at a second pass"),
    ],
)
def test_models_whose_output_is_not_each_samples_own_logits_are_refused(what, text: str) -> None:
    with pytest.raises(RefusedInput, match=text):
        traced(Returning(what))


def test_normalising_over_a_batch_is_refused_as_that_and_not_as_a_failure() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 2))
    with pytest.raises(RefusedInput, match="depend on the other samples of its batch: it fails on one sample alone"):
        traced(model)


def test_a_confident_model_is_still_told_apart() -> None:
    """Gradients for the likely class vanish, so the least likely one is asked for."""
    model = AlsoUsedByAFunction()
    model.head.weight.data *= 1000
    assert "body" in traced(model).reasons


def test_no_hook_and_no_request_is_left_behind() -> None:
    model = Body()
    traced(model)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(not module._forward_hooks for module in model.modules())
