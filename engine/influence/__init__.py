"""Category-wise influence: what is tracked, curvature, class gradients, the one scoring pass.

The data's way: ``tracked`` (``guards``, ``tracing``) → ``class_gradients`` → ``strategies``
(``kronecker`` on a ``factor_sample``, or ``exact``) → ``curvature`` with its ``operators`` →
``scores``; ``preparation`` leads through all before the pass and ``vectors`` through the pass.
``candidate_scores`` gives influence under many operators at once, for a choice between them.
``sample_gains`` tells what a reweighting does to each validation sample, ``self_influence`` how strongly a
training sample acts on its own loss.
``linear_maps`` says what a tracked module is, ``rows`` where class gradients lie, ``probe``
how choices are compared.
"""

from engine.influence.candidate_scores import candidate_scores
from engine.influence.folds import FOLDS, stratified_folds
from engine.influence.operators import Horizon
from engine.influence.parts import InfluencePart
from engine.influence.preparation import ceiling_operator, planned, prepare_influence
from engine.influence.sample_gains import sample_gains
from engine.influence.self_influence import self_influence
from engine.influence.tracked import TrackedModules, tracked_modules
from engine.influence.vectors import PreparedInfluence

__all__ = [
    "FOLDS",
    "Horizon",
    "InfluencePart",
    "PreparedInfluence",
    "TrackedModules",
    "candidate_scores",
    "ceiling_operator",
    "planned",
    "prepare_influence",
    "sample_gains",
    "self_influence",
    "stratified_folds",
    "tracked_modules",
]
