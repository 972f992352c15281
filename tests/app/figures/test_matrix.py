import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.figures import MATRIX_KINDS, class_matrix


def names_of(classes: int) -> list[str]:
    return [f"class {index}" for index in range(classes)]


@pytest.mark.parametrize("kind", MATRIX_KINDS)
@settings(max_examples=12)
@given(classes=st.integers(2, 40))
def test_the_overlay_has_a_marker_on_every_pair_of_two_classes(kind: str, classes: int) -> None:
    overlay = class_matrix(names_of(classes), np.full((classes, classes), 0.3), kind).data[1]
    cells = {(row, column) for row in range(classes) for column in range(classes) if row != column}

    assert cells <= set(zip(overlay.y.tolist() if classes > 30 else overlay.y, overlay.x, strict=True))
    if classes <= 30:
        assert [tuple(cell) for cell in overlay.customdata] == list(zip(overlay.y, overlay.x, strict=True))


def test_a_hundred_classes_are_a_small_message_with_the_value_of_each_cell() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, (100, 100))
    figure = class_matrix(names_of(100), values, "correlation")
    overlay = figure.data[1]

    assert len(figure.to_json()) < 300_000
    assert overlay.type == "scattergl"
    place = 5_000
    assert overlay.customdata[place] == pytest.approx(values[overlay.y[place], overlay.x[place]])
    assert overlay.hovertemplate.startswith("influence on <b>%{y}</b> and on <b>%{x}</b>")
    assert figure.layout.xaxis.ticktext[7] == "class 7", "it is what the template writes for x = 7"
    assert not figure.layout.xaxis.showticklabels


def test_of_more_classes_some_are_drawn_and_the_title_is_still_of_all() -> None:
    values = np.full((5, 5), 0.1)
    values[0, 4] = values[4, 0] = -0.9
    figure = class_matrix(names_of(5), values, "correlation", shown=[1, 3])

    assert list(figure.layout.xaxis.ticktext) == ["class 1", "class 3"]
    assert figure.data[0].z.shape == (2, 2)
    assert "class 0 and class 4" in figure.layout.title.text
    assert "Shown: 2 of 5 classes" in figure.layout.title.subtitle.text


def test_the_overlay_takes_clicks_and_is_never_seen() -> None:
    figure = class_matrix(names_of(3), np.eye(3), "correlation")
    heatmap, overlay = figure.data

    assert heatmap.hoverinfo == "skip"
    assert overlay.marker.symbol == "square"
    assert overlay.marker.opacity == overlay.selected.marker.opacity == overlay.unselected.marker.opacity == 0
    assert figure.layout.hoverdistance == -1, "the nearest marker answers anywhere in its cell"
    assert figure.layout.dragmode == "pan"
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange


def test_correlations_diverge_from_zero_and_the_diagonal_is_blank() -> None:
    values = np.array([[1.0, -0.6], [-0.6, 1.0]])
    heatmap = class_matrix(("cat", "dog"), values, "correlation").data[0]

    assert (heatmap.zmin, heatmap.zmax) == (-0.6, 0.6)
    assert np.isnan(np.diag(heatmap.z)).all()
    assert values[0, 0] == 1, "the argument is left alone"


def test_shares_are_per_cent_from_zero() -> None:
    heatmap = class_matrix(("cat", "dog"), [[0.5, 0.3], [0.3, 0.4]], "joint_negative").data[0]

    assert (heatmap.zmin, heatmap.zmax) == (0, 30)
    assert heatmap.z[0][1] == pytest.approx(30)
    assert heatmap.text[0][1] == "30"


def test_noise_about_zero_does_not_fill_the_scale() -> None:
    assert class_matrix(("cat", "dog"), [[1, 0.01], [0.01, 1]], "correlation").data[0].zmax == 0.2


def test_rows_run_downwards_as_columns_run_right() -> None:
    figure = class_matrix(names_of(3), np.eye(3), "correlation")

    assert list(figure.layout.yaxis.range) == [2.5, -0.5]
    assert list(figure.layout.xaxis.range) == [-0.5, 2.5]
    assert figure.layout.xaxis.ticktext == figure.layout.yaxis.ticktext == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("correlation", "Most opposed are cat and ship (correlation −0.40)"),
        ("joint_positive", "Most help is shared by cat and dog: 20.0% of the samples help both"),
        ("joint_negative", "Most harm is shared by cat and dog: 20.0% of the samples harm both"),
    ],
)
def test_the_title_names_the_strongest_pair(kind: str, title: str) -> None:
    values = np.array([[1, 0.2, -0.4], [0.2, 1, 0.1], [-0.4, 0.1, 1]])
    if kind != "correlation":
        values = values.clip(0)

    assert class_matrix(("cat", "dog", "ship"), values, kind).layout.title.text.replace("<br>", " ") == title


def test_classes_that_all_agree_are_not_called_opposed() -> None:
    title = class_matrix(("cat", "dog"), [[1, 0.3], [0.3, 1]], "correlation").layout.title.text

    assert title.startswith("No two classes are opposed")


def test_hover_tells_a_pair_in_words() -> None:
    overlay = class_matrix(("cat", "dog"), [[1, 0.2], [0.2, 1]], "joint_negative").data[1]

    assert overlay.hovertext[1] == "20.0% of the samples harm<br>both <b>cat</b> and <b>dog</b>"
    assert "choose two different classes" in overlay.hovertext[0]


def test_an_unknown_kind_is_an_error_and_no_pair_a_sentence() -> None:
    with pytest.raises(KeyError):
        class_matrix(("cat", "dog"), np.eye(2), "covariance")
    assert "no two classes" in class_matrix(("cat",), [[1.0]], "correlation").layout.meta["alt"]
