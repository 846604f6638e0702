"""Rank correlations of many pairs of rows at once, ties sharing their mean rank, and the same with one side shuffled."""

import numpy as np
from jaxtyping import Float, Int64


def ranks(values: Float[np.ndarray, "samples columns"]) -> Float[np.ndarray, "samples columns"]:
    """The rank of each number in its column, from 0; equal numbers share the mean of their ranks."""
    found = np.empty(values.shape, np.float64)
    for column, numbers in enumerate(values.T):
        _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        found[:, column] = (last - (counts + 1) / 2)[place.reshape(-1)]
    return found


def standard(values: Float[np.ndarray, "samples columns"]) -> Float[np.ndarray, "samples columns"]:
    """Each column with mean 0 and length 1, so that products of two are correlations; one that never changes becomes 0."""
    apart = values - values.mean(0)
    length = np.linalg.norm(apart, axis=0)
    # mean ranks are halves of whole numbers: what is shorter than this is an error of rounding
    return np.divide(apart, length, out=np.zeros_like(apart), where=length > 1e-9 * len(values))


def rank_correlations(a: Float[np.ndarray, "samples m"], b: Float[np.ndarray, "samples n"]) -> Float[np.ndarray, "m n"]:
    """Spearman's correlation of each column of one with each column of the other, -1 to 1; 0 with one that never changes."""
    return standard(ranks(a)).T @ standard(ranks(b))


def shuffles(pictures: int, count: int, seed: int) -> list[Int64[np.ndarray, " pictures"]]:
    """Orders of the pictures in which none stays where it was, drawn from the seed; of one picture there is none."""
    random, found = np.random.RandomState(seed), []
    for _ in range(count if pictures > 1 else 0):
        order = random.permutation(pictures)
        # each picture takes the place of the next one of a random round: no picture meets itself
        moved = np.empty(pictures, np.int64)
        moved[order] = np.roll(order, 1)
        found.append(moved)
    return found
