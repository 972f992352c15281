import itertools

import numpy as np
import pytest

from app.figures import palette
from app.figures.palette import Meaning
from app.figures.synthetic import CLASS_LOOKS

# Figures that show these meanings side by side.
SHOWN_TOGETHER = {
    "regions": (palette.JOINT_POSITIVE, palette.JOINT_NEGATIVE, palette.TRADE_OFF),
    "targets": (palette.TARGET, palette.OTHER),
    "states": (palette.BEFORE, palette.CONTROL, palette.AFTER),
    "readings": (palette.GAIN, palette.UNCLEAR, palette.LOSS),
    "synthetic classes": CLASS_LOOKS,
}
ALL = tuple(itertools.chain(*SHOWN_TOGETHER.values()))
# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(TO_XYZ[1] @ linear(colour))


def lab(colour: str, deficiency: str) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(DEFICIENCIES[deficiency] @ linear(colour), 0, 1) / TO_XYZ.sum(axis=1)
    f = np.cbrt(xyz)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("meaning", ALL, ids=lambda meaning: meaning.words)
@pytest.mark.parametrize("page", ["#ffffff", "#0e1117"])
def test_every_colour_reads_on_a_light_and_a_dark_page(meaning: Meaning, page: str) -> None:
    lighter, darker = sorted((luminance(meaning.colour), luminance(page)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 3


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("group", ["regions", "targets", "readings", "states", "synthetic classes"])
def test_colours_shown_together_stay_apart_for_colour_blind_eyes(group: str, deficiency: str) -> None:
    for first, second in itertools.combinations(SHOWN_TOGETHER[group], 2):
        distance = np.linalg.norm(lab(first.colour, deficiency) - lab(second.colour, deficiency))

        assert distance > 20, (first.words, second.words)


@pytest.mark.parametrize("group", SHOWN_TOGETHER)
def test_no_meaning_rests_on_its_colour_alone(group: str) -> None:
    symbols = [meaning.symbol for meaning in SHOWN_TOGETHER[group]]

    assert len(set(symbols)) == len(symbols)


def test_one_colour_has_one_meaning() -> None:
    roles = [*SHOWN_TOGETHER["regions"], *SHOWN_TOGETHER["targets"], *SHOWN_TOGETHER["states"], *CLASS_LOOKS]

    assert len({meaning.colour for meaning in roles}) == len(roles)
    assert (palette.GAIN.colour, palette.LOSS.colour) == (palette.JOINT_POSITIVE.colour, palette.JOINT_NEGATIVE.colour)


def test_a_tint_is_the_colour_with_an_opacity() -> None:
    assert palette.tint("#0a10ff", 0.1) == "rgba(10, 16, 255, 0.1)"
