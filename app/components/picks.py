"""What is picked on the Explore page: a sample, a shape over the pair, a zoom; one truth for plots and widgets."""

from collections.abc import Sequence
from typing import Any

from app.components import view_state
from app.components.study_in_view import StudyInView
from cache.pairs import Box
from cache.shapes import Shape
from engine.errors import RefusedInput

Pair = tuple[int, int]
FAR = 1e30
"""Where the open sides of a box are: farther out than any sample."""


def sample_in_view(view: StudyInView) -> int | None:
    """Returns the number of the sample that is open, or ``None``."""
    return view_state.number("sample", 0, view.influence["samples"] - 1)


def open_sample(index: int | None) -> None:
    """Opens a sample, or closes the one that is open."""
    view_state.put(sample=None if index is None else str(index))


def shape_in_view() -> Shape | None:
    """Returns what is drawn over the pair, or ``None``; an address that describes no shape is passed over."""
    return _shape("region")


def _shape(name: str) -> Shape | None:
    try:
        return Shape.read(view_state.get(name) or "")
    except RefusedInput:
        return None


def select_shape(shape: Shape | None) -> None:
    """Selects the samples inside a shape, or none; a saved slice that was open is let go."""
    view_state.put(region=None if shape is None else shape.text, slice=None)


def drawn_shape(selection: Any) -> Shape | None:
    """Returns the box or lasso of a chart's event; ``None`` where there is none, or too little of one.

    Args:
        selection: ``box``, ``lasso`` and ``points``, as Streamlit tells them.
    """
    if selection["box"]:
        (x, y) = (selection["box"][0][axis] for axis in "xy")
        return Shape.box(min(x), max(x), min(y), max(y))
    if selection["lasso"]:
        try:
            return Shape.lasso(selection["lasso"][0]["x"], selection["lasso"][0]["y"])
        except RefusedInput:
            return None
    return None


def pin_pair(names: Sequence[str], pair: Pair) -> None:
    """Names the pair in the address: what is drawn over it is of no other, and the first pair may change."""
    view_state.put(a=names[pair[0]], b=names[pair[1]])


def zoom_in_view() -> Box | None:
    """Returns the part of the pair's plane that is zoomed into, or ``None``."""
    shape = _shape("zoom")
    return shape.bounds if shape is not None and shape.kind == "box" else None


def set_zoom(box: Box | None) -> None:
    """Zooms into a part of the pair's plane, or back to the whole."""
    view_state.put(zoom=None if box is None else Shape.box(*box).text)
