"""Better weights: the linear programme, groups, the genetic search, before and after.

Import from the modules: ``programme`` (thresholds to weights), ``thresholds`` and
``gain_model`` beneath it, ``groups`` (one weight for similar samples), ``candidates``,
``fitness`` and ``search`` (the genetic search), ``pareto`` (which candidates are
non-dominated) and ``comparison`` (how sure a change is). Nothing is imported here, so
that pages which need only the programme open quickly.
"""
