"""Small autoencoders that this project trains itself, in minutes, on the reals of its training.

Their reconstructions are what tools with a tight bottleneck give: the right face in the right pose,
its skin, teeth and eyes smeared. Nothing is learned from anybody's fakes.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from utils import console
from utils.console import Failure
from utils.files import atomic_file

# By name: channels of the latent, at 1/8 of the resolution, and how the decoder enlarges.
KINDS = {"nearest4": (4, "nearest"), "shuffle8": (8, "shuffle"), "transposed16": (16, "transposed")}
PATCH_PX, BATCH_SIZE, RATE = 112, 24, 2e-3
WARM_UP = 125  # batches
SIDE_PX = 192  # of the pictures that patches are cut from


class SmoothAutoencoder(nn.Sequential):
    """Pictures (N, 3, H, W) in [0, 1], H and W multiples of 8, to pictures of the same shape."""

    def __init__(self, kind: str):
        channels, enlarge = KINDS[kind]
        encoder = [*_down(3, 32), *_down(32, 64), *_down(64, 128), Residual(128)]
        decoder = [nn.Conv2d(channels, 128, 3, padding=1), _relu(), Residual(128)]
        for inputs, outputs in ((128, 96), (96, 48), (48, 32)):
            decoder += [*_up(inputs, outputs, enlarge), Residual(outputs, depth=1)]
        bottleneck = nn.Conv2d(128, channels, 1)
        super().__init__(*encoder, bottleneck, *decoder, nn.Conv2d(32, 3, 3, padding=1))


class Residual(nn.Module):
    def __init__(self, channels: int, depth: int = 2):
        super().__init__()
        layers = []
        for _ in range(depth):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), _relu()]
        self.layers = nn.Sequential(*(layers if depth == 1 else layers[:-1]))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.layers(maps)


def train(kind: str, pictures: np.ndarray, batches: int, seed: int) -> SmoothAutoencoder:
    """pictures (N, SIDE_PX, SIDE_PX, 3) uint8 RGB. Loss: absolute difference, and structural
    dissimilarity as DeepFaceLab has it (Perov et al., 2020)."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = SmoothAutoencoder(kind).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-4)
    loss = None

    def note() -> str:
        return "" if loss is None else f"loss {loss.item():.3f}"

    for number in console.progress(range(batches), batches, f"Training {kind}", "batches", note):
        rate = RATE * min(1, (number + 5) / WARM_UP) * (1 + np.cos(np.pi * number / batches)) / 2
        optimizer.param_groups[0]["lr"] = float(rate)
        patches = _patches(pictures, rng)
        with torch.autocast("cpu", torch.bfloat16):
            again = network(patches)
        again = again.float()
        loss = (again - patches).abs().mean() + 0.3 * (1 - _likeness(again, patches))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return network.eval()


def load_or_train(folder: Path, make_pictures, batches: int, seed: int) -> list[SmoothAutoencoder]:
    """One of each of KINDS, from folder/autoencoder_<kind>.pth, else trained on make_pictures()
    and saved there. Raises Failure for a file that is something else."""
    networks, pictures = [], None
    for kind in KINDS:
        path = folder / f"autoencoder_{kind}.pth"
        if path.exists():
            networks.append(_load(kind, path))
            continue
        pictures = make_pictures() if pictures is None else pictures
        networks.append(train(kind, pictures, batches, seed))
        with atomic_file(path) as file:
            torch.save(networks[-1].state_dict(), file)
    return networks


@torch.inference_mode()
def reconstruct(network: SmoothAutoencoder, image: np.ndarray) -> np.ndarray:
    """image (S, S, 3) uint8 RGB, S a multiple of 8 -> the same shape."""
    picture = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    again = network(picture.contiguous(memory_format=torch.channels_last))[0]
    return (again.clamp(0, 1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def _load(kind: str, path: Path) -> SmoothAutoencoder:
    network = SmoothAutoencoder(kind)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises as many kinds as there are ways to damage a file
        raise Failure(f"{path} is not that network's file: delete it") from error
    return network.eval().to(memory_format=torch.channels_last)


def _relu() -> nn.Module:
    return nn.LeakyReLU(0.1)


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), _relu()]


def _up(inputs: int, outputs: int, enlarge: str) -> list[nn.Module]:
    if enlarge == "shuffle":
        return [nn.Conv2d(inputs, 4 * outputs, 3, padding=1), _relu(), nn.PixelShuffle(2)]
    if enlarge == "transposed":
        return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), _relu()]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), _relu()]


def _patches(pictures: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    patches = []
    for number in rng.integers(len(pictures), size=BATCH_SIZE):
        y, x = rng.integers(0, pictures.shape[1] - PATCH_PX + 1, 2)
        patch = pictures[number, y : y + PATCH_PX, x : x + PATCH_PX]
        patches.append(patch[:, ::-1] if rng.uniform() < 0.5 else patch)
    batch = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2).float() / 255
    return batch.contiguous(memory_format=torch.channels_last)


def _likeness(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Structural similarity (Wang et al., 2004), over windows of 7 x 7, their mean."""

    def mean(maps: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(maps, 7, 2)

    a, b = mean(one), mean(other)
    spread = mean(one * one) - a * a + mean(other * other) - b * b
    together = mean(one * other) - a * b
    light = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    return (light * (2 * together + 9e-4) / (spread + 9e-4)).mean()
