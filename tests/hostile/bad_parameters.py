"""Bad parameters, rows 40 to 47: what is changed in the study file, or asked of the study."""

from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.case import Case
from tests.hostile.questions import OPEN_RUN, REPORT, SLIDERS
from tests.hostile.small_study import edit

_SQL = "'; DROP TABLE runs; --"
_HTML = "<script>alert(1)</script><img src=x onerror=alert(2)>"
_BOUNDS = "weight_bounds = [0.5, 1.5]"


def _left(folder: Path) -> None:
    """Changes nothing: what is bad is what is asked."""


def _set(old: str, new: str, folder: Path) -> None:
    edit(folder, old, new)


def _bounds(written: str) -> Any:
    return partial(_set, _BOUNDS, f"weight_bounds = {written}")


def _named(name: str) -> Any:
    return partial(_set, 'name = "small digits"', f"name = '''{name}'''")


_LO_TO_HI = ("[lo, hi] with 0 <= lo <= 1 <= hi and lo < hi", "Change weight_bounds")

CASES = (
    Case(
        40,
        "a weight bound that is NaN",
        _bounds("[nan, 1.5]"),
        ("[reweight] weight_bounds[0] is nan", "a finite number", "Change [reweight] weight_bounds"),
        command="reweight",
    ),
    Case(
        40,
        "a weight bound that is infinite",
        _bounds("[0.5, inf]"),
        ("[reweight] weight_bounds[1] is inf", "a finite number"),
        command="reweight",
    ),
    Case(
        40,
        "a negative weight bound",
        _bounds("[-0.5, 1.5]"),
        ("weight_bounds is [-0.5, 1.5]", *_LO_TO_HI),
        command="reweight",
    ),
    Case(
        40,
        "a lower bound above 1",
        _bounds("[1.1, 1.5]"),
        ("weight_bounds is [1.1, 1.5]", *_LO_TO_HI),
        command="reweight",
    ),
    Case(
        40,
        "an upper bound below 1",
        _bounds("[0.5, 0.9]"),
        ("weight_bounds is [0.5, 0.9]", *_LO_TO_HI),
        command="reweight",
    ),
    Case(
        40,
        "an upper bound beyond any weight",
        _bounds("[0.5, 1e300]"),
        ("weight_bounds is [0.5, 1e+300]", "hi of at most 1,000,000", "Change weight_bounds"),
        command="reweight",
    ),
    Case(
        41,
        "thresholds that no weights meet",
        _left,
        ("no weights meet all thresholds at once", "thresholds that can be met together", "Change the threshold of"),
        command=SLIDERS,
        options={"thresholds": [0.9, 0.9, 0.9, 0.9]},
    ),
    Case(
        41,
        "a threshold that is NaN",
        _left,
        ("the thresholds are [0.0, nan, 0.0, 0.0]", "4 finite numbers, one a class", "Set each threshold"),
        command=SLIDERS,
        options={"thresholds": [0.0, float("nan"), 0.0, 0.0]},
    ),
    Case(
        42,
        "a population smaller than its elites",
        partial(_set, "elites = 1\nmutated", "elites = 9\nmutated"),
        (
            "[reweight.search] population is 4 but elites + mutated_elites + randoms + crossover_children is 12",
            "the two to be equal",
            "Change population or its parts",
        ),
        command="reweight",
    ),
    Case(
        43,
        "SQL in the name of a study",
        _named(_SQL),
        (f'"called": ["{_SQL}"]', '"as text": true'),
        accepted=True,
        command=REPORT,
    ),
    Case(
        43,
        "HTML in the name of a study",
        _named(_HTML),
        (f'"called": ["{_HTML}"]', '"as text": true', '"as it is": false'),
        accepted=True,
        command=REPORT,
    ),
    Case(43, "SQL in the key of a run", _left, ("DROP TABLE", "Expected"), command=OPEN_RUN, options={"run": _SQL}),
    Case(
        43,
        "SQL in a target",
        _left,
        ('DROP TABLE runs; --" is no class of this study', "one of zero, one, two, three"),
        command="reweight",
        options={"targets": [_SQL]},
    ),
    Case(
        44,
        "no target class",
        partial(_set, 'targets = ["one"]', "targets = []"),
        ("no target class is named", "at least one class", "Give --targets or [reweight] targets"),
        command="reweight",
    ),
    Case(
        44,
        "a target that is no class",
        partial(_set, 'targets = ["one"]', 'targets = ["onr"]'),
        ("'onr' is no class of this study", "one of zero, one, two, three", "Write 'one' if that is what was meant"),
        command="reweight",
    ),
    Case(
        45,
        "all classes as targets",
        _left,
        ("Every class is a target: none is left that could pay for a gain",),
        accepted=True,
        command="reweight",
        options={"targets": ["zero", "one", "two", "three"]},
    ),
    Case(
        46,
        "damping 0",
        partial(_set, 'damping = "heuristic"', "damping = 0.0"),
        ("[influence] damping is 0.0", "a number greater than 0", "Change [influence] damping"),
    ),
    Case(
        46,
        "negative damping",
        partial(_set, 'damping = "heuristic"', "damping = -0.1"),
        ("[influence] damping is -0.1", "a number greater than 0"),
    ),
    Case(
        46,
        "damping that is NaN",
        partial(_set, 'damping = "heuristic"', "damping = nan"),
        ("[influence] damping is nan", "a finite number"),
    ),
    Case(
        47,
        "a batch larger than the data",
        partial(_set, "batch_size = 16", "batch_size = 1000"),
        ("batch_size is 1000, more than the 64 training samples: each epoch is one step",),
        accepted=True,
    ),
    Case(
        47,
        "a batch larger than memory",
        partial(_set, "batch_size = 16", "batch_size = 1000000000000"),
        ("batch_size is 1000000000000, more than the 64 training samples",),
        accepted=True,
    ),
)
