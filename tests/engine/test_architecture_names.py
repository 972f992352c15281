"""The forms in which an architecture is named."""

import pytest
from pydantic_core import PydanticCustomError

from engine.architecture_names import OURS, BuilderName, builder_name, check_form, torchvision_name


@pytest.mark.parametrize(
    "architecture",
    [*OURS, "torchvision:resnet18", "torchvision:vit_b_16", "file:model.py:build", "file:../a b/m.py:make_2"],
)
def test_a_name_of_a_known_form_passes(architecture: str) -> None:
    check_form(architecture)


def test_each_form_is_taken_apart() -> None:
    assert torchvision_name("torchvision:resnet18") == "resnet18"
    assert builder_name("file:a:b/model.py:build") == BuilderName("a:b/model.py", "build")
    assert torchvision_name("file:model.py:build") is None
    assert builder_name("torchvision:resnet18") is None
    assert (torchvision_name("mlp"), builder_name("mlp")) == (None, None)


@pytest.mark.parametrize(
    ("architecture", "remedy"),
    [
        # The nearest form.
        ("resnet18", "'torchvision:resnet18'"),
        ("ResNet50", "'torchvision:resnet50'"),
        ("vit_b_16", "'torchvision:vit_b_16'"),
        ("resnet", "'resnet9'"),
        ("MLP", "'mlp'"),
        ("model.py", "'file:model.py:build'"),
        ("net/model.py:make", "'file:net/model.py:make'"),
        ("transformer-xl", "Change [model] architecture"),
        ("", "Change [model] architecture"),
        # torchvision: and no name of its form.
        ("torchvision:", "'torchvision:resnet18'"),
        ("torchvision:resnet-18", "'torchvision:resnet18'"),
        ("torchvision: resnet18", "'torchvision:resnet18'"),
        ("torchvision:../x.py", "'torchvision:xpy'"),
        ("torchvision:résnet18", "'torchvision:rsnet18'"),
        # file: without a file, without a function.
        ("file:model.py", "'file:model.py:build'"),
        ("file:model.py:", "'file:model.py:build'"),
        ("file:", "'file:model.py:build'"),
        ("file::build", "'file:model.py:build'"),
        ("file:model:build", "'file:model.py:build'"),
        ("file:model.pyc:build", "'file:model.py:build'"),
        ("file:model.py:not a name", "'file:model.py:build'"),
        ("file:model.py:class", "'file:model.py:build'"),
        ("file:a\0.py:build", "'file:"),
    ],
)
def test_another_form_is_refused_with_the_nearest(architecture: str, remedy: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        check_form(architecture)
    assert caught.value.context is not None
    assert caught.value.context["problem"] == f"architecture is {architecture!r}"
    assert remedy in caught.value.context["remedy"]


def test_a_long_name_is_shortened() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        check_form("x" * 5000)
    assert len(str(caught.value)) < 120
