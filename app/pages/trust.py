"""Trust: whether influence predicts what happens on this model."""

from app.components.study_page import study_in_view
from app.components.trust_panel import trust_panel

trust_panel(study_in_view("Does influence predict what happens on your model?"))
