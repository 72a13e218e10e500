"""
The U-Net of Ronneberger, Fischer and Brox (2015), with 3x3 convolutions that keep the size.

Shape letters: N images, C channels, H rows, W columns, K classes, D levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize


def usable_size(size: ImageSize, depth: int) -> ImageSize:
    """Return the nearest size, at least one step, whose sides are multiples of ``2**depth``."""
    step = 2**depth
    height, width = (max(1, round(side / step)) * step for side in size)
    return ImageSize(height, width)


def check_input_size(size: ImageSize, depth: int) -> None:
    """
    Refuse an input that does not survive `depth` halvings without a remainder.

    Raises
    ------
    ConfigurationError
        If a side is no multiple of ``2**depth``; the message gives the size to use.

    """
    if size.height % 2**depth or size.width % 2**depth:
        raise ConfigurationError(
            f'input size {size}: with {depth} levels both sides must be multiples of {2**depth}; '
            f'use {usable_size(size, depth)}, or crop_input'
        )


class DoubleConvolution(nn.Sequential):
    """
    Two 3x3 convolutions that keep the size, each followed by ReLU.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    batch_norm : bool
        Put a batch norm between convolution and ReLU; the convolution then has no bias, which the
        norm's own shift would make redundant, and the two fold into one convolution on export.

    """

    def __init__(self, in_channels: int, out_channels: int, *, batch_norm: bool) -> None:
        """Create the layers."""
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers.append(nn.Conv2d(channels, out_channels, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out_channels))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class UpStep(nn.Module):
    """
    One step up: 2x2 transposed convolution, crop of the skip, concatenation, two convolutions.

    Parameters
    ----------
    in_channels : int
        Channels of the level below; the result has half of them.
    batch_norm : bool
        As in ``DoubleConvolution``.
    skips : bool
        As in ``UNet``.

    """

    def __init__(self, in_channels: int, *, batch_norm: bool, skips: bool = True) -> None:
        """Create the layers."""
        super().__init__()
        half = in_channels // 2
        self.skips = skips
        self.up = nn.ConvTranspose2d(in_channels, half, kernel_size=2, stride=2)
        self.convolutions = DoubleConvolution(
            in_channels if skips else half, half, batch_norm=batch_norm
        )

    def forward(self, below_nchw: Tensor, skip_nchw: Tensor) -> Tensor:
        """Return [N, C/2, 2h, 2w] from the level below, [N, C, h, w], and the skip."""
        up = self.up(below_nchw)
        if not self.skips:
            return cast(Tensor, self.convolutions(up))
        skip = centre_crop(skip_nchw, up.shape[-2], up.shape[-1])
        out: Tensor = self.convolutions(torch.cat([skip, up], dim=1))
        return out


def centre_crop(image_nchw: Tensor, height: int, width: int) -> Tensor:
    """Return the middle of an image; an odd remainder loses its last row or column."""
    if image_nchw.shape[-2:] == (height, width):
        return image_nchw
    top = (image_nchw.shape[-2] - height) // 2
    left = (image_nchw.shape[-1] - width) // 2
    return image_nchw[..., top : top + height, left : left + width]


class UNet(nn.Module):
    """
    The classic U-Net.

    Per level two 3x3 convolutions with ReLU and a 2x2 max pooling, channels doubling; on the way
    up 2x2 transposed convolutions that halve the channels, each joined with the cropped skip of
    its level; a 1x1 convolution gives one channel per class.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    num_classes : int
        Channels of the result, K.
    base_channels : int
        Channels of the first level; 64 in the paper.
    depth : int
        Number of poolings, D; 4 in the paper.
    batch_norm : bool
        Add batch norms, which the paper does not have; they fold away on export.
    crop_input : bool
        Accept sides that are no multiples of ``2**depth``: poolings then drop a last odd row or
        column, and the result covers what they kept, from the top left corner. Otherwise such an
        input is refused.
    skips : bool
        Crop and concatenate the skips; without them it is what a U-Net is compared with.

    """

    def __init__(  # noqa: PLR0913  the network's hyperparameters, by keyword
        self,
        in_channels: int,
        num_classes: int,
        *,
        base_channels: int = 64,
        depth: int = 4,
        batch_norm: bool = False,
        crop_input: bool = False,
        skips: bool = True,
    ) -> None:
        """Create the layers, with He's initial weights for layers that a ReLU follows."""
        super().__init__()
        self.depth = depth
        self.crop_input = crop_input
        widths = [base_channels * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            DoubleConvolution(below, above, batch_norm=batch_norm)
            for below, above in zip([in_channels, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            UpStep(width, batch_norm=batch_norm, skips=skips) for width in reversed(widths[1:])
        )
        self.head = nn.Conv2d(base_channels, num_classes, kernel_size=1)
        for layer in self._convolutions():
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def _convolutions(self) -> Iterator[nn.Conv2d]:
        return (m for m in self.modules() if isinstance(m, nn.Conv2d) and m is not self.head)

    def forward(self, image_nchw: Tensor) -> Tensor:
        """
        Return the logits.

        Parameters
        ----------
        image_nchw : Tensor
            float [N, C, H, W].

        Returns
        -------
        Tensor
            float [N, K, H, W]; with `crop_input` H and W are rounded down to multiples of
            ``2**depth``.

        Raises
        ------
        ConfigurationError
            If H or W is no multiple of ``2**depth`` and the model does not crop.

        """
        if not self.crop_input:
            check_input_size(ImageSize(*image_nchw.shape[-2:]), self.depth)
        x = image_nchw
        skips: list[Tensor] = []
        for level, convolutions in enumerate(self.down):
            x = convolutions(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        for step, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = step(x, skip)
        logits: Tensor = self.head(x)
        return logits
