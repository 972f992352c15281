from dataclasses import replace

import numpy as np
import pytest

from app.figures import removal_maps, removal_scatter
from tests.app.figures.conftest import AGREEMENT, removed


def title(figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


def maps(figure) -> list:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def cells(figure) -> list:
    return [trace for trace in figure.data if getattr(trace, "mode", None) == "markers"]


@pytest.mark.parametrize("classes", [2, 10, 30, 31, 100])
def test_every_cell_can_be_clicked_in_either_map(classes):
    figure = removal_maps(removed(classes, rows=min(classes, 40)))

    every = {(row, k) for row in range(min(classes, 40)) for k in range(classes)}
    for overlay in cells(figure):
        assert {(int(y), int(x)) for y, x in zip(overlay.y, overlay.x, strict=True)} == every
    assert [trace.z.shape for trace in maps(figure)] == [(min(classes, 40), classes)] * 2


def test_a_hundred_classes_are_a_small_message():
    assert len(removal_maps(removed(100)).to_json()) < 1_000_000
    assert len(removal_scatter(removed(100), AGREEMENT).to_json()) < 1_500_000


def test_each_map_has_a_scale_of_its_own_around_zero():
    removal = removed(10)
    predicted, measured = maps(removal_maps(replace(removal, measured=50 * removal.predicted)))

    assert predicted.zmin == -predicted.zmax
    assert measured.zmax == pytest.approx(50 * predicted.zmax)
    assert predicted.colorbar.x != measured.colorbar.x


def test_changes_of_own_classes_do_not_leave_the_others_pale():
    values = np.array([[9.0, 0.1], [-0.2, 9.0]])
    predicted, _ = maps(removal_maps(replace(removed(2), predicted=values, measured=values)))

    assert predicted.zmax == pytest.approx(0.6)


@pytest.mark.parametrize(("figure", "high"), [("loss", "worse"), ("accuracy", "better")])
def test_orange_is_worse_and_blue_is_better_whatever_is_measured(figure, high):
    predicted, measured = maps(removal_maps(removed(3, figure=figure)))

    ends = {name: tuple(scale.colorscale[-1])[1] for name, scale in (("p", predicted), ("m", measured))}
    assert ends["p"] == "#a84f06", "a predicted rise of the loss"
    assert ends["m"] == {"worse": "#a84f06", "better": "#1b5f98"}[high]


def test_own_classes_are_framed():
    (frame, _) = [trace for trace in removal_maps(removed(4, rows=2)).data if getattr(trace, "mode", None) == "lines"]

    corners = [(x, y) for x, y in zip(frame.x, frame.y, strict=True) if x is not None]
    assert set(corners) == {(k + a, k + b) for k in range(2) for a in (-0.5, 0.5) for b in (-0.5, 0.5)}


@pytest.mark.parametrize(
    ("sign", "figure", "sentence"),
    [
        ("beneficial", "loss", "Without the samples that help it most, the loss of 2 of 3 classes rose (framed)"),
        ("detrimental", "loss", "Without the samples that harm it most, the loss of 2 of 3 classes fell (framed)"),
        (
            "beneficial",
            "accuracy",
            "Without the samples that help it most, the accuracy of 2 of 3 classes fell (framed)",
        ),
        (
            "detrimental",
            "accuracy",
            "Without the samples that harm it most, the accuracy of 2 of 3 classes rose (framed)",
        ),
    ],
)
def test_the_title_says_how_many_own_classes_moved_as_expected(sign, figure, sentence):
    removal = removed(3, sign, figure)
    removal.measured[0, 0] *= -1

    assert title(removal_maps(removal)) == sentence


def test_hover_tells_a_cell_in_words():
    removal = removed(10)
    removal.measured[3, 5], removal.predicted[3, 5] = 0.03, -0.01

    text = cells(removal_maps(removal))[1].hovertext[35]

    assert text == ("without the 44 samples that help <b>cat</b> most:<br>loss of <b>dog</b> +0.03, predicted −0.01")


def test_hover_tells_accuracy_in_points_beside_the_predicted_loss():
    removal = removed(10, figure="accuracy")
    removal.measured[0, 1], removal.predicted[0, 1] = -0.034, 0.01

    assert (
        "accuracy of <b>automobile</b> −3.4 points, loss predicted +0.01"
        in cells(removal_maps(removal))[0].hovertext[1]
    )


def test_a_class_without_samples_is_blank_and_no_class_is_a_sentence():
    removal = removed(3)
    removal.measured[:, 1] = np.nan

    assert "of 2 classes" in title(removal_maps(removal)), "it is not counted either"
    assert len(cells(removal_maps(removal))[0].x) == 6
    removal.measured[:] = np.nan
    assert "No class has samples" in removal_maps(removal).layout.meta["alt"]
    assert "No class has samples" in removal_scatter(removal, AGREEMENT).layout.meta["alt"]


def test_a_class_that_nothing_was_left_out_for_is_not_counted():
    removal = replace(removed(3), sizes=[44, 0, 44])

    assert "the loss of 2 of 2 classes rose" in title(removal_maps(removal))


def test_own_and_other_classes_are_points_of_different_shapes():
    others, own = removal_scatter(removed(4, rows=2), AGREEMENT).data

    assert (len(others.x), len(own.x)) == (6, 2)
    assert others.marker.symbol != own.marker.symbol
    assert set(own.x) == {np.float32(0.1)}


def test_random_removals_lie_behind_the_others():
    random = np.full((4, 3), 0.01), np.array([[0.1, np.nan, 0.2]] * 4)
    first = removal_scatter(removed(3), AGREEMENT, random).data[0]

    assert first.name == "without as many random samples"
    assert len(first.x) == 8


def test_the_title_is_the_correlation_with_its_interval_and_own_classes_stand_apart():
    figure = removal_scatter(removed(3), AGREEMENT)

    assert title(figure) == (
        "Predicted and measured changes rank alike, with a Spearman correlation of 0.62 (95% 0.50 to 0.71)"
    )
    assert figure.layout.title.subtitle.text == "Own classes alone: 0.20."


def test_what_cannot_be_ranked_is_said():
    nothing = replace(AGREEMENT, spearman=None, interval=None, diagonal=None)
    figure = removal_scatter(removed(2), nothing)

    assert "too few, or too alike" in title(figure)


def test_many_points_are_drawn_with_webgl_and_few_are_not():
    assert {trace.type for trace in removal_scatter(removed(60), AGREEMENT).data} == {"scattergl"}
    assert {trace.type for trace in removal_scatter(removed(10), AGREEMENT).data} == {"scatter"}
