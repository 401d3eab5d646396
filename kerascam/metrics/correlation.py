"""Correlation of arrays, row by row, with a value for rows that do not vary."""

import numpy as np


def pearson(first, second):
    """Pearson correlation of the rows of two arrays `(num, values)`, `(num,)`.

    0 where one of two rows does not vary.
    """
    a, b = (_centred(np.asarray(rows, "float64")) for rows in (first, second))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    product = (a * b).sum(axis=1)
    found = np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.clip(found, -1, 1)


def spearman(first, second):
    """Rank correlation of the rows of two arrays `(num, values)`, `(num,)`.

    0 where one of two rows does not vary, and 1 where both do not: nothing changed.
    """
    from scipy import stats  # Takes as long to import as the rest of the package.

    a, b = (np.asarray(rows, "float64") for rows in (first, second))
    found = pearson(stats.rankdata(a, axis=1), stats.rankdata(b, axis=1))
    constant = (np.ptp(a, axis=1) == 0) & (np.ptp(b, axis=1) == 0)
    return np.where(constant, 1.0, found)


def _centred(rows):
    """Rows without their mean, scaled so that squares neither vanish nor overflow."""
    spread = np.ptp(rows, axis=1, keepdims=True)
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(rows), where=spread > 0)
