"""The graph of a model file: pixels in, classes out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

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
