"""What a user may ask of a climb: the way up and the most rounds. The command line imports nothing else of it."""

from typing import Literal

from engine.classes import did_you_mean
from engine.errors import RefusedInput

How = Literal["reweight", "remove"]
HOWS: tuple[How, ...] = ("reweight", "remove")
"""The first is the one unless a user says otherwise."""
ROUNDS = 8
"""Most rounds unless a user says otherwise; round 0 is plain training."""
MOST_ROUNDS = 100
SEEDS = 3
"""Trainings of each round, with the study's own seed and those after it."""


def checked_how(how: str, rounds: int) -> How:
    """Returns the way to climb.

    Raises:
        RefusedInput: if there is no such way, or the rounds are not from 1 to 100.
    """
    if how not in HOWS:
        remedy = did_you_mean(how, HOWS) or "Choose one of them"
        raise RefusedInput(f"--how is '{how}'", " or ".join(HOWS), remedy)
    if not 1 <= rounds <= MOST_ROUNDS:
        raise RefusedInput(f"--rounds is {rounds}", f"a number from 1 to {MOST_ROUNDS}", "Ask for fewer or more rounds")
    return HOWS[HOWS.index(how)]
