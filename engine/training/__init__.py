"""Training under weights, and what it did to every class.

``train`` trains from scratch and records a :class:`TrainingHistory`; ``NextEpoch``
trains one more epoch from a stored one under weights; ``evaluate`` measures accuracy
and loss per class; ``trained_model`` loads the network after an epoch;
``learning_rates`` is the schedule.
"""

from engine.training.evaluation import Evaluation, evaluate
from engine.training.history import EpochRecord, TrainingHistory, read_history
from engine.training.next_epoch import NextEpoch
from engine.training.schedule import learning_rates
from engine.training.stored_state import trained_model, untrained_model
from engine.training.train import train

__all__ = [
    "EpochRecord",
    "Evaluation",
    "NextEpoch",
    "TrainingHistory",
    "evaluate",
    "learning_rates",
    "read_history",
    "train",
    "trained_model",
    "untrained_model",
]
