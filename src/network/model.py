"""The network: a torchvision backbone with a two-layer head."""

from math import log
from pathlib import Path
from urllib.error import URLError

import torch
from torch import nn
from torchvision import models

from network.convolution import join_norms
from utils.config import FAKE, REAL
from utils.console import Failure


class DeepfakeDetector(nn.Module):
    """A backbone with an N-512-2 head; EfficientNet-B1 (Tan and Le, ICML 2019) by default, then
    N = 1280 and 7,170,082 parameters.

    features: images (N, 3, H, W) float, ImageNet-normalised -> maps (N, C, H/32, W/32); ViT-B/16
    takes 224 px alone and gives (N, 768, 14, 14).
    head: maps -> logits (N, 2), in the order REAL, FAKE, of their mean over places. by_place:
    whether the head judges each place of the maps instead, so that places() points at what is
    forged; then the odds of an image are the mean of those of its places, by which one forged place
    among many real ones counts ("log-sum-exp pooling" of multiple-instance learning: Pinheiro and
    Collobert, "From image-level to pixel-level labeling with convolutional networks", CVPR 2015).
    """

    def __init__(
        self,
        dropout: float = 0.3,
        pretrained: bool = False,
        arch: str = "efficientnet_b1",
        stochastic_depth: float = 0.2,
    ):
        super().__init__()
        self.arch, self.by_place = arch, False
        backbone = _backbone(arch, pretrained, stochastic_depth)
        *_, classifier = (m for m in backbone.modules() if isinstance(m, nn.Linear))
        self.features = VitFeatures(backbone) if arch == "vit_b_16" else backbone.features
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(classifier.in_features, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 2),
        )
        for module in self.modules():
            # In-place activations overwrite what Grad-CAM and mixed precision still need.
            if hasattr(module, "inplace"):
                module.inplace = False
        join_norms(self)

    @property
    def members(self) -> list[tuple["DeepfakeDetector", float]]:
        """As network.joint.JointDetector has them."""
        return [(self, 1.0)]

    def forward(self, images: torch.Tensor, with_places: bool = False):
        """Logits (N, 2), with_places what judge() says."""
        judged = self.judge(self.features(images))
        return judged if with_places else judged[0]

    def judge(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (N, 2) of maps; by_place also places() of them, else None."""
        if not self.by_place:
            return self.head(maps), None
        places = self.places(maps).float()
        each = places.flatten(1)
        log_odds = each.logsumexp(dim=1) - log(each.shape[1])
        return torch.stack([torch.zeros_like(log_odds), log_odds], dim=1), places

    def places(self, maps: torch.Tensor) -> torch.Tensor:
        """Log-odds of FAKE (N, h, w) by place: the head on each place of maps alone."""
        each = maps.permute(0, 2, 3, 1)
        for layer in self.head[2:]:  # without the mean over places
            each = layer(each)
        return each[..., FAKE] - each[..., REAL]


class VitFeatures(nn.Module):
    """A vision transformer (Dosovitskiy et al., ICLR 2021) whose patch tokens are put in a map."""

    def __init__(self, vit: nn.Module):
        super().__init__()
        vit.heads = nn.Identity()
        self.vit = vit

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.vit.conv_proj(images)
        tokens = patches.flatten(2).transpose(1, 2)
        first = self.vit.class_token.expand(len(images), -1, -1)
        tokens = self.vit.encoder(torch.cat([first, tokens], dim=1))[:, 1:]
        return tokens.transpose(1, 2).reshape(patches.shape)


def _backbone(arch: str, pretrained: bool, stochastic_depth: float) -> nn.Module:
    options = {} if arch == "vit_b_16" else {"stochastic_depth_prob": stochastic_depth}
    if not pretrained:
        return models.get_model(arch, **options)
    weights = models.get_model_weights(arch).DEFAULT
    try:
        return models.get_model(arch, weights=weights, **options)
    except (URLError, OSError, RuntimeError) as error:  # RuntimeError: wrong checksum
        name = Path(weights.url).name
        folder = Path(torch.hub.get_dir(), "checkpoints")
        raise Failure(
            f"ImageNet weights are not available ({error}): put {name} into {folder}, "
            "or train from scratch with --no-pretrained"
        ) from error
