"""
Losses over labels that may be coarse.

A label is a set of classes as bits, bit k for class k: one bit where the class is known, several
where the recording does not tell them apart, none where the pixel does not count.

Shape letters: N images, K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def members(possible_nhw: Tensor, num_classes: int) -> Tensor:
    """Return which classes each label may be, bool [N, K, H, W], of bits int32 [N, H, W]."""
    bits = torch.arange(num_classes, dtype=possible_nhw.dtype, device=possible_nhw.device)
    return (possible_nhw.unsqueeze(1) >> bits.view(1, -1, 1, 1)) & 1 > 0


def cross_entropy(
    logits_nkhw: Tensor,
    members_nkhw: Tensor,
    class_weights: Tensor,
    pixel_weights_nhw: Tensor | float = 1.0,
    mean_of_processes: Callable[[Tensor], Tensor] = lambda value: value,
) -> Tensor:
    """
    Return the mean negative logarithm of the probability that the label is right.

    For a coarse label that is the sum of the probabilities of all classes that it may be; for one
    class it is the usual pixelwise cross-entropy.

    Parameters
    ----------
    logits_nkhw : Tensor
        float [N, K, H, W].
    members_nkhw : Tensor
        bool [N, K, H, W], as `members` gives it.
    class_weights : Tensor
        float [K]; a coarse label has the mean weight of its classes.
    pixel_weights_nhw : Tensor or float
        float [N, H, W], factors beside the class weights.
    mean_of_processes : callable
        Where several processes share a batch, returns the mean of a number over them; the mean of
        their losses is then the loss of the whole batch, whatever each of them weighs.

    Returns
    -------
    Tensor
        A scalar; 0 where no pixel counts.

    """
    counts = members_nkhw.any(1)
    log_probability = functional.log_softmax(logits_nkhw, dim=1)
    # Where nothing counts all classes may be: the logarithm of 1, and no infinity in the gradient.
    allowed = members_nkhw | ~counts.unsqueeze(1)
    right = log_probability.masked_fill(~allowed, -torch.inf).logsumexp(1)
    share = members_nkhw / members_nkhw.sum(1, keepdim=True).clamp(min=1)
    weights = torch.einsum('nkhw,k->nhw', share, class_weights) * pixel_weights_nhw
    total = mean_of_processes(weights.sum().detach())
    return -(weights * right).sum() / total.clamp(min=1e-6)


def dice_loss(logits_nkhw: Tensor, members_nkhw: Tensor) -> Tensor:
    """
    Return one minus the mean Dice coefficient over the classes that a batch holds.

    Every class counts alike, however few its pixels are: lane lines as much as the sky (Milletari,
    Navab and Ahmadi, 2016, over several classes). Coarse labels do not count.

    Parameters
    ----------
    logits_nkhw : Tensor
        float [N, K, H, W].
    members_nkhw : Tensor
        bool [N, K, H, W], as `members` gives it.

    Returns
    -------
    Tensor
        A scalar from 0 to 1; 0 where no pixel counts.

    """
    known = members_nkhw.sum(1, keepdim=True) == 1
    truth = members_nkhw & known
    probability = functional.softmax(logits_nkhw, dim=1) * known
    pixels = (0, 2, 3)
    num_true = truth.sum(pixels)
    hit = (probability * truth).sum(pixels)
    total = probability.sum(pixels) + num_true
    coefficient = (2.0 * hit / total.clamp(min=1e-6))[num_true > 0]
    return 1.0 - coefficient.mean() if len(coefficient) else hit.sum()


def near_boundaries(possible_nhw: Tensor) -> Tensor:
    """
    Return which pixels touch a pixel of another label, bool [N, H, W].

    Parameters
    ----------
    possible_nhw : Tensor
        int32 [N, H, W].

    """
    differs = torch.zeros(possible_nhw.shape, device=possible_nhw.device)
    beside = possible_nhw[:, :, 1:] != possible_nhw[:, :, :-1]
    below = possible_nhw[:, 1:] != possible_nhw[:, :-1]
    for part in (differs[:, :, 1:], differs[:, :, :-1]):
        part += beside
    for part in (differs[:, 1:], differs[:, :-1]):
        part += below
    return differs > 0
