import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from engine.errors import RefusedInput
from engine.experiments.synthetic import CLASS_NAMES, KINDS, SPLITS, SyntheticSet, synthetic_set

SIZES = {"separable": (300, 300), "frontier": (350, 350)}


@pytest.fixture(params=KINDS)
def drawn(request) -> SyntheticSet:
    return synthetic_set(request.param, 3)


def true_labels(drawn: SyntheticSet) -> np.ndarray:
    labels = drawn.splits["train"].labels.copy()
    labels[drawn.flipped] = 1 - labels[drawn.flipped]
    return labels


def from_centre(drawn: SyntheticSet, split: str, k: int, centre: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Returns distance and direction of the points that were drawn as class k."""
    labels = true_labels(drawn) if split == "train" else drawn.splits[split].labels
    offset = drawn.splits[split].inputs[labels == k].astype(np.float64) - centre
    return np.hypot(*offset.T), np.arctan2(offset[:, 1], offset[:, 0])


def separable_by_a_line(inputs: np.ndarray, labels: np.ndarray) -> bool:
    return bool(LogisticRegression(C=1e6, max_iter=10_000).fit(inputs, labels).score(inputs, labels) == 1)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(drawn):
    again, other = synthetic_set(drawn.kind, 3), synthetic_set(drawn.kind, 4)

    for split in SPLITS:
        assert again.splits[split].inputs.tobytes() == drawn.splits[split].inputs.tobytes()
        assert again.splits[split].labels.tobytes() == drawn.splits[split].labels.tobytes()
        assert not np.isin(other.splits[split].inputs, drawn.splits[split].inputs).any()
    assert again.flipped.tolist() == drawn.flipped.tolist()


def test_nothing_but_the_seed_decides(drawn):
    np.random.seed(1)

    assert synthetic_set(drawn.kind, 3).splits["test"].inputs.tobytes() == drawn.splits["test"].inputs.tobytes()


def test_every_split_has_its_own_samples_of_each_class(drawn):
    assert tuple(drawn.splits) == SPLITS
    for split, points in drawn.splits.items():
        labels = true_labels(drawn) if split == "train" else points.labels
        assert tuple(np.bincount(labels)) == SIZES[drawn.kind]
        assert points.inputs.shape == (len(points), len(CLASS_NAMES))
        assert (points.inputs.dtype, points.labels.dtype) == (np.float32, np.int64)
        assert np.all(np.diff(labels) >= 0), "blue first, then orange"
    joined = np.concatenate([points.inputs for points in drawn.splits.values()])
    assert len(np.unique(joined, axis=0)) == len(joined)


def test_fifty_blue_and_twenty_orange_labels_are_flipped_at_random_places():
    drawn = synthetic_set("separable", 0)

    flipped_truth = true_labels(drawn)[drawn.flipped]
    assert np.bincount(flipped_truth).tolist() == [50, 20]
    assert drawn.splits["train"].labels[drawn.flipped].tolist() == (1 - flipped_truth).tolist()
    assert np.all(np.diff(drawn.flipped) > 0)
    assert drawn.flipped.tolist() != synthetic_set("separable", 1).flipped.tolist()
    assert len(synthetic_set("frontier", 0).flipped) == 0


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("k", "centre"), [(0, (-1.5, 0.0)), (1, (1.5, 0.0))])
def test_the_separable_classes_fill_unit_discs_evenly(split, k, centre):
    distances = np.concatenate(
        [from_centre(synthetic_set("separable", seed), split, k, centre)[0] for seed in range(5)]
    )

    assert distances.max() <= 1 + 1e-6
    # Even by area: the share within a radius is its square.
    for radius in (0.25, 0.5, 0.75):
        assert np.mean(distances <= radius) == pytest.approx(radius**2, abs=0.05)


@pytest.mark.parametrize("split", SPLITS)
def test_the_radius_of_the_second_frontier_class_depends_on_the_angle(split):
    drawn = [synthetic_set("frontier", seed) for seed in range(5)]
    blue = np.concatenate([from_centre(each, split, 0, (-0.5, 2.0))[0] for each in drawn])
    orange, angle = np.concatenate([from_centre(each, split, 1, (0.5, 2.0)) for each in drawn], axis=1)
    reach = orange / (1 + 0.5 * np.cos(3 * angle))

    assert blue.max() <= 1 + 1e-6
    assert reach.max() <= 1 + 1e-5
    assert orange[np.cos(3 * angle) > 0.9].max() > 1.3
    assert orange[np.cos(3 * angle) < -0.9].max() < 0.6


def test_a_line_parts_the_true_labels_of_one_set_only(drawn):
    train = drawn.splits["train"]

    assert separable_by_a_line(train.inputs, true_labels(drawn)) is (drawn.kind == "separable")
    assert not separable_by_a_line(train.inputs, train.labels)


@pytest.mark.parametrize(
    ("kind", "seed", "named"), [("seperable", 0, "Write 'separable'"), ("moons", 0, "frontier"), ("frontier", -1, "-1")]
)
def test_what_is_no_set_is_refused_by_its_name(kind, seed, named):
    with pytest.raises(RefusedInput, match=named):
        synthetic_set(kind, seed)
