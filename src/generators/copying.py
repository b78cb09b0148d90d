"""Copies of real crops by generators: fakes that differ from their originals by a generator's
traces alone (Rajan et al., "Aligned datasets improve detection of latent diffusion-generated
images", ICLR 2025)."""

import zlib

import cv2
import numpy as np
import torch

from datasets.crops import FaceFrames
from datasets.registry import CropError
from generators import smooth
from generators.latent import Autoencoder, change_latent
from generators.upscale import Upscalers
from pictures.transforms import to_tensor

GENERATORS = ("latent", "smooth", "upscale")
SIZES_PX = (128, 160, 192, 256)  # at which a copy is made: tools work below the video's resolution
SHARPENED_SHARE = 0.4  # of smooth copies


class Copier:
    """Makes the copy of one crop after another by one of GENERATORS; all follows from the seed and
    the crop's name."""

    def __init__(self, generator: str, dataset: FaceFrames, config, device: torch.device):
        self.generator, self.dataset, self.seed = generator, dataset, config.seed
        self.frames: dict[int, list[int]] = {}
        for index, sample in enumerate(dataset.samples):
            self.frames.setdefault(sample.video, []).append(index)
        if generator == "latent":
            self.autoencoder = Autoencoder(config.autoencoder, device)
        elif generator == "upscale":
            self.upscalers = Upscalers(config.upscalers)
        else:
            self.networks = smooth.load_or_train(
                config.autoencoder, self._pictures, config.batches, config.seed
            )

    def copy(self, index: int) -> np.ndarray:
        """(size, size, 3) uint8 RGB, of one of SIZES_PX. Raises CropError."""
        name = self.dataset.samples[index].name
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        size = int(rng.choice(SIZES_PX))
        if self.generator == "latent":
            return self._latent_copy(index, size, rng)
        image = self.dataset.shown_image(index)
        if self.generator == "upscale":
            return restore_colours(self.upscalers.copy(image, size, rng), image)
        network = self.networks[rng.integers(len(self.networks))]
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        copy = restore_colours(smooth.reconstruct(network, small), image)
        if rng.uniform() < SHARPENED_SHARE:
            amount = rng.uniform(0.3, 1.2)
            soft = cv2.GaussianBlur(copy, (0, 0), 1.2)
            copy = cv2.addWeighted(copy, 1 + amount, soft, -amount, 0)
        return copy

    def _latent_copy(self, index: int, size: int, rng: np.random.Generator) -> np.ndarray:
        sample = self.dataset.samples[index]
        latent = self._latent(index, size)
        # Another frame of the same face, or a face alike.
        others = [n for n in self.frames[sample.video] if n != index]
        others = others or list(self.dataset.partners.get(sample.name, ()))
        other = self._latent(int(rng.choice(others)), size) if others else None
        latent, _ = change_latent(latent, other, rng)
        picture = self.autoencoder.decode(latent)[0].permute(1, 2, 0).cpu().numpy()
        return (picture * 255).round().astype(np.uint8)

    def _latent(self, index: int, size: int) -> torch.Tensor:
        image = self.dataset.shown_image(index)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        return self.autoencoder.encode(to_tensor(image)[None].float() / 255)

    def _pictures(self) -> np.ndarray:
        """What smooth autoencoders learn on: all crops that can be read."""
        side, pictures = smooth.SIDE_PX, []
        for index in range(len(self.dataset)):
            try:
                image = self.dataset.shown_image(index)
            except CropError:
                continue
            pictures.append(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
        return np.stack(pictures)


def restore_colours(copy: np.ndarray, image: np.ndarray) -> np.ndarray:
    """copy (s, s, 3) uint8 with the coarse colours of image (S, S, 3), which small generators
    miss: they would give a copy away."""
    size = copy.shape[0]
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    difference = image.astype(np.float32) - copy
    coarse = cv2.GaussianBlur(difference, (0, 0), size / 16)
    return np.clip(copy + coarse, 0, 255).round().astype(np.uint8)
