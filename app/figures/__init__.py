"""Pure functions from numbers to Plotly figures, without Streamlit.

Inside: the palette and the frame all figures share (``palette``, ``layout``, ``wording``,
``ordering``, ``intervals``), and one module a figure: ``accuracy``, ``gains``, ``spectrum``,
``matrix``, ``pair``, ``density``, ``influence_bars``, ``predicted_changes``, ``frontier``, ``before_after``,
``synthetic``, ``climb``, ``composition``, ``epochs``, ``prediction_check``, ``stability``. Every figure has a title
that is a sentence, units on its axes and its alternative text in ``layout.meta["alt"]``; clicked points carry
``customdata`` as nested lists.
"""

from app.figures.accuracy import accuracy_bars
from app.figures.before_after import before_after
from app.figures.climb import climb_curve
from app.figures.composition import class_composition, composition_of_bar
from app.figures.datamodelling import score_bars, strategy_scores
from app.figures.density import pair_density
from app.figures.epochs import accuracy_over_epochs
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
from app.figures.prediction_check import prediction_check
from app.figures.removal import Removal, removal_maps, removal_scatter
from app.figures.spectrum import spectrum_bars
from app.figures.stability import ranking_stability
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
    "Removal",
    "accuracy_bars",
    "accuracy_over_epochs",
    "before_after",
    "class_composition",
    "class_matrix",
    "climb_curve",
    "composition_of_bar",
    "empty_figure",
    "frontier",
    "held_out_gains",
    "influence_of_sample",
    "pair_density",
    "pair_scatter",
    "points_by_class",
    "points_by_region",
    "predicted_changes",
    "prediction_check",
    "ranking_stability",
    "removal_maps",
    "removal_rounds",
    "removal_scatter",
    "score_bars",
    "spectrum_bars",
    "strategy_scores",
    "worst_first",
]
