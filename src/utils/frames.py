"""Crops as a torch dataset: loading, augmentation, and the order in which training sees them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from torchvision import transforms

from utils.augment import augment
from utils.checkpoint import Preprocessing
from utils.config import VISIBLE_SHARE
from utils.splits import draw_training_videos

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class CropError(Exception):
    """A crop that the registry names but that cannot be read; the message names the file."""

    def __init__(self, message: str):
        # Coming from a DataLoader's worker, a whole traceback stands before the message.
        super().__init__(message.rpartition("CropError: ")[2].strip())


def eval_transform(preprocessing: Preprocessing) -> Callable[[torch.Tensor], torch.Tensor]:
    """Stored crops (..., 3, S, S) uint8 RGB -> network input (..., 3, H, H) float, normalised."""
    visible = round(preprocessing.crop_size_px * VISIBLE_SHARE)
    size = preprocessing.image_size_px
    steps = [transforms.CenterCrop(visible)]
    if size != visible:
        steps.append(transforms.Resize((size, size), antialias=True))
    return transforms.Compose([*steps, _to_normalised_float()])


def train_transform(preprocessing: Preprocessing) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """A stored crop (3, S, S) uint8 RGB and a seed -> augmented network input (3, H, H)."""
    normalise = _to_normalised_float()

    def transform(image: torch.Tensor, seed: int) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        changed = augment(image.permute(1, 2, 0).numpy(), preprocessing.image_size_px, rng)
        return normalise(torch.from_numpy(changed).permute(2, 0, 1))

    return transform


def _to_normalised_float() -> Callable[[torch.Tensor], torch.Tensor]:
    return transforms.Compose(
        [
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )


class FaceFrames(Dataset):
    """The crops of some registry records.

    An item is (image (3, H, H) float, label, number of its video in videos). With is_training its
    key is (crop number, augmentation seed), as RatioSampler gives them, else the crop's number.
    """

    def __init__(
        self, frames_dir: Path, videos: list[dict], settings: Preprocessing, is_training: bool
    ):
        self.frames_dir = frames_dir
        self.videos = videos
        self.is_training = is_training
        self.transform = (train_transform if is_training else eval_transform)(settings)
        self.samples = [
            (f"{video['id']}/{frame['crop']}", video["label"], number)
            for number, video in enumerate(videos)
            for frame in video["frames"]
            if frame["crop"]
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[torch.Tensor, int, int]:
        index, *seed = key if self.is_training else (key,)
        name, label, video_number = self.samples[index]
        image = _read_rgb(self.frames_dir / name)
        return self.transform(image, *seed), label, video_number


class RatioSampler(Sampler):
    """Each epoch: all real training videos and a fresh draw of fakes, shuffled by frame.

    Yields (crop number, augmentation seed). Everything follows from (seed, epoch).
    """

    def __init__(self, dataset: FaceFrames, fake_share: float, seed: int):
        self.dataset = dataset
        self.fake_share = fake_share
        self.seed = seed
        self.epoch = 0

    def drawn_labels(self) -> np.ndarray:
        """Labels (n,) of the crops that this epoch will show."""
        return np.array([self.dataset.samples[index][1] for index in self._draw()[0]])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices, rng = self._draw()
        rng.shuffle(indices)
        seeds = rng.integers(0, 2**62, len(indices))
        yield from zip(indices.tolist(), seeds.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self._draw()[0])

    def _draw(self) -> tuple[np.ndarray, np.random.Generator]:
        rng = np.random.default_rng([self.seed, self.epoch])
        drawn = draw_training_videos(self.dataset.videos, self.fake_share, rng)
        ids = {video["id"] for video in drawn}
        numbers = {n for n, video in enumerate(self.dataset.videos) if video["id"] in ids}
        samples = self.dataset.samples
        return np.array([i for i, sample in enumerate(samples) if sample[2] in numbers]), rng


def _read_rgb(path: Path) -> torch.Tensor:
    """A JPEG as (3, H, W) uint8. Raises CropError."""
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise CropError(
            f"{path} cannot be read: delete its folder and run src/1_extract_frames.py again"
        )
    return torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)
