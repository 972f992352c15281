"""Category-wise influence: what is tracked, curvature, class gradients, the one scoring pass.

The data's way: ``tracked`` → ``curvature`` → ``class_gradients`` → ``operators`` → ``scores``;
``vectors`` leads through it and is what others call.
"""

from engine.influence.folds import FOLDS, stratified_folds
from engine.influence.operators import Horizon
from engine.influence.tracked import TrackedModules, tracked_modules
from engine.influence.vectors import InfluencePart, PreparedInfluence, prepare_influence

__all__ = [
    "FOLDS",
    "Horizon",
    "InfluencePart",
    "PreparedInfluence",
    "TrackedModules",
    "prepare_influence",
    "stratified_folds",
    "tracked_modules",
]
