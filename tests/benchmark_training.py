"""Time training: `python tests/benchmark_training.py`, on a machine with nothing else to do.

Prints images a second of loading alone, of the network alone, and of both, beside a
straightforward loop (PIL, torchvision's transforms, fp32, no channels_last, two loader processes),
interleaved; milliseconds a crop of decoding, augmentation and blending; and seconds from the
registry to the first batch at full size: 12,593 videos of six crops.
"""

import argparse
import contextlib
import ctypes
import io
import itertools
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import cv2
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import efficientnet_b1

from judging.demo import portrait_path
from network.device import (
    M_MMAP_MAX,
    M_TRIM_THRESHOLD,
    describe_device,
    keep_freed_memory,
    pick_device,
)
from network.distributed import Team
from pictures.transforms import IMAGENET_MEAN, IMAGENET_STD
from training.epoch import _update
from training.loaders import load_data, make_loaders
from training.run import start_run
from utils.config import FAKE, TrainConfig

PLAIN = "straightforward loop"
POINTS = [[96, 105], [160, 105], [128, 140], [102, 175], [154, 175]]


def make_registry(folder: Path, pairs: int, frames: int, with_files: bool) -> None:
    """Pairs of a real video and two fakes, all crops the bundled portrait's."""
    portrait = cv2.resize(cv2.imread(str(portrait_path())), (256, 256))
    jpeg = cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    videos = []
    for number, method in itertools.product(range(pairs), ("original", "Deepfakes", "FaceSwap")):
        name = f"faceforensics/{method}/{number:06d}.mp4"
        crops = [
            {
                "index": index,
                "crop": f"{index:06d}.jpg",
                "landmarks_in_crop_xy": POINTS,
                "skin_lab": [150, 140, 140],
                "flags": [],
            }
            for index in range(frames)
        ]
        about = {"id": name, "dataset": "faceforensics", "method": method, "frames": crops}
        people = [f"ff:{number}"]
        label = int(method != "original") * FAKE
        videos.append(about | {"label": label, "identities": people, "official_split": None})
        if with_files:
            (folder / name).mkdir(parents=True)
            for crop in crops:
                (folder / name / crop["crop"]).write_bytes(jpeg)
    settings = {"frames": 6, "crop_size_px": 256, "crop_margin": 1.54, "detector": "yunet"}
    registry = {"version": 3, "settings": settings, "videos": videos}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "video_registry.json").write_text(json.dumps(registry))


class PlainCrops(Dataset):
    """The same crops by the usual means."""

    def __init__(self, paths, size_px: int):
        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.Resize((size_px, size_px)),
                transforms.RandomHorizontalFlip(),
                transforms.RandomRotation(10),
                transforms.ColorJitter(0.2, 0.2, 0.2),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        return self.transform(Image.open(self.paths[index]).convert("RGB")), index % 2


def give_freed_memory_back() -> None:
    """Undo keep_freed_memory: glibc's own settings."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 65536)
        libc.mallopt(M_TRIM_THRESHOLD, 128 * 1024)


def plain_loop(paths, size_px: int, batches: int, batch_size: int, device) -> float:
    give_freed_memory_back()
    loader = DataLoader(PlainCrops(paths, size_px), batch_size, shuffle=True, num_workers=2)
    model = efficientnet_b1(num_classes=2).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def steps():
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            yield len(labels)

    return rate(steps(), batches)


def rate(steps, batches: int) -> float:
    """Images a second of some batches, after two to warm up."""
    for _ in range(2):
        next(steps)
    start, seen = time.perf_counter(), 0
    for count in itertools.islice(steps, batches):
        seen += count
    return seen / (time.perf_counter() - start)


def our_loop(config: TrainConfig, run, loader, device, batches: int, what: str) -> float:
    keep_freed_memory()
    loss_function = nn.CrossEntropyLoss()
    net = torch.compile(run.model) if config.compile else run.model
    run.model.train()
    first = next(iter(loader))

    def steps():
        for batch in itertools.repeat(first) if what == "network" else loader:
            if what != "loading":
                _update(run, net, batch.images, batch.labels, loss_function, device)
            yield len(batch.labels)

    return rate(steps(), batches)


def milliseconds(loader) -> float:
    """Of one core for a crop, from JPEG to tensor."""
    dataset, sampler = loader.dataset, loader.batch_sampler
    draws = [d for batch in sampler.batches for d in batch][:200]
    start, count = time.perf_counter(), 0
    for draw in draws:
        count += len(dataset.__getitems__([draw]))
    return (time.perf_counter() - start) / count * 1000


def quietly(call, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-px", type=int, default=224)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    device = pick_device("auto")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_registry(root / "full", 12593 // 3, 6, with_files=False)
        config = TrainConfig(
            frames_dir=root / "full",
            splits=root / "full.json",
            image_size_px=args.size_px,
            batch_size=args.batch_size,
            pretrained=False,
            workers=args.workers,
            compile=args.compile,
        )
        start = time.perf_counter()
        splits, preprocessing, _ = quietly(load_data, config)
        loaders = make_loaders(config, splits, preprocessing, Team())
        crops = sum(len(loader.dataset) for loader in loaders.values())
        print(f"registry to loaders, {crops:,} crops: {time.perf_counter() - start:.2f} s")

        make_registry(root / "small", 60, 6, with_files=True)
        config = replace(config, frames_dir=root / "small", splits=root / "small.json")
        for label, share in (("decode and augment", 0.0), ("decode, blend and augment", 1.0)):
            blending = replace(config, self_blend=share, workers=0)
            splits, preprocessing, _ = quietly(load_data, blending)
            loader = make_loaders(blending, splits, preprocessing, Team())["train"]
            print(f"{label}: {milliseconds(loader):.2f} ms a crop on one core")

        splits, preprocessing, _ = quietly(load_data, config)
        loader = make_loaders(config, splits, preprocessing, Team())["train"]
        loader.batch_sampler.batches *= 50
        run = start_run(config, device)
        paths = sorted((root / "small").rglob("*.jpg"))
        ways = {
            PLAIN: lambda: plain_loop(paths, args.size_px, args.batches, args.batch_size, device)
        }
        for what in ("loading", "network", "both"):
            ways[what] = lambda what=what: our_loop(config, run, loader, device, args.batches, what)
        rates = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, measure in ways.items():
                rates[name].append(measure())
        print(f"{describe_device(device)}, {args.size_px} px, {run.precision}, images/s:")
        for name, values in rates.items():
            print(f"   {name:22}" + " ".join(f"{value:9.1f}" for value in values))
        medians = {name: statistics.median(values) for name, values in rates.items()}
        print(f"both over straightforward loop: {medians['both'] / medians[PLAIN]:.2f}")
        print(f"both over network alone: {medians['both'] / medians['network']:.2f}")


if __name__ == "__main__":
    main()
