"""The classifiers that a study can name: from ``(N, *input_shape)`` to logits ``(N, K)``.

Every layer with weights is a module of its own that is called once in a forward
pass, and nothing works in place: the curvature is collected by hooks on those
modules, which would otherwise see changed values.
"""

from collections.abc import Sequence

from torch import Tensor, nn

CNN_WIDTHS = (32, 64, 64)


def logistic_regression(features: int, num_classes: int, bias: bool) -> nn.Sequential:
    """One linear layer on the flattened inputs; without ``bias`` it passes through the origin."""
    return nn.Sequential(nn.Flatten(), nn.Linear(features, num_classes, bias=bias))


def mlp(features: int, num_classes: int, hidden: Sequence[int], bias: bool) -> nn.Sequential:
    """Linear layers of the widths ``hidden`` with ReLU between them."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width in hidden:
        layers += [nn.Linear(features, width, bias=bias), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, num_classes, bias=bias))


def cnn(channels: int, num_classes: int) -> nn.Sequential:
    """Three convolutions, each halving the sides, the mean over what is left, one linear layer.

    Sides of at least 8 pixels are needed for the three halvings.
    """
    layers: list[nn.Module] = []
    for width in CNN_WIDTHS:
        layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


def resnet9(channels: int, num_classes: int) -> nn.Sequential:
    """The residual network of kronfluence's CIFAR-10 example, 2.3 million parameters.

    Shapes and parameter names are that example's, so its checkpoints load. Sides of
    at least 11 pixels are needed by its last, unpadded convolution.
    """
    return nn.Sequential(
        _convolution(channels, 64),
        _convolution(64, 128, kernel=5, stride=2, padding=2),
        _Residual(nn.Sequential(_convolution(128, 128), _convolution(128, 128))),
        _convolution(128, 256),
        nn.MaxPool2d(2),
        _Residual(nn.Sequential(_convolution(256, 256), _convolution(256, 256))),
        _convolution(256, 128, padding=0),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(128, num_classes, bias=False),
        _Scale(0.2),
    )


def _convolution(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, padding: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class _Residual(nn.Module):
    """Adds what its module computes to its input."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.module(inputs)


class _Scale(nn.Module):
    """Multiplies by a constant: keeps the logits of an untrained network small."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, inputs: Tensor) -> Tensor:
        return self.factor * inputs
