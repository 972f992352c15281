import pytest

from app.workflow.removal_plan import QUICK_CLASSES, QUICK_SEEDS, SEEDS, RemovalPlan
from engine.errors import RefusedInput
from engine.experiments.removal import SHARE
from tests.app.workflow.planted import write_study

NAMES = ("ant", "bee", "cow", "dog", "elk", "fox")
ACCURACY = (0.9, 0.2, 0.8, None, 0.1, 0.7)


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path, "logistic_regression", epochs=5)


def plan(study, names=NAMES, accuracy=ACCURACY, **options) -> RemovalPlan:
    return RemovalPlan.of(study, names, accuracy, options)


def test_by_default_it_is_the_whole_study(study):
    whole = plan(study, classes=None, share=None, seeds=None, epochs=None, quick=False)

    assert whole == plan(study) == RemovalPlan(tuple(range(6)), SHARE, SEEDS, 5)
    assert whole.notices(study, NAMES) == []
    assert whole.settings == {"classes": [0, 1, 2, 3, 4, 5], "share": 0.1, "seeds": 5, "epochs": 5}
    # Each of 12 sets with 5 seeds, 12 random ones with one, all samples with 5.
    assert whole.trainings == 60 + 12 + 5


def test_a_quick_study_has_fewer_of_all_and_the_classes_that_are_worst(study):
    quick = plan(study, quick=True)

    assert quick == RemovalPlan((1, 2, 4, 5), SHARE, QUICK_SEEDS, 3, quick=True)
    assert len(quick.classes) == QUICK_CLASSES
    (notice,) = quick.notices(study, NAMES)
    assert notice == (
        "A smaller study than the usual one: samples are left out for 4 of 6 classes only; 2 trainings of each set in"
        " place of 5, so chance weighs more; 3 epochs in place of 5, so these models are not yet yours."
    )


def test_what_is_given_holds_in_a_quick_study_too(study):
    quick = plan(study, quick=True, classes=["fox", "0"], share=0.5, seeds=7, epochs=9)

    assert quick == RemovalPlan((0, 5), 0.5, 7, 9, quick=True)
    assert quick.notices(study, NAMES) == [
        "A smaller study than the usual one: samples are left out for 2 of 6 classes only."
    ]
    assert plan(study, NAMES[:3], ACCURACY[:3], quick=True).classes == (0, 1, 2)


def test_one_is_told_in_the_singular(study):
    (notice,) = plan(study, seeds=1, epochs=1).notices(study, NAMES)
    assert "1 training of each set in place of 5" in notice
    assert "1 epoch in place of 5" in notice


def test_a_class_that_is_named_twice_is_one(study):
    assert plan(study, classes=["bee", 1, "1"]).classes == (1,)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"share": 0}, "--share is 0. Expected a number above 0 and up to 0.5"),
        ({"share": 0.51}, "--share is 0.51. Expected a number above 0 and up to 0.5"),
        ({"share": -0.1}, "--share is -0.1"),
        ({"share": float("nan")}, "--share is nan"),
        ({"seeds": 0}, "--seeds is 0. Expected a whole number from 1 to 50. Leave it out for 5."),
        ({"seeds": 51}, "--seeds is 51"),
        ({"seeds": 2.5}, "--seeds is 2.5"),
        ({"seeds": True}, "--seeds is True"),
        ({"epochs": 0}, "--epochs is 0. Expected a whole number from 1 to 100,000. Leave it out for 5."),
        (
            {"epochs": -1, "quick": True},
            "--epochs is -1. Expected a whole number from 1 to 100,000. Leave it out for 3.",
        ),
        ({"classes": ["cat"]}, "'cat' is no class of this study"),
        ({"classes": [6]}, "6 is no class of this study"),
    ],
)
def test_what_is_out_of_range_is_refused_with_what_was_expected(study, options, told):
    with pytest.raises(RefusedInput) as refused:
        plan(study, **options)
    assert told in str(refused.value)
