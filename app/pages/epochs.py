"""Epochs: how every class fared over the checkpoints, and which epoch cost some class more than noise."""

from app.components.epochs_panel import epochs_panel
from app.components.study_page import opened_study

epochs_panel(*opened_study("Which epochs cost a class something?"))
