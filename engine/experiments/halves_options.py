"""How many trainings on random halves are usual, and what is compared: known before anything of a model is loaded."""

SUBSETS, SEEDS = 32, 2
"""Halves, and trainings of each: together as many as small networks are trained as one."""
QUICK_SUBSETS = 16
"""Halves of a comparison that is made small."""
DAMPINGS: tuple[str | float, ...] = ("training", "heuristic", 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Candidates of every comparison, of which one is chosen; that of the study is one more where it is none of these."""
