"""A small autoencoder of latent diffusion models: real faces through it come back looking the same,
with the traces of a generator's decoder and no other difference (Rajan et al., "Aligned datasets
improve detection of latent diffusion-generated images", ICLR 2025).

The weights are those of TAESD for FLUX.2 (madebyollin/taesd, MIT licence), by their state dicts.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from utils.console import Failure

ENCODER_FILE, DECODER_FILE = "taef2_encoder.pth", "taef2_decoder.pth"
CHANNELS, LATENT, POOLED = 64, 32, 256


def conv(inputs: int, outputs: int, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


class Block(nn.Module):
    """Three convolutions with a way past them; at 1/8 of the resolution, statistics first."""

    def __init__(self, pooled: bool = False):
        super().__init__()
        self.pool = None
        if pooled:
            self.pool = nn.Sequential(
                nn.Conv2d(CHANNELS, POOLED, 1, bias=False),
                nn.GroupNorm(4, POOLED),
                nn.ReLU(),
                nn.Conv2d(POOLED, CHANNELS, 1, bias=False),
            )
        layers = [layer for _ in range(3) for layer in (conv(CHANNELS, CHANNELS), nn.ReLU())]
        self.conv = nn.Sequential(*layers[:-1])

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if self.pool:
            maps = maps + self.pool(maps)
        return torch.relu(self.conv(maps) + maps)


class Limit(nn.Module):
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.tanh(latents / 3) * 3


def make_encoder() -> nn.Sequential:
    layers = [conv(3, CHANNELS), Block()]
    for stage in range(3):
        layers += [conv(CHANNELS, CHANNELS, stride=2, bias=False)]
        layers += [Block(pooled=stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, conv(CHANNELS, LATENT))


def make_decoder() -> nn.Sequential:
    layers = [Limit(), conv(LATENT, CHANNELS), nn.ReLU()]
    for stage in range(3):
        layers += [Block(pooled=stage == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), conv(CHANNELS, CHANNELS, bias=False)]
    return nn.Sequential(*layers, Block(), conv(CHANNELS, 3))


class Autoencoder:
    """encode: pictures (N, 3, H, W) in [0, 1], H and W multiples of 8 -> latents (N, 32, H/8, W/8)
    in about [-3, 3]; decode: the way back. Raises Failure for files that are missing or others."""

    def __init__(self, folder: Path, device: torch.device):
        self.device = device
        self.encoder = _load(make_encoder(), folder / ENCODER_FILE).to(device)
        self.decoder = _load(make_decoder(), folder / DECODER_FILE).to(device)

    @torch.inference_mode()
    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        return self._run(self.encoder, pictures)

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return self._run(self.decoder, latents).clamp(0, 1)

    def _run(self, network: nn.Sequential, maps: torch.Tensor) -> torch.Tensor:
        """All but the last layer in bf16, which is twice as fast and leaves no trace behind it."""
        maps = maps.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            maps = network[:-1](maps)
        return network[-1](maps.float())


def change_latent(
    latent: torch.Tensor, other: torch.Tensor | None, rng: np.random.Generator
) -> tuple[torch.Tensor, str]:
    """A latent (1, 32, h, w) as it is, with a little noise, scaled, or mixed with another of its
    shape, as generators' latents are near those of real pictures but not on them; and which."""
    way = rng.choice(["as it is", "noise", "scaled", "mixed"], p=[0.4, 0.25, 0.15, 0.2])
    if way == "mixed" and other is None:
        way = "noise"
    if way == "noise":
        noise = torch.from_numpy(rng.standard_normal(latent.shape, np.float32)).to(latent)
        latent = latent + noise * latent.std() * rng.uniform(0.05, 0.2)
    elif way == "scaled":
        latent = latent * rng.uniform(0.9, 1.1)
    elif way == "mixed":
        latent = torch.lerp(latent, other, rng.uniform(0.1, 0.3))
    return latent, str(way)


def _load(network: nn.Sequential, path: Path) -> nn.Sequential:
    remedy = "get it from github.com/madebyollin/taesd, or name its folder with --autoencoder"
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except FileNotFoundError as error:
        raise Failure(f"{path} not found: {remedy}") from error
    except Exception as error:  # torch raises as many kinds as there are ways to damage a file
        raise Failure(f"{path} is not that network's file: {remedy}") from error
    return network.eval().to(memory_format=torch.channels_last)
