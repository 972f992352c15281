"""What docs/scaling.md says of the code, and its arithmetic of ImageNet-1k, against both."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.unit_costs_paper import CLASSES, OPERATORS, ROWS, SCOPES, TRAIN, moved, on_paper
from engine.cluster_address import ADD_RAY
from engine.influence.factor_sample import LARGEST_SAMPLE, MOMENT_SAMPLES
from engine.influence.folds import FOLDS
from engine.influence.kronecker import PART_SAMPLES as FACTOR_SAMPLES
from engine.influence.linear_maps import matrix_shape
from engine.influence.parts import PART_SAMPLES
from engine.tasks.attempts import ATTEMPTS
from engine.tasks.choice import TASK_HOURS
from engine.training.stacked import SMALL, TOGETHER

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "scaling.md").read_text().split())


@pytest.fixture(scope="module")
def resnet() -> dict[str, tuple[int, int]]:
    """Shapes of the modules of a ResNet-50 that can be tracked."""
    from torchvision.models import resnet50

    with torch.device("meta"):
        model = resnet50(weights=None)
    return {name: matrix_shape(one) for name, one in model.named_modules() if isinstance(one, nn.Linear | nn.Conv2d)}


@pytest.mark.parametrize(
    "said",
    [
        f"{PART_SAMPLES:,} training samples, which it carries",
        f"{FACTOR_SAMPLES} samples, which it carries",
        f"{LARGEST_SAMPLE // 2 - LARGEST_SAMPLE // 4:,} samples at most at a time",
        f"moments of {MOMENT_SAMPLES} samples are one task",
        f"{ {3: 'three'}[ATTEMPTS] } times at most",
        f"`PARETOSCOPE_TASK_HOURS` ({TASK_HOURS:g}, a week, by default)",
        f"at most {SMALL:,} parameters are trained up to {TOGETHER} at a time",
        ADD_RAY,
    ],
)
def test_the_page_names_the_constants_of_the_code(said: str) -> None:
    assert said in PAGE


def test_the_page_names_what_goes_by_the_object_store() -> None:
    ray_pool = pytest.importorskip("engine.tasks.ray_pool", exc_type=ImportError)
    assert ray_pool.OBJECT_SHARE == 1 / 4
    assert "at most a quarter of the smallest" in PAGE
    assert ray_pool.TASK_BYTES == 1.5e9
    assert "asks for 1.5 GB" in PAGE


def test_the_rows_are_those_of_the_folds() -> None:
    assert f"R = {FOLDS} folds × {CLASSES:,} classes × {OPERATORS} operators = {ROWS:,}" in PAGE


def test_the_arithmetic_of_the_page(resnet: dict[str, tuple[int, int]]) -> None:
    found = on_paper(resnet)
    columns = [found[name] for name in SCOPES]

    def row(name: str, *cells: str) -> None:
        assert f"| {name} | {' | '.join(cells)} |" in PAGE

    row("parameters P", *(f"{one['parameters'] / 1e6:.2f}M" for one in columns))
    row("rows: R × P × 4 bytes", *(f"{one['rows_gb']:.0f} GB" for one in columns))
    row("products: 2 × R × P × N", *(f"{one['product_flop']:.1e} FLOP".replace("e+", "e") for one in columns))
    row("products, hours at 50 TFLOP/s a GPU", *(f"{one['product_hours']:.2f}" for one in columns))
    row("rows fetched from the machine's memory", *(f"{one['streamed_tb']:,.0f} TB" for one in columns))
    row("fetching, hours at 12 GB/s a GPU", *(f"{one['streamed_hours']:.2f}" for one in columns))


def test_the_bytes_of_the_page() -> None:
    bytes_ = moved()
    assert f"N × 3 × 224 × 224 = {bytes_['pictures_gb']:.0f} GB" in PAGE
    assert f"N × R × 4 bytes = {bytes_['results_gb']:.0f} GB" in PAGE
    assert f"{bytes_['parts']} parts" in PAGE
    assert f"{TRAIN:,}" in PAGE


def test_every_link_of_the_page_leads_somewhere() -> None:
    folder = Path(__file__).parents[2] / "docs"
    links = re.findall(r"\]\(([\w.-]+\.md)\)", PAGE)
    assert links
    assert all((folder / link).is_file() for link in links)
