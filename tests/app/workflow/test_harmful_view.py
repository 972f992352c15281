import numpy as np
import pandas as pd
import pytest

from app.workflow.harmful_view import (
    all_rows,
    checked_ranking,
    judged_rankings,
    precision_sentence,
    precision_table,
    precision_told,
    rows_of,
)
from cache.parts import Opinions
from engine.errors import RefusedInput
from engine.experiments.harm_ranking import RANKINGS, Precision, Ranking, precision_of, suspects

NAMES = ("cat", "dog", "dog")
VECTORS = np.array([[-1.0, -3.0, 0.0], [2.0, -1.0, 0.5], [-3.0, 4.0, -1.0], [2.0, 0.0, 1.0]], np.float32)


def opinions(errors: np.ndarray | None = None) -> Opinions:
    return Opinions(
        label=np.array([0, 1, 2, 0]),
        quality=np.array([0.25, 0.5, 0.125, 1.0], np.float32),
        suggested=np.array([-1, 0, 1, -1]),
        suggested_probability=np.array([np.nan, 0.5, 0.75, np.nan]),
        self_influence=np.array([4.0, 3.0, 2.0, 1.0]),
        errors=errors,
    )


def told() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "index": range(4),
            "label": [0, 1, 2, 0],
            "predicted": [0, 0, 2, 1],
            "confidence": [0.5, 0.75, 0.875, 1.0],
            "source": [f"train.csv#{j}" for j in range(4)],
        }
    )


def test_rows_tell_names_and_figures_in_the_order_asked_for():
    found = suspects(VECTORS, opinions().quality, [0, 1], "label_quality")
    rows = rows_of(told().iloc[[2, 0]], found, opinions(), NAMES)
    assert list(rows) == [
        *("index", "source", "label", "predicted", "confidence"),
        *("suggested", "label_quality", "harm", "self_influence", "joint_negative"),
    ]
    assert rows["index"].tolist() == [2, 0]
    assert rows["label"].tolist() == ["dog", "cat"]
    assert rows["suggested"].tolist() == ["dog", ""]
    assert rows["label_quality"].tolist() == [0.125, 0.25]
    assert rows["harm"].tolist() == found.harm[[2, 0]].tolist()
    assert rows["self_influence"].tolist() == [2.0, 4.0]
    assert rows["joint_negative"].tolist() == [False, True]


def test_without_opinions_their_columns_are_missing_and_nothing_else():
    found = suspects(VECTORS, None, [0, 1], "influence")
    rows = rows_of(told(), found, None, NAMES)
    assert list(rows) == ["index", "source", "label", "predicted", "confidence", "harm", "joint_negative"]


def test_all_rows_have_rank_and_influence_on_every_class_under_names_of_their_own():
    found = suspects(VECTORS, opinions().quality, [0, 1], "label_quality")
    rows = all_rows(told(), VECTORS, found, opinions(), NAMES)
    assert rows["rank"].tolist() == [1, 2, 3, 4]
    assert rows["index"].tolist() == [2, 0, 1, 3]
    assert list(rows)[-3:] == ["influence on cat", "influence on dog_1", "influence on dog_2"]
    np.testing.assert_array_equal(rows.iloc[:, -3:].to_numpy(), VECTORS[[2, 0, 1, 3]])


def test_rankings_are_judged_where_wrong_labels_are_known_and_else_not():
    assert judged_rankings(VECTORS, opinions(), [0], 2) is None
    judged = judged_rankings(VECTORS, opinions(np.array([2])), [0], 2)
    assert judged is not None
    for ranking in RANKINGS:
        order = suspects(VECTORS, opinions().quality, [0], ranking).order
        assert judged[ranking] == precision_of(order, np.array([2]), 2)


def test_judged_rankings_are_told_as_rows_as_json_and_as_a_sentence():
    judged: dict[Ranking, Precision] = {"combined": Precision(0.8, 0.9, None), "influence": Precision(0.2, None, 0.5)}
    table = precision_table(judged)
    assert table["ranking"].tolist() == ["Label and harm", "Harm alone"]
    assert table["found"].tolist() == [0.8, 0.2]
    assert precision_told(judged, 7, 5) == {
        "limit": 5,
        "known_errors": 7,
        "rankings": {
            "combined": {"precision": 0.8, "auc": 0.9, "average_precision": None},
            "influence": {"precision": 0.2, "auc": None, "average_precision": 0.5},
        },
    }
    assert precision_sentence(judged, "combined", 7, 5) == "4 of the first 5 are among the 7 labels known to be wrong."
    assert "the 1 label known" in precision_sentence(judged, "influence", 1, 5)


@pytest.mark.parametrize("text", ["", "Combined", "harm"])
def test_a_ranking_that_is_none_is_refused(text):
    with pytest.raises(RefusedInput, match="combined or influence or label_quality"):
        checked_ranking(text)
    assert [checked_ranking(ranking) for ranking in RANKINGS] == list(RANKINGS)
