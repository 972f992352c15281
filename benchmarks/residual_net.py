"""The residual network that the influence benchmark runs on: 0.46 million parameters, CIFAR-sized pictures."""

from torch import Tensor, nn


class Residual(nn.Module):
    """Adds what two convolutions make of the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*convolution(channels, channels), *convolution(channels, channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns inputs of the same shape ``(B, C, H, W)``."""
        return inputs + self.body(inputs)


def convolution(channels_in: int, channels_out: int, stride: int = 1) -> list[nn.Module]:
    """A 3 × 3 convolution with BatchNorm and ReLU."""
    return [
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


def build(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    """Builds the network for ``(C, H, W)`` pictures; also a builder for ``architecture = "file:..."``."""
    return nn.Sequential(
        *convolution(input_shape[0], 32),
        *convolution(32, 64, stride=2),
        Residual(64),
        *convolution(64, 128, stride=2),
        Residual(128),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, num_classes),
    )
