"""Small studies and pictures, made where a test needs them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.study import Study


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """Returns a function from the keys of ``[data]`` to a study in the test's folder."""

    def made(seed: int = 0, **data: Any) -> Study:
        model = {"architecture": "logistic_regression"}
        return Study.model_validate({"name": "small", "seed": seed, "folder": tmp_path, "data": data, "model": model})

    return made


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Returns a function that encodes a picture of one value or of the given pixels."""

    def encoded(value: int | np.ndarray = 0, size: int = 4, mode: str = "RGB", kind: str = "PNG") -> bytes:
        if isinstance(value, np.ndarray):
            image = Image.fromarray(value)
        else:
            image = Image.new("L", (size, size), value).convert(mode)
        stream = io.BytesIO()
        image.save(stream, kind)
        return stream.getvalue()

    return encoded
