"""The numbers of heatmaps that tell how a training goes; in `fit`: test_heatmap_metrics.py."""

import numpy as np
import pytest
import scipy.stats

from kerascam.metrics import border_mass, class_sensitivity, drift


def test_drift_is_one_minus_the_rank_correlation(rng):
    maps, others = rng.normal(size=(2, 5, 7, 4)).round(1)  # With ties.
    found = drift(maps, others)
    for value, a, b in zip(found, maps, others, strict=True):
        expected = 1 - scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic
        assert value == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(drift(maps, np.exp(maps) * 1e-14), 0, atol=1e-12)
    np.testing.assert_allclose(drift(maps, -maps), 2, atol=1e-12)


def test_drift_of_maps_without_an_order(rng):
    constant, other = np.full((1, 3, 3), 0.1), rng.normal(size=(1, 3, 3))
    assert drift(constant, other) == drift(other, constant) == 1
    assert drift(constant, 0 * constant) == 0
    assert drift(np.full((1, 3, 3), np.nan), constant) == 0


def test_drift_at_random_is_one(rng):
    maps, others = rng.normal(size=(2, 2000, 7, 7))
    found = drift(maps, others)
    assert found.mean() == pytest.approx(1, abs=0.01)
    assert found.std() == pytest.approx(0.149, abs=0.02)  # As known for 7 x 7 cells.


@pytest.mark.parametrize("scale", [1, 1e-14, 1e12])
def test_class_sensitivity_is_one_minus_the_cosine(scale, rng):
    maps, others = rng.normal(size=(2, 4, 5, 6))
    found = class_sensitivity(scale * maps, others)
    for value, a, b in zip(found, maps, others, strict=True):
        cosine = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
        assert value == pytest.approx(1 - cosine, abs=1e-12)
    assert class_sensitivity(maps, 3 * maps) == pytest.approx(np.zeros(4))
    assert class_sensitivity(maps, -maps) == pytest.approx(np.full(4, 2))
    assert class_sensitivity(0 * maps, maps).tolist() == [0] * 4


@pytest.mark.parametrize(("shape", "width"), [((7, 7), 1), ((24, 40), 2), ((64, 64), 4)])
def test_border_mass_is_that_of_a_ring(shape, width, rng):
    maps = rng.normal(size=(3, *shape))
    for value, heatmap in zip(border_mass(maps), maps.clip(0), strict=True):
        inner = heatmap[width:-width, width:-width].sum()
        assert value == pytest.approx(1 - inner / heatmap.sum())
    assert border_mass(-np.abs(maps)).tolist() == [0] * 3


def test_maps_that_are_all_border():
    assert border_mass(np.ones((1, 1, 5))).tolist() == [1]
    assert border_mass(np.ones((1, 2, 2))).tolist() == [1]


@pytest.mark.parametrize("function", [drift, class_sensitivity])
def test_shapes_must_agree(function):
    with pytest.raises(ValueError, match=r"one shape. Received: \(1, 2, 3\) and \(1, 3, 2\)"):
        function(np.zeros((1, 2, 3)), np.zeros((1, 3, 2)))
    with pytest.raises(ValueError, match="needs a batch axis"):
        border_mass(np.zeros((4, 4)))
