"""Convolution and batch normalisation together: the same function, computed faster."""

import torch
from torch import nn
from torchvision.ops.misc import Conv2dNormActivation


class ConvNorm(Conv2dNormActivation):
    """torchvision's block of convolution, batch normalisation and activation.

    Where the normalisation uses its running statistics (in evaluation, and in training once it is
    frozen) it is linear, and goes into the convolution's weights: gradients are the same, and one
    pass over the maps forward and one back are saved. On a CPU depthwise convolutions of bf16 maps
    are computed in fp32, since in bf16 their backward pass takes longer than all the rest.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        conv, norm, *activation = self
        if conv.groups > 1 and maps.device.type == "cpu" and maps.dtype == torch.bfloat16:
            with torch.autocast("cpu", enabled=False):
                maps = _convolve(conv, norm, maps.float()).bfloat16()
        else:
            maps = _convolve(conv, norm, maps)
        maps = norm(maps) if norm.training else maps
        for step in activation:
            maps = step(maps)
        return maps


def _convolve(conv: nn.Conv2d, norm: nn.BatchNorm2d, maps: torch.Tensor) -> torch.Tensor:
    """The convolution, and in it the normalisation unless that is to learn from this batch."""
    if norm.training:
        return conv(maps)
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    weight = conv.weight * scale[:, None, None, None]
    shape = conv.stride, conv.padding, conv.dilation, conv.groups
    return nn.functional.conv2d(maps, weight, bias, *shape)


def join_norms(model: nn.Module) -> None:
    """Make every such block of torchvision's a ConvNorm; names of weights stay as they are."""
    for module in model.modules():
        if type(module) is Conv2dNormActivation and isinstance(module[1], nn.BatchNorm2d):
            module.__class__ = ConvNorm
