"""From a camera's bytes to logits: the same steps in training and in the exported graph."""

from __future__ import annotations

from torch import Tensor, nn

from unet_seg_ros.training.recipe import NetworkSpec
from unet_seg_ros.training.unet import UNet

#: Half of uint8's range: bytes 0 to 255 become -1 to 1.
_HALF_RANGE = 127.5


class PixelNetwork(nn.Module):
    """
    A U-Net that takes the bytes of an image.

    Parameters
    ----------
    spec : NetworkSpec
        Width, depth, batch norm and skips of the U-Net.
    num_classes : int
        Number of classes, K.

    """

    def __init__(self, spec: NetworkSpec, num_classes: int) -> None:
        """Create the layers."""
        super().__init__()
        self.unet = UNet(
            3,
            num_classes,
            base_channels=spec.base_channels,
            depth=spec.depth,
            batch_norm=spec.batch_norm,
            skips=spec.skips,
        )

    def forward(self, image_nhwc: Tensor) -> Tensor:
        """
        Return the logits, float [N, K, H, W].

        Parameters
        ----------
        image_nhwc : Tensor
            uint8 [N, H, W, 3] in BGR order.

        """
        # Cast first: TensorRT has no transpose for bytes.
        x = image_nhwc.float().permute(0, 3, 1, 2) / _HALF_RANGE - 1.0
        logits: Tensor = self.unet(x)
        return logits
