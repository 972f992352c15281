import numpy as np
import pytest

from app.figures import spectrum_bars


def test_bars_are_shares_in_per_cent_with_the_papers_line() -> None:
    figure = spectrum_bars((0.5, 0.3, 0.2))

    assert list(figure.data[0].y) == pytest.approx([50, 30, 20])
    assert [(line.y0, line.y1, line.line.dash) for line in figure.layout.shapes] == [(20, 20, "dash")]


@pytest.mark.parametrize(("first", "said"), [(0.25, "room to improve"), (0.2, "the ceiling"), (0.1, "the ceiling")])
def test_the_title_reads_the_first_ratio_as_the_paper_does(first: float, said: str) -> None:
    ratios = [first] + [(1 - first) / 9] * 9

    assert spectrum_bars(ratios).layout.title.text.replace("<br>", " ").endswith(said)


def test_the_line_is_in_view_when_every_direction_is_small() -> None:
    assert spectrum_bars(np.full(40, 0.025)).layout.yaxis.range[1] > 20


def test_of_40_directions_20_are_drawn_and_it_says_so() -> None:
    figure = spectrum_bars(np.full(40, 0.025))

    assert len(figure.data[0].y) == 20
    assert "20 of 40 directions" in figure.layout.title.subtitle.text.replace("<br>", " ")


def test_hover_says_what_the_first_directions_hold_together() -> None:
    assert "the first 2 together hold 80.0%" in spectrum_bars((0.5, 0.3, 0.2)).data[0].hovertext[1]


def test_vectors_that_do_not_vary_have_no_spectrum() -> None:
    for ratios in ((), (np.nan, np.nan)):
        assert "do not vary" in spectrum_bars(ratios).layout.meta["alt"]
