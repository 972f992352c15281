"""Training under weights, and what it did to every class.

``train`` trains from scratch and records a :class:`TrainingHistory`; ``NextEpoch``
trains one more epoch from a stored one under weights; ``trained_from_scratch`` trains
many models under many weights; ``evaluate`` measures accuracy and loss per class;
``trained_model`` loads the network after an epoch; ``learning_rates`` is the schedule.
"""

from engine.training.evaluation import Evaluation, evaluate
from engine.training.from_scratch import trained_from_scratch
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
    "trained_from_scratch",
    "trained_model",
    "untrained_model",
]
