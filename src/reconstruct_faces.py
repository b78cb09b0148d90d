"""Send the real crops of a registry through a generator's autoencoder, for fakes that differ from
their originals by its traces alone. The copies lie beside the crops; script 2 shows them with
--reconstructed."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys
import zlib

import cv2
import numpy as np
import torch

from datasets.crops import COPIES_NAME, FaceFrames, reconstructed_crops
from datasets.registry import CropError, load_registry
from network.device import keep_freed_memory, pick_device
from pictures.autoencoder import Autoencoder, change_latent
from pictures.blending import COPY_QUALITY
from pictures.transforms import Preprocessing, to_tensor
from utils import console
from utils.config import REAL, ReconstructConfig
from utils.console import GO_ON, run_script, shown
from utils.files import only_run, write_json
from utils.flags import add_flags, from_flags

SIZES_PX = (128, 160, 192, 256)  # at which a copy is made: tools work below the video's resolution
SAVE_EVERY = 500


def parse_args(argv: list[str] | None) -> ReconstructConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, ReconstructConfig)
    return from_flags(ReconstructConfig, parser.parse_args(argv))


class Copier:
    """Makes the copy of one crop after another; all follows from the seed and the crop's name."""

    def __init__(self, dataset: FaceFrames, autoencoder: Autoencoder, seed: int):
        self.dataset, self.autoencoder, self.seed = dataset, autoencoder, seed
        self.frames: dict[int, list[int]] = {}
        for index, sample in enumerate(dataset.samples):
            self.frames.setdefault(sample.video, []).append(index)

    def copy(self, index: int) -> np.ndarray:
        """(size, size, 3) uint8 RGB, of one of SIZES_PX. Raises CropError."""
        sample = self.dataset.samples[index]
        rng = np.random.default_rng([self.seed, zlib.crc32(sample.name.encode())])
        size = int(rng.choice(SIZES_PX))
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


def run(config: ReconstructConfig) -> int:
    device = pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    autoencoder = Autoencoder(config.autoencoder, device)
    registry = load_registry(config.frames_dir)
    videos = [v for v in registry["videos"] if v["label"] == REAL]
    dataset = FaceFrames(config.frames_dir, videos, Preprocessing(), False, self_blend=True)
    with only_run(config.frames_dir, "reconstruction"):
        copies = reconstructed_crops(config.frames_dir)
        order = np.random.default_rng(config.seed).permutation(len(dataset))  # a part is a sample
        order = [int(i) for i in order[: config.at_most or None]]
        todo = [i for i in order if dataset.samples[i].name not in copies]
        failed = copy_all(config, Copier(dataset, autoencoder, config.seed), todo, copies)
    print(f"{len(order) - failed:,} crops have a copy, {failed:,} could not be read")
    console.good(f"Copies: {shown(config.frames_dir / COPIES_NAME)}")
    return 0


def copy_all(config, copier: Copier, todo: list[int], copies: dict[str, str]) -> int:
    """Write the copies, adding to the table of copies; returns how many crops were unreadable."""
    failed = 0
    try:
        for number, index in enumerate(console.progress(todo, len(todo), "Copying", "crops"), 1):
            name = copier.dataset.samples[index].name
            try:
                picture = copier.copy(index)
            except CropError as error:
                console.bad(f"{error} cannot be read")
                failed += 1
                continue
            where = name.removesuffix(".jpg") + ".copy.jpg"
            options = [cv2.IMWRITE_JPEG_QUALITY, COPY_QUALITY]
            _, content = cv2.imencode(".jpg", picture[..., ::-1], options)
            (config.frames_dir / where).write_bytes(content)  # it counts once the table has it
            copies[name] = where
            if number % SAVE_EVERY == 0:
                write_json(config.frames_dir / COPIES_NAME, {"version": 1, "copies": copies}, None)
    finally:
        write_json(config.frames_dir / COPIES_NAME, {"version": 1, "copies": copies}, None)
    return failed


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run(config), f"interrupted: {GO_ON}")


if __name__ == "__main__":
    sys.exit(main())
