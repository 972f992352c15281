"""Pure functions from numbers to Plotly figures, without Streamlit.

Inside: the palette and the frame all figures share (``palette``, ``layout``, ``wording``,
``ordering``, ``intervals``), and one module a figure: ``accuracy``, ``gains``, ``spectrum``,
``matrix``, ``pair``, ``influence_bars``, ``predicted_changes``, ``frontier``, ``before_after``, ``synthetic``,
``climb``. Every figure has a title that is a sentence, units on its axes and its alternative text
in ``layout.meta["alt"]``; clicked points carry ``customdata`` as nested lists.
"""

from app.figures.accuracy import accuracy_bars
from app.figures.before_after import before_after
from app.figures.climb import climb_curve
from app.figures.frontier import frontier
from app.figures.gains import held_out_gains
from app.figures.influence_bars import influence_of_sample
from app.figures.layout import empty_figure
from app.figures.matrix import MATRIX_KINDS, class_matrix
from app.figures.ordering import worst_first
from app.figures.pair import pair_scatter
from app.figures.palette import (
    AFTER,
    BEFORE,
    CONTROL,
    JOINT_NEGATIVE,
    JOINT_POSITIVE,
    OTHER,
    REGION_MEANINGS,
    TARGET,
    TRADE_OFF,
    Meaning,
)
from app.figures.predicted_changes import predicted_changes
from app.figures.spectrum import spectrum_bars
from app.figures.synthetic import CLASS_LOOKS, Boundary, points_by_class, points_by_region, removal_rounds

__all__ = [
    "AFTER",
    "BEFORE",
    "CLASS_LOOKS",
    "CONTROL",
    "JOINT_NEGATIVE",
    "JOINT_POSITIVE",
    "MATRIX_KINDS",
    "OTHER",
    "REGION_MEANINGS",
    "TARGET",
    "TRADE_OFF",
    "Boundary",
    "Meaning",
    "accuracy_bars",
    "before_after",
    "class_matrix",
    "climb_curve",
    "empty_figure",
    "frontier",
    "held_out_gains",
    "influence_of_sample",
    "pair_scatter",
    "points_by_class",
    "points_by_region",
    "predicted_changes",
    "removal_rounds",
    "spectrum_bars",
    "worst_first",
]
