"""Harmful: which training samples do harm, are their labels right, and whose samples act on which class."""

from app.components.composition_panel import composition_panel
from app.components.harmful_panel import harmful_panel
from app.components.study_page import study_in_view

view = study_in_view("Which training samples do harm, and are their labels right?")
fill_table = harmful_panel(view)
composition_panel(view)
fill_table()
