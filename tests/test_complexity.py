"""Gini, entropy, structural similarity and correlations: known numbers, loops and SciPy."""

import numpy as np
import pytest
from scipy import stats

from kerascam.metrics import entropy, gini, ssim
from kerascam.metrics.correlation import pearson, spearman

VECTOR = (np.arange(16) / 15).reshape(1, 4, 4)


def one_hot(number):
    heatmap = np.zeros((1, 1, number))
    heatmap[0, 0, number // 2] = 3
    return heatmap


def slow_ssim(a, b):
    """Window after window; statistics with `n - 1`."""
    a, b = ((m - m.min()) / (m.max() - m.min()) for m in (a, b))
    height, width = (min(7, size) for size in a.shape)
    found = []
    for y in range(a.shape[0] - height + 1):
        for x in range(a.shape[1] - width + 1):
            u, v = (m[y : y + height, x : x + width].ravel() for m in (a, b))
            cov = np.cov(u, v)
            luminance = (2 * u.mean() * v.mean() + 1e-4) / (u.mean() ** 2 + v.mean() ** 2 + 1e-4)
            structure = (2 * cov[0, 1] + 9e-4) / (cov[0, 0] + cov[1, 1] + 9e-4)
            found.append(luminance * structure)
    return np.mean(found)


def test_numbers_of_the_reference():
    np.testing.assert_allclose(gini(VECTOR), [0.354167], atol=5e-7)
    np.testing.assert_allclose(entropy(VECTOR, normalized=False), [2.544238], atol=5e-7)
    np.testing.assert_allclose(entropy(VECTOR), [2.544238 / np.log(16)], atol=5e-7)


@pytest.mark.parametrize("number", [2, 5, 49, 196])
def test_points_and_uniform_maps(number):
    np.testing.assert_allclose(gini(one_hot(number)), [1 - 1 / number], rtol=1e-12)
    np.testing.assert_array_equal(entropy(one_hot(number)), [0])
    for value in (1, -2, 1e-30, 1e30):
        uniform = np.full((1, 1, number), value)
        np.testing.assert_allclose(gini(uniform), [0], atol=1e-12)
        np.testing.assert_allclose(entropy(uniform), [1], rtol=1e-12)
        np.testing.assert_allclose(entropy(uniform, normalized=False), [np.log(number)], rtol=1e-12)


def test_gini_is_the_mean_difference_of_all_pairs(rng):
    """Half of it, over the mean; and the formula with ranks."""
    heatmaps = rng.normal(size=(5, 4, 6))
    for heatmap, found in zip(heatmaps, gini(heatmaps), strict=True):
        a = np.sort(np.abs(heatmap.ravel()))
        n, pairs = len(a), np.abs(a[:, None] - a[None]).mean()
        np.testing.assert_allclose(found, pairs / (2 * a.mean()), rtol=1e-10)
        ranked = 2 * (np.arange(1, n + 1) * a).sum() / (n * a.sum()) - (n + 1) / n
        np.testing.assert_allclose(found, ranked, rtol=1e-10)


def test_entropy_equals_that_of_scipy(rng):
    heatmaps = rng.normal(size=(5, 4, 6)) * (rng.random((5, 4, 6)) < 0.5)
    expected = stats.entropy(np.abs(heatmaps).reshape(5, -1), axis=1)
    np.testing.assert_allclose(entropy(heatmaps, normalized=False), expected, rtol=1e-10)
    np.testing.assert_allclose(entropy(heatmaps), expected / np.log(24), rtol=1e-10)


@pytest.mark.parametrize("measure", [gini, entropy])
def test_sign_scale_order_and_the_rest_of_the_batch_do_not_count(measure, rng):
    """Quantus scaled by the maximum of all maps: small ones among large ones were empty."""
    heatmaps = rng.normal(size=(3, 4, 5))
    expected = measure(heatmaps)
    np.testing.assert_allclose(measure(-heatmaps), expected, rtol=1e-10)
    scales = np.array([1, 1e-6, 1e-200])[:, None, None]
    np.testing.assert_allclose(measure(scales * heatmaps), expected, rtol=1e-10)
    mixed = rng.permuted(heatmaps.reshape(3, -1), axis=1).reshape(3, 4, 5)
    np.testing.assert_allclose(measure(mixed), expected, rtol=1e-10)
    for heatmap, value in zip(heatmaps, expected, strict=True):
        np.testing.assert_allclose(measure(heatmap[None]), [value], rtol=1e-12)


def test_dead_maps_have_documented_values():
    dead = np.zeros((2, 3, 4))
    dead[1] = np.nan
    assert gini(dead).tolist() == [0, 0]
    np.testing.assert_allclose(entropy(dead), 1)
    np.testing.assert_allclose(entropy(dead, normalized=False), np.log(12))


def test_the_more_concentrated_map_has_the_larger_gini_and_the_smaller_entropy(rng):
    heatmap = rng.random((1, 6, 6))
    sharper = [heatmap**power for power in (1, 2, 4, 8)]
    assert (np.diff([gini(m)[0] for m in sharper]) > 0).all()
    assert (np.diff([entropy(m)[0] for m in sharper]) < 0).all()


@pytest.mark.parametrize("measure", [gini, entropy])
def test_maps_of_a_wrong_shape(measure):
    with pytest.raises(ValueError, match="needs a batch axis"):
        measure(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"shape \(batch, h, w\)"):
        measure(np.zeros((1, 4, 4, 3)))


@pytest.mark.parametrize("size", [(9, 12), (7, 7), (3, 10), (2, 2), (1, 5)])
def test_ssim_in_a_loop(size, rng):
    a, b = rng.normal(size=(2, 4, *size))
    b[1] = a[1] + 0.3 * b[1]
    expected = [slow_ssim(*pair) for pair in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(a, b), expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ssim(b, a), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("size", [(9, 12), (7, 7), (2, 3), (1, 2), (1, 1)])
def test_ssim_of_equal_maps_is_one(size, rng):
    heatmaps = rng.normal(size=(3, *size))
    np.testing.assert_allclose(ssim(heatmaps, heatmaps), 1, rtol=1e-9)
    np.testing.assert_allclose(ssim(heatmaps, 5 * heatmaps - 3), 1, rtol=1e-9)


def test_ssim_of_opposite_and_unrelated_maps(rng):
    heatmaps, others = rng.normal(size=(2, 20, 16, 16))
    assert (ssim(heatmaps, -heatmaps) < -0.5).all()
    assert abs(ssim(heatmaps, others).mean()) < 0.05


def test_ssim_of_constant_maps_is_a_number(rng):
    constant, dead = np.full((2, 8, 8), 3.0), np.zeros((2, 8, 8))
    np.testing.assert_allclose(ssim(constant, dead), 1)
    found = ssim(dead, rng.random((2, 8, 8)))
    assert ((found >= -1) & (found < 0.1)).all()


def test_ssim_of_maps_of_two_shapes():
    with pytest.raises(ValueError, match="one shape"):
        ssim(np.zeros((2, 8, 8)), np.zeros((2, 8, 7)))
    with pytest.raises(ValueError, match="one shape"):
        ssim(np.zeros((2, 8, 8)), np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="needs a batch axis"):
        ssim(np.zeros((8, 8)), np.zeros((8, 8)))


def test_correlations_equal_those_of_scipy(rng):
    a, b = rng.normal(size=(2, 6, 30))
    b[3:] += a[3:]
    ties = np.round(a)
    for first, second in ((a, b), (ties, b), (ties, np.round(b)), (1e-8 * a, 1e9 * b + 5)):
        for found, reference in (
            (pearson(first, second), stats.pearsonr),
            (spearman(first, second), stats.spearmanr),
        ):
            expected = [reference(*rows)[0] for rows in zip(first, second, strict=True)]
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-10)


def test_correlations_of_the_same_and_opposite_rows(rng):
    a = rng.normal(size=(4, 9))
    for correlation in (pearson, spearman):
        np.testing.assert_allclose(correlation(a, 3 * a + 2), 1, rtol=1e-12)
        np.testing.assert_allclose(correlation(a, -a), -1, rtol=1e-12)
    np.testing.assert_allclose(spearman(a, np.exp(a)), 1, rtol=1e-12)
    assert (pearson(a, np.exp(3 * a)) < 0.999).all()


def test_correlations_of_rows_that_do_not_vary(rng):
    a, constant = rng.normal(size=(2, 9)), np.full((2, 9), 0.1)
    for correlation in (pearson, spearman):
        np.testing.assert_array_equal(correlation(a, constant), 0)
        np.testing.assert_array_equal(correlation(constant, a), 0)
    np.testing.assert_array_equal(pearson(constant, constant), 0)
    np.testing.assert_array_equal(spearman(constant, 5 * constant), 1)


def test_rank_correlation_of_random_maps_is_at_chance(rng):
    """Its deviation on a grid of 7 x 7 and of 14 x 14 cells."""
    for cells, expected in ((49, 0.149), (196, 0.072)):
        found = spearman(*rng.normal(size=(2, 4000, cells)))
        np.testing.assert_allclose(found.std(), np.sqrt(1 / (cells - 1)), rtol=0.05)
        np.testing.assert_allclose(found.std(), expected, rtol=0.06)
        assert abs(found.mean()) < 0.01
