"""Send the real crops of training through generators, for fakes that differ from their originals
by a generator's traces alone. The copies lie beside the crops; script 2 shows them with
--reconstructed."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets.crops import COPIES_NAME, FaceFrames, read_copies, write_copies
from datasets.registry import CropError, load_registry
from datasets.splits import load_or_make_splits
from generators.copying import GENERATORS, Copier
from network.device import keep_freed_memory, pick_device
from pictures.blending import COPY_QUALITY
from pictures.transforms import Preprocessing
from utils import console
from utils.config import FRAMES_DIR, MODELS_DIR, REAL, SPLITS_FILE
from utils.console import GO_ON, run_script, shown
from utils.files import only_run
from utils.flags import add_flags, from_flags, natural_int, option, positive_int

SAVE_EVERY = 500


@dataclass(frozen=True)
class Settings:
    """Settings of reconstruct_faces.py."""

    frames_dir: Path = option(FRAMES_DIR, "crops and registry; the copies go beside the crops")
    splits: Path = option(SPLITS_FILE, "splits, made when absent: reals of train are copied")
    official_splits: bool = option(False, "as script 2's")
    generators: tuple = option(
        ("latent",),
        "which generators copy: an autoencoder of diffusion models; small ones trained here on the "
        "crops themselves, in ten minutes; super-resolution",
        nargs="+",
        type=str,
        choices=GENERATORS,
    )
    autoencoder: Path = option(
        MODELS_DIR, "folder of taef2_encoder.pth and taef2_decoder.pth, and of the small ones"
    )
    upscalers: Path = option(MODELS_DIR / "upscalers", "folder of ncnn files, for upscale")
    batches: int = option(700, "to train each small autoencoder with", type=positive_int)
    at_most: int = option(0, "let each copy so many crops; 0: all", type=natural_int)
    device: str = option("auto", "auto, cpu, cuda or mps")
    seed: int = option(42, "seed of sizes and of changes of the latents", type=int)


def parse_args(argv: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, Settings)
    return from_flags(Settings, parser.parse_args(argv))


def run(config: Settings) -> int:
    device = pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    registry = load_registry(config.frames_dir)["videos"]
    videos = [v for v in registry if any(frame["crop"] for frame in v["frames"])]
    splits = load_or_make_splits(
        config.splits, videos, config.seed, config.official_splits, needs_fakes=False
    )
    videos = [v for v in splits["train"] if v["label"] == REAL]
    dataset = FaceFrames(config.frames_dir, videos, Preprocessing(), False, self_blend=True)
    with only_run(config.frames_dir, "reconstruction"):
        table = read_copies(config.frames_dir)
        for generator in config.generators:
            copier = Copier(generator, dataset, config, device)
            # A part is a sample, another one for each generator.
            seed = [config.seed, GENERATORS.index(generator)]
            order = np.random.default_rng(seed).permutation(len(dataset))
            order = [int(i) for i in order[: config.at_most or None]]
            todo = [i for i in order if generator not in table.get(dataset.samples[i].name, {})]
            failed = copy_all(config.frames_dir, copier, todo, table)
            print(
                f"{generator}: {len(order) - failed:,} crops have a copy, "
                f"{failed:,} could not be read"
            )
    console.good(f"Copies: {shown(config.frames_dir / COPIES_NAME)}")
    return 0


def copy_all(frames_dir: Path, copier: Copier, todo: list[int], table: dict) -> int:
    """Write the copies, adding to their table; returns how many crops were unreadable."""
    failed, label = 0, f"Copying, {copier.generator}"
    try:
        for number, index in enumerate(console.progress(todo, len(todo), label, "crops"), 1):
            name = copier.dataset.samples[index].name
            try:
                picture = copier.copy(index)
            except CropError as error:
                console.bad(f"{error} cannot be read")
                failed += 1
                continue
            where = f"{name.removesuffix('.jpg')}.{copier.generator}.jpg"
            options = [cv2.IMWRITE_JPEG_QUALITY, COPY_QUALITY]
            _, content = cv2.imencode(".jpg", picture[..., ::-1], options)
            (frames_dir / where).write_bytes(content)  # it counts once the table has it
            table.setdefault(name, {})[copier.generator] = where
            if number % SAVE_EVERY == 0:
                write_copies(frames_dir, table)
    finally:
        write_copies(frames_dir, table)
    return failed


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run(config), f"interrupted: {GO_ON}")


if __name__ == "__main__":
    sys.exit(main())
