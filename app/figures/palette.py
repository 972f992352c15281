"""What a colour and a marker shape mean, once for every figure.

Three families that colour-blind eyes keep apart: blues for what is sought (joint
positive, target, after), oranges for what costs (joint negative, control), greys
for what is neither. Every colour is a mid-tone that reads on a white and on a
near-black page alike, and every meaning also has a marker shape, so that no figure
rests on hue alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Meaning:
    """One thing that figures show, and how it looks everywhere.

    Args:
        words: its name on screen.
        colour: ``#rrggbb``.
        symbol: the Plotly marker symbol.
    """

    words: str
    colour: str
    symbol: str


JOINT_POSITIVE = Meaning("joint positive", "#2b7bba", "triangle-up")
JOINT_NEGATIVE = Meaning("joint negative", "#d9731a", "triangle-down")
TRADE_OFF = Meaning("trade-off", "#858b94", "circle")
REGION_MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {"joint_positive": JOINT_POSITIVE, "joint_negative": JOINT_NEGATIVE, "trade_off": TRADE_OFF}
)

TARGET = Meaning("target", "#4f63d8", "star")
OTHER = Meaning("other class", "#7a8794", "circle")

BEFORE = Meaning("before", "#8c8f93", "circle-open")
CONTROL = Meaning("control", "#a5845a", "square-open")
AFTER = Meaning("after", "#1787b3", "diamond")

# A change takes the colours of the regions: what helps is blue, what harms is orange.
GAIN = Meaning("gains", JOINT_POSITIVE.colour, "triangle-up")
LOSS = Meaning("loses", JOINT_NEGATIVE.colour, "triangle-down")
UNCLEAR = Meaning("not clear", TRADE_OFF.colour, "circle")

REFERENCE_LINE = "#858b94"
"""Colour of zero lines, y = −x and thresholds."""

_NEUTRAL = "#e6e8eb"
DIVERGING = ((0.0, "#a84f06"), (0.25, "#e5985a"), (0.5, _NEUTRAL), (0.75, "#6ba5d3"), (1.0, "#1b5f98"))
"""From −1 (orange: the classes pull apart) over grey to +1 (blue: they gain together)."""
SHARE_POSITIVE = ((0.0, _NEUTRAL), (0.5, "#6ba5d3"), (1.0, "#1b5f98"))
SHARE_NEGATIVE = ((0.0, _NEUTRAL), (0.5, "#e5985a"), (1.0, "#a84f06"))


def tint(colour: str, opacity: float) -> str:
    """Returns ``#rrggbb`` as ``rgba(...)`` with an opacity from 0 to 1."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"
