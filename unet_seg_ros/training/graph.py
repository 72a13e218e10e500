"""The graph of a model file: pixels in, classes out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unet_seg_ros.core.contract import PROBABILITY_OFFSET, PROBABILITY_STRIDE
from unet_seg_ros.training.network import PixelNetwork


class ContractGraph(nn.Module):
    """
    A network in the form that ``ModelContract`` describes.

    Parameters
    ----------
    network : PixelNetwork
        From bytes to logits.
    groups : sequence of sequence of int
        Class ids of each group whose probability is summed.
    num_classes : int
        Number of classes, K.
    temperature : float
        The logits are divided by it before the softmax; it changes probabilities, not classes.

    """

    membership: Tensor

    def __init__(
        self,
        network: PixelNetwork,
        groups: Sequence[Sequence[int]],
        num_classes: int,
        temperature: float = 1.0,
    ) -> None:
        """Note which class is in which group."""
        super().__init__()
        self.network = network
        self.temperature = temperature
        membership = torch.zeros(len(groups), num_classes, 1, 1)
        for row, ids in zip(membership, groups, strict=True):
            row[list(ids)] = 1.0
        self.register_buffer('membership', membership)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return class ids, confidence and group probability.

        Parameters
        ----------
        image : Tensor
            uint8 [N, H, W, 3] in BGR order.

        Returns
        -------
        tuple of Tensor
            uint8 [N, H, W], [N, H/4, W/4] and [N, G, H/4, W/4].

        """
        logits = self.network(image)
        # To bytes by way of float: TensorRT has no other cast to uint8.
        class_ids = logits.argmax(1).float().to(torch.uint8)
        every = slice(PROBABILITY_OFFSET, None, PROBABILITY_STRIDE)
        strided = logits[:, :, every, every]
        probability = functional.softmax(strided / self.temperature, dim=1)
        groups = functional.conv2d(probability, self.membership)
        return class_ids, _to_byte(probability.amax(1)), _to_byte(groups)


def _to_byte(probability: Tensor) -> Tensor:
    # The clamp is for engines that compute in bf16, where 255.5 is 256.
    return (probability * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.uint8)


def fold_batch_norms(network: PixelNetwork) -> PixelNetwork:
    """Return an equal network whose batch norms are part of the convolutions before them."""
    network = copy.deepcopy(network).eval()
    for block in [m for m in network.modules() if isinstance(m, nn.Sequential)]:
        for i, (layer, norm) in enumerate(pairwise(list(block))):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[i], block[i + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return network


def in_half_precision(network: PixelNetwork) -> PixelNetwork:
    """
    Return a network whose U-Net computes in fp16.

    Bytes are normalised in fp32, and its logits are fp32 again.

    Parameters
    ----------
    network : PixelNetwork
        Its batch norms folded away: their small numbers are none for fp16.

    """
    network = copy.deepcopy(network)
    network.unet.half()
    network.unet.register_forward_pre_hook(lambda _, inputs: inputs[0].half())
    network.unet.register_forward_hook(lambda _, inputs, logits: logits.float())
    return network
