"""Whether a network is right as often as it says, and the temperature that makes it so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unet_seg_ros.core.size import ByteArray

NUM_BINS = 15

#: The range in which a temperature is looked for.
TEMPERATURES = (0.25, 8.0)

# Halvings of the range of 1 / temperature, 4 wide: far finer than a float of the logits.
_NUM_HALVINGS = 40


class Reliability:
    """
    Pixels counted by the confidence of their prediction, as reliability diagrams show them.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017.

    Attributes
    ----------
    num_pixels, num_right : ndarray
        int64 [15], all pixels and those of the right class, by confidence: equal bins from 0 to 1,
        each with its lower end, the last with its upper end as well.
    confidence_sum : ndarray
        float64 [15], the confidences' sums.
    nll_sum : float
        Sum of the negative logarithms of the true classes' probabilities [nat].

    """

    def __init__(self) -> None:
        """Start with no pixel."""
        self.num_pixels: npt.NDArray[np.int64] = np.zeros(NUM_BINS, np.int64)
        self.num_right: npt.NDArray[np.int64] = np.zeros(NUM_BINS, np.int64)
        self.confidence_sum: npt.NDArray[np.float64] = np.zeros(NUM_BINS)
        self.nll_sum = 0.0

    def update(self, logits: Tensor, truth: Tensor) -> None:
        """
        Count pixels.

        Parameters
        ----------
        logits : Tensor
            float [N, K].
        truth : Tensor
            int64 [N], the true classes, 0 to K - 1.

        """
        log_probability = logits.log_softmax(1)
        self.nll_sum -= float(log_probability.gather(1, truth[:, None]).double().sum())
        log_confidence, predicted = log_probability.max(1)
        confidence = log_confidence.exp()
        edges = torch.linspace(0, 1, NUM_BINS + 1)
        bins = (torch.bucketize(confidence, edges, right=True) - 1).clamp_(max=NUM_BINS - 1)
        for total, weights in (
            (self.num_pixels, None),
            (self.num_right, predicted == truth),
            (self.confidence_sum, confidence),
        ):
            weights = None if weights is None else weights.double()
            total += torch.bincount(bins, weights, NUM_BINS).numpy().astype(total.dtype)

    def accuracy(self) -> npt.NDArray[np.float64]:
        """Return the share of right pixels in each bin, float64 [15]; nan in an empty one."""
        return _ratio(self.num_right, self.num_pixels)

    def confidence(self) -> npt.NDArray[np.float64]:
        """Return the mean confidence in each bin, float64 [15]; nan in an empty one."""
        return _ratio(self.confidence_sum, self.num_pixels)

    def ece(self) -> float:
        """Return the expected calibration error, 0 to 1; nan without a pixel."""
        gaps = np.abs(self.num_right - self.confidence_sum)
        return float(_ratio(gaps.sum(), self.num_pixels.sum()))

    def nll(self) -> float:
        """Return the mean negative log-likelihood of a pixel [nat]; nan without one."""
        return float(_ratio(self.nll_sum, self.num_pixels.sum()))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values, but for a nan without a pixel."""
        return {
            'ece': self.ece(),
            'nll': self.nll(),
            'num_pixels': self.num_pixels.tolist(),
            'num_right': self.num_right.tolist(),
            'confidence_sum': self.confidence_sum.tolist(),
            'nll_sum': self.nll_sum,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reliability:
        """Read back what `to_dict` gave."""
        result = cls()
        result.num_pixels[:] = data['num_pixels']
        result.num_right[:] = data['num_right']
        result.confidence_sum[:] = data['confidence_sum']
        result.nll_sum = data['nll_sum']
        return result


def _ratio(part: Any, whole: Any) -> npt.NDArray[np.float64]:
    with np.errstate(invalid='ignore'):
        return np.asarray(np.true_divide(part, whole), np.float64)


def known_pixels(logits_khw: Tensor, truth_hw: ByteArray) -> tuple[Tensor, Tensor]:
    """
    Return an image's pixels whose class is known.

    Parameters
    ----------
    logits_khw : Tensor
        float [K, H, W].
    truth_hw : ndarray
        uint8 [H, W], true classes; an id of K or more does not count.

    Returns
    -------
    tuple of Tensor
        float [N, K] and int64 [N].

    """
    num_classes = len(logits_khw)
    truth = torch.from_numpy(truth_hw.astype(np.int64)).reshape(-1)
    known = truth < num_classes
    return logits_khw.reshape(num_classes, -1).T[known], truth[known]


def draw_pixels(
    logits_khw: Tensor, truth_hw: ByteArray, count: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """
    Draw at most `count` of an image's known pixels, none twice; otherwise as `known_pixels`.

    Parameters
    ----------
    logits_khw, truth_hw : Tensor and ndarray
        As in `known_pixels`.
    count : int
        How many to draw; all of them where there are not more.
    rng : Generator
        Decides which.

    """
    logits, truth = known_pixels(logits_khw, truth_hw)
    if len(truth) <= count:
        return logits, truth
    drawn = torch.from_numpy(rng.choice(len(truth), count, replace=False))
    return logits[drawn], truth[drawn]


def best_temperature(logits: Tensor, truth: Tensor) -> float:
    """
    Return the temperature by which logits are to be divided for the least NLL.

    Parameters
    ----------
    logits : Tensor
        float [N, K].
    truth : Tensor
        int64 [N], the true classes.

    Returns
    -------
    float
        Within ``TEMPERATURES``; 1 where there is no pixel.

    """
    if not len(truth):
        return 1.0
    wanted = float(logits.gather(1, truth[:, None]).double().mean())
    coldest, hottest = TEMPERATURES
    low, high = 1 / hottest, 1 / coldest
    # The NLL is convex in 1 / temperature: its slope, mean of the expected logit less the true
    # class's, rises from below to above zero once.
    for _ in range(_NUM_HALVINGS):
        middle = (low + high) / 2
        expected = (logits * middle).softmax(1).mul_(logits).sum(1).double().mean()
        low, high = (low, middle) if float(expected) > wanted else (middle, high)
    return 2 / (low + high)
