"""Small trained classifiers that the influence tests share."""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from engine.data import InputTransform, Samples, StudyData
from engine.study import Study, load_study


def samples(inputs: Tensor, labels: Tensor) -> Samples:
    return Samples(inputs, labels, tuple(f"row {index}" for index in range(len(labels))))


def study(folder: Path, influence: str = "", training: str = "") -> Study:
    """A study whose files are never read: the tests pass data and model themselves."""
    (folder / "study.toml").write_text(
        f'name = "case"\n[data]\nformat = "npz"\ntrain = "a.npz"\nvalidation = "b.npz"\n'
        f'[model]\narchitecture = "mlp"\n[training]\n{training}\n[influence]\n{influence}\n'
    )
    return load_study(folder)


def trained(model: nn.Module, inputs: Tensor, labels: Tensor, steps: int, weight_decay: float = 0.0) -> nn.Module:
    """Trains by full-batch descent with momentum: enough for a test, the same each time."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=weight_decay)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    return model.eval()


def digits(count: int, validation: int) -> StudyData:
    """Scikit-learn's digits as table rows on the scale 0..1."""
    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(pixels / 16, dtype=torch.float32)
    classes = torch.tensor(labels, dtype=torch.int64)
    return StudyData(
        train=samples(inputs[:count], classes[:count]),
        validation=samples(inputs[count : count + validation], classes[count : count + validation]),
        test=None,
        class_names=tuple(str(k) for k in range(10)),
        transform=InputTransform(),
        notices=(),
    )


def two_discs(count: int, validation: int, seed: int = 0) -> StudyData:
    """The paper's separable set: unit discs at (±1.5, 0), 12% of training labels flipped, validation clean."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count + validation)
    angle, radius = generator.uniform(0, 2 * np.pi, len(labels)), np.sqrt(generator.uniform(0, 1, len(labels)))
    inputs = np.stack([radius * np.cos(angle) + np.where(labels == 1, 1.5, -1.5), radius * np.sin(angle)], axis=1)
    flipped = generator.choice(count, round(0.12 * count), replace=False)
    labels[flipped] = 1 - labels[flipped]
    points, classes = torch.tensor(inputs, dtype=torch.float32), torch.tensor(labels)
    return StudyData(
        train=samples(points[:count], classes[:count]),
        validation=samples(points[count:], classes[count:]),
        test=None,
        class_names=("left", "right"),
        transform=InputTransform(),
        notices=(),
    )


def converged(model: nn.Module, inputs: Tensor, labels: Tensor) -> nn.Module:
    """Fits a convex model to its optimum, so that removing one sample moves it and nothing else does."""
    model = model.double()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(model(inputs.double()), labels)
        value.backward()
        return value

    optimizer.step(loss)
    return model.float().eval()


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


class Residual(nn.Module):
    """Adds in place, as torchvision's blocks do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm, self.relu = nn.BatchNorm2d(channels), nn.ReLU(inplace=True)

    def forward(self, inputs: Tensor) -> Tensor:
        output = self.norm(self.convolution(inputs))
        output += inputs
        return self.relu(output)


def convolutions() -> nn.Module:
    """Strides, dilation, paddings of each kind, BatchNorm, activations in place, a skip."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, padding="same", bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        Residual(4),
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.GELU(),
        nn.Conv2d(6, 5, (2, 3), dilation=(1, 1), padding=(0, 1)),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 10),
    )


class Transformer(nn.Module):
    """One block over the eight rows of a digit: attention of plain linear maps, LayerNorm, an MLP."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Linear(8, width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out, self.first, self.second = nn.Linear(width, width), nn.Linear(width, 16), nn.Linear(16, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.position = nn.Parameter(0.1 * torch.randn(8, width))
        self.head = nn.Linear(width, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.embedding(inputs.unflatten(1, (8, 8))) + self.position
        normed = self.norms[0](tokens)
        attended = functional.scaled_dot_product_attention(
            self.query(normed)[:, None], self.key(normed)[:, None], self.value(normed)[:, None]
        )[:, 0]
        tokens = tokens + self.out(attended)
        tokens = tokens + self.second(functional.gelu(self.first(self.norms[1](tokens))))
        return self.head(self.norms[2](tokens).mean(1))
