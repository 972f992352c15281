import numpy as np

from engine.frontier import REGIONS, correlation, pair_regions, region_of, region_shares, subset_regions

VECTORS = np.array([[1.0, 2.0, 1.0], [-1.0, -0.5, -2.0], [1.0, -1.0, 3.0], [0.0, 1.0, 1.0], [0.0, -1.0, 2.0]])


def test_a_sample_helps_both_harms_both_or_trades_off():
    assert [REGIONS[code] for code in region_of(VECTORS, 0, 1)] == [
        "joint_positive",
        "joint_negative",
        "trade_off",
        "trade_off",
        "trade_off",
    ]
    assert pair_regions(VECTORS, 0, 1) == {"joint_positive": 1, "joint_negative": 1, "trade_off": 3}


def test_a_subset_needs_all_its_classes_on_one_side():
    assert subset_regions(VECTORS, (1, 2)) == {"joint_positive": 2, "joint_negative": 1, "trade_off": 2}
    assert subset_regions(VECTORS, (0, 1, 2)) == {"joint_positive": 1, "joint_negative": 1, "trade_off": 3}
    assert subset_regions(VECTORS, (2,)) == {"joint_positive": 4, "joint_negative": 1, "trade_off": 0}


def test_shares_of_all_pairs_are_those_of_each_pair():
    vectors = np.random.default_rng(0).standard_normal((50, 4))
    shares = region_shares(vectors)
    for a in range(4):
        for b in range(4):
            counts = pair_regions(vectors, a, b)
            assert shares["joint_positive"][a, b] == counts["joint_positive"] / 50
            assert shares["joint_negative"][a, b] == counts["joint_negative"] / 50


def test_correlation_tells_a_trade_off_and_is_undefined_for_a_constant():
    along = np.linspace(-1, 1, 9)
    matrix = correlation(np.stack([along, -2 * along, np.ones(9)], axis=1))
    np.testing.assert_allclose(matrix[:2, :2], [[1, -1], [-1, 1]])
    assert np.isnan(matrix[2]).all()
    vectors = np.random.default_rng(1).standard_normal((40, 3))
    np.testing.assert_allclose(correlation(vectors), np.corrcoef(vectors.T))
