from __future__ import annotations

import pytest
import torch
from torch import nn

from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.training.unet import UNet, UpStep, centre_crop

pytestmark = pytest.mark.training


def _tiny(**options) -> UNet:
    torch.manual_seed(0)
    return UNet(3, 4, base_channels=4, depth=2, **options)


def test_the_papers_network_has_23_convolutions_and_31_million_parameters():
    # One grey channel in, two classes out, base 64, depth 4, as in the paper's figure 1.
    network = UNet(1, 2)
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    assert sum(isinstance(m, kinds) for m in network.modules()) == 23
    assert sum(p.numel() for p in network.parameters()) == 31_030_658


def test_nothing_but_the_classic_layers_by_default():
    kinds = {type(m) for m in UNet(3, 4, base_channels=4).modules() if not list(m.children())}
    assert kinds == {nn.Conv2d, nn.ConvTranspose2d, nn.ReLU}


def test_channels_double_on_the_way_down():
    network = UNet(3, 4, base_channels=8, depth=3)
    assert [level[0].out_channels for level in network.down] == [8, 16, 32, 64]
    assert [step.up.out_channels for step in network.up] == [32, 16, 8]


@pytest.mark.parametrize('n', [1, 2, 5, 17])
@pytest.mark.parametrize(('f', 's', 'p'), [(2, 2, 0), (3, 2, 1), (4, 2, 1), (3, 1, 0)])
def test_transposed_convolution_size_law(n, f, s, p):
    layer = nn.ConvTranspose2d(1, 1, kernel_size=f, stride=s, padding=p)
    assert layer(torch.zeros(1, 1, n, n + 3)).shape[-2:] == (
        (n - 1) * s + f - 2 * p,
        (n + 2) * s + f - 2 * p,
    )


@pytest.mark.parametrize('n', [1, 3, 10])
def test_a_step_up_doubles_the_size_as_the_law_says(n):
    up = UpStep(8, batch_norm=False).up
    size = (n - 1) * up.stride[0] + up.kernel_size[0] - 2 * up.padding[0]
    assert size == 2 * n
    assert up(torch.zeros(1, 8, n, n)).shape == (1, 4, size, size)


@pytest.mark.parametrize(('height', 'width'), [(4, 4), (16, 32), (20, 12)])
def test_logits_have_the_inputs_size(height, width):
    assert _tiny()(torch.zeros(2, 3, height, width)).shape == (2, 4, height, width)


@pytest.mark.parametrize(
    ('height', 'width', 'use'), [(81, 160, '160x80'), (80, 163, '164x80'), (1, 1, '4x4')]
)
def test_an_input_that_does_not_divide_is_refused_with_the_size_to_use(height, width, use):
    with pytest.raises(ConfigurationError, match=f'multiples of 4; use {use}'):
        _tiny()(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize(('height', 'width'), [(17, 33), (19, 18), (23, 31), (16, 32)])
def test_an_input_that_does_not_divide_is_cropped_where_asked(height, width):
    logits = _tiny(crop_input=True)(torch.zeros(1, 3, height, width))
    assert logits.shape == (1, 4, height // 4 * 4, width // 4 * 4)


def test_centre_crop_takes_the_middle():
    image = torch.arange(5 * 7).reshape(1, 1, 5, 7)
    assert torch.equal(centre_crop(image, 3, 4), image[..., 1:4, 1:5])
    assert centre_crop(image, 5, 7) is image


@pytest.mark.parametrize('batch_norm', [False, True])
def test_every_parameter_gets_a_gradient(batch_norm):
    network = _tiny(batch_norm=batch_norm)
    network(torch.rand(2, 3, 16, 16)).square().mean().backward()
    without = [
        name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()
    ]
    assert without == []


def test_a_convolution_before_a_batch_norm_has_no_bias():
    names = [name for name, _ in _tiny(batch_norm=True).down.named_parameters()]
    assert '0.0.bias' not in names
    assert '0.1.bias' in names
