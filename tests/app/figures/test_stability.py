from app.figures import ranking_stability

NAMES = ("cat", "dog", "ship")


def test_the_class_whose_ranking_changes_most_comes_first_and_into_the_title():
    figure = ranking_stability(NAMES, [0.9, 0.8, 0.95], [0.85, 0.4, 0.99])

    assert list(figure.layout.yaxis.ticktext) == ["dog", "cat", "ship"]
    assert "dog" in figure.layout.title.text
    assert "0.40" in figure.layout.title.text
    assert [list(trace.x) for trace in figure.data] == [[0.8, 0.9, 0.95], [0.4, 0.85, 0.99]]


def test_a_negative_correlation_stays_in_view():
    figure = ranking_stability(NAMES, [0.9, 0.8, 0.95], [-0.3, 0.4, 0.99])

    assert figure.layout.xaxis.range[0] == -0.3


def test_of_many_classes_the_worst_are_drawn():
    figure = ranking_stability([str(k) for k in range(40)], [0.9] * 40, [k / 40 for k in range(40)])

    assert len(figure.data[0].x) == 20
    assert "20 of 40" in figure.layout.title.subtitle.text


def test_without_curvature_it_says_so():
    assert "does not depend" in ranking_stability((), [], []).layout.meta["alt"]
