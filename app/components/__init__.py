"""Widgets that own their state: what is looked at, the pickers, jobs, refusals."""
