"""Telling where: a loss by place, for reals that come with the fake that was made of them.

The head judges every place of the feature maps as it judges their mean: it learns no weight more.
Patches tell forgery of unseen tools better than whole faces do (Chai et al., "What makes fake
images detectable?", ECCV 2020).
"""

import torch
from torch.nn import functional

from pictures.transforms import IMAGENET_STD
from utils.config import FAKE, REAL

GREY_LEVELS = 255 * sum(IMAGENET_STD) / 3  # of 1 in a normalised image
CLEARLY_OTHER = 8.0  # grey levels; where half of a place's pixels differ by so much it is forged


def place_loss(
    places: torch.Tensor, images: torch.Tensor, labels: torch.Tensor, indices: torch.Tensor
) -> torch.Tensor:
    """Mean cross-entropy of log-odds by place (N, h, w) of those images (N, 3, H, W) that are a
    real and, behind it, the fake made of it: both of one sample's number in indices (N,), went
    through the same changes, and the fake is one where they differ. 0 where there are none."""
    is_pair = (labels[:-1] == REAL) & (labels[1:] == FAKE) & (indices[:-1] == indices[1:])
    reals = is_pair.nonzero()[:, 0]
    if not len(reals):
        return places.sum() * 0
    differ = (images[reals + 1] - images[reals]).abs().mean(dim=1) * GREY_LEVELS
    forged = (differ / CLEARLY_OTHER).clamp(max=1)
    forged = functional.adaptive_avg_pool2d(forged[:, None], places.shape[1:])[:, 0]
    forged = (2 * forged).clamp(max=1)
    found = torch.cat([places[reals + 1], places[reals]])
    wanted = torch.cat([forged, torch.zeros_like(forged)])
    return functional.binary_cross_entropy_with_logits(found, wanted)
