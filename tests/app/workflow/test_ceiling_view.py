import pytest

from app.workflow.ceiling_view import HeadroomRow, TrustMark, headroom_rows, trust_marks


def marks(**changes) -> dict[str, TrustMark]:
    influence = {
        "tracked_parameters": changes.pop("share", 1.0),
        "refused_modules": changes.pop("refused", {}),
        "stationarity": [0.0, changes.pop("drift", 0.0)],
        "classes": 2,
        "fold_counts": changes.pop("fold_counts", [[20, 20], [20, 20]]),
        "stability": changes.pop("stability", None),
        **changes.pop("judged", {}),
    }
    ceiling = {
        "class_names": ["cat", "dog"],
        "classes": changes.pop("classes", ["cat", "dog"]),
        "few_samples": changes.pop("few", []),
        "minimum": {"value": 1.0, "interval": changes.pop("interval", [0.0, 1.0])},
    }
    assert not changes
    return {mark.name: mark for mark in trust_marks(influence, ceiling)}


@pytest.mark.parametrize(
    ("share", "grade"), [(1.0, "good"), (0.95, "good"), (0.949, "fair"), (0.5, "fair"), (0.499, "poor"), (0.0, "poor")]
)
def test_the_share_of_parameters_is_graded_at_its_borders(share, grade):
    assert marks(share=share)["Parameters seen"].grade == grade


@pytest.mark.parametrize(("drift", "grade"), [(0.1, "good"), (0.101, "fair"), (0.3, "fair"), (0.301, "poor")])
def test_convergence_is_graded_by_the_class_furthest_from_its_optimum(drift, grade):
    mark = marks(drift=drift)["Convergence"]

    assert mark.grade == grade
    assert f"{drift:.2f} standard deviations" in mark.reason


@pytest.mark.parametrize(("samples", "grade"), [(40, "good"), (39, "fair"), (10, "fair"), (9, "poor")])
def test_validation_samples_are_graded_by_the_smallest_class_over_all_folds(samples, grade):
    mark = marks(fold_counts=[[100, 4], [100, samples - 4]])["Validation samples"]

    assert mark.grade == grade
    assert f"has {samples} validation samples" in mark.reason


@pytest.mark.parametrize(
    ("interval", "grade"),
    [([-2.5, 2.5], "good"), ([0.0, 5.01], "fair"), ([-10.0, 10.0], "fair"), ([-10.0, 10.1], "poor")],
)
def test_agreement_of_the_folds_is_graded_by_the_width_of_the_interval(interval, grade):
    assert marks(interval=interval)["Width of the evidence"].grade == grade


@pytest.mark.parametrize(("weakest", "grade"), [(0.9, "good"), (0.899, "fair"), (0.7, "fair"), (0.699, "poor")])
@pytest.mark.parametrize("side", ["tenth", "tenfold"])
def test_stability_is_graded_by_the_class_that_changes_most_on_either_side(weakest, grade, side):
    stability = {"classes": [0, 1], "tenth": [0.95, 0.99], "tenfold": [0.97, 0.96]} | {side: [0.98, weakest]}
    mark = marks(stability=stability)["Stability"]

    assert mark.grade == grade
    assert f"Spearman {weakest:.2f}" in mark.reason


def test_a_run_without_curvature_has_no_stability_to_grade():
    assert "Stability" not in marks()


def test_what_is_left_out_is_told_by_reason_and_not_name_by_name():
    refused = {f"norm{n}": "BatchNorm2d parameters have no Kronecker factors" for n in range(60)} | {"": "a reason"}
    reason = marks(refused=refused)["Parameters seen"].reason

    assert "60 modules (BatchNorm2d parameters have no Kronecker factors); the model's own (a reason)." in reason


def test_a_class_of_one_validation_sample_leaves_nothing_to_compare():
    mark = marks(interval=[None, None])["Width of the evidence"]

    assert mark.grade == "poor"
    assert "single validation sample" in mark.reason


@pytest.mark.parametrize(
    ("judged", "scale"),
    [({}, "loss"), ({"measurement": "margin"}, "mean margin"), ({"measurement": "soft_accuracy"}, "soft error")],
)
def test_agreement_is_told_in_per_cent_of_what_the_classes_are_judged_by(judged, scale):
    assert f"within 1.0 per cent of its {scale} (95%" in marks(judged=judged)["Width of the evidence"].reason


def test_what_is_left_out_and_what_is_too_few_is_named():
    told = marks(refused={"norm": "no weights"}, few=["cat", "dog"], share=0.9)

    assert told["Parameters seen"].reason.endswith("90% of the model's parameters; left out: norm (no weights).")
    assert told["Validation samples"].reason.endswith("; too few: cat, dog.")
    assert marks()["Parameters seen"].reason.endswith("parameters.")
    assert marks()["Validation samples"].reason.endswith("samples.")


def test_a_real_run_is_graded(trained_digits, finished_store):
    by_kind = {run.manifest()["kind"]: run.manifest() for run in finished_store.finished_runs()}

    told = trust_marks(by_kind["influence"], by_kind["ceiling"])

    assert [mark.grade for mark in told][::2] == ["good", "fair", "fair"]


def test_only_judged_classes_count_as_the_smallest():
    fold_counts = [[20, 3], [20, 3]]
    assert "The smallest class has 6 validation samples" in marks(fold_counts=fold_counts)["Validation samples"].reason
    some = marks(fold_counts=fold_counts, classes=["cat"])["Validation samples"]
    assert "The smallest judged class has 40 validation samples" in some.reason
    assert some.grade == "good"


HEADROOM = [
    {"class": "ship", "held_out": None, "interval": [None, None], "costs": [], "evidence": "Of ship nothing is known."},
    {"class": "cat", "held_out": 1.0, "interval": [0.5, 1.5], "costs": ["dog", "bird"], "evidence": "Pushing cat ..."},
    {"class": "dog", "held_out": 2.0, "interval": [None, None], "costs": [], "evidence": "dog can still gain."},
]


def test_headroom_is_told_largest_first_with_what_stands_in_the_way_and_what_is_known():
    told = headroom_rows({"headroom": HEADROOM, "classes": ["ship", "cat", "dog"]})

    assert [row.name for row in told] == ["dog", "cat", "ship"]
    assert told[1] == HeadroomRow("cat", 1.0, 0.5, 1.5, "dog and bird", "Pushing cat ...")
    assert told[0].costs == "no class"


def test_headroom_is_told_of_judged_classes_alone():
    told = headroom_rows({"headroom": HEADROOM, "classes": ["cat"]})

    assert [row.name for row in told] == ["cat"]
