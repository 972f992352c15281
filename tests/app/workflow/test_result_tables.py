import math

import pytest

from app.workflow.result_tables import climb_table, epoch_table, improvement_table, steps_table

CHANGES = {"change": {"test": [0.25, None]}, "interval": {"test": [[0.125, 0.5], [None, None]]}}
IMPROVED = {
    "class_names": ["cat", "dog"],
    "targets": [1],
    "before": {"test": [0.5, None]},
    "control": {"test": [0.5, None]},
    "after": {"test": [0.75, None]},
    **CHANGES,
}


def test_before_control_and_after_are_shares_and_changes_points():
    table = improvement_table(IMPROVED, "test")

    assert table.loc[0].to_list() == ["cat", False, 0.5, 0.5, 0.75, 25.0, 12.5, 50.0]
    assert table.loc[1, "target"]
    assert table.loc[1, ["before", "control", "after", "change", "from", "to"]].isna().all()
    assert set(table.dtypes[2:].astype(str)) == {"float64"}


def test_the_ceiling_stands_beside_plain_training():
    rounds = [{"accuracy": {"test": [0.5, None]}}, {"accuracy": {"test": [0.75, None]}}]

    table = climb_table(
        {"class_names": ["cat", "dog"], "rounds": rounds, "ceiling": {"test": [0.75, None]}, **CHANGES}, "test"
    )

    assert table.loc[0].to_list() == ["cat", 0.5, 0.75, 25.0, 12.5, 50.0]
    assert math.isnan(table.loc[1, "ceiling"])


@pytest.mark.parametrize("on_test", [None, [[0.5, None], [0.25, None]]])
def test_an_epoch_is_told_worst_class_first(on_test):
    result = {
        "class_names": ["cat", "dog"],
        "epochs": [4, 5],
        "accuracy": {"validation": [[0.5, 1.0], [0.75, 0.25]], "test": on_test},
        "judged": [{"epoch": 5, "p_values": [1.0, 0.01]}],
        "detrimental": [{"epoch": 5, "classes": [1], "drops": [0.75], "p_values": [0.01]}],
    }

    table = epoch_table(result, 5)

    assert table.loc[0].to_list()[:6] == ["dog", 1.0, 0.25, -75.0, 0.01, True]
    assert table.loc[1].to_list()[:6] == ["cat", 0.5, 0.75, 25.0, 1.0, False]
    assert ("on_test" in table) == (on_test is not None)
    if on_test:
        assert table["on_test"][1] == -25.0
        assert math.isnan(table["on_test"][0])


def test_steps_are_told_by_their_means_over_classes():
    tried = {"step": 0.5, "classes_improved": 2, "change": [0.01, 0.03], "value_change_percent": [-4.0, -2.0]}

    (row,) = steps_table({"candidates": [tried]}).to_dict("records")

    assert row == pytest.approx({"step": 0.5, "improved": 2, "accuracy": 2.0, "value": -3.0})
