"""Crops as a torch dataset: loading, augmentation, blending, and batches of them."""

import json
import zlib
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from datasets.draws import PLAIN, RECONSTRUCTION
from datasets.partners import partners_of
from datasets.registry import CropError
from datasets.sampling import Draw
from faces.quality import face_sharpness
from pictures.blending import Blend, blend_copy, blend_self, blend_swap, with_surroundings
from pictures.harms import HARMS, harm
from pictures.masks import Recipe
from pictures.transforms import Preprocessing, eval_transform, to_tensor, train_transform
from pictures.warping import warp_parts
from utils.config import FAKE, REAL
from utils.console import Failure
from utils.files import write_json

COPIES_NAME = "reconstructions.json"
SWAP_SHARE = 0.5  # of blends that take another person's face
COPIED_SHARE = 0.5  # of wide swaps, whose face went through a generator, as a swapping tool's has


class Sample(NamedTuple):
    """A crop: its path below the frames folder, label, number of its video, and face.

    landmarks_xy: (5, 2) in crop pixels, or None. skin_lab: of the face, or None. blend: the method
    by which evaluation makes a fake of it, or None to show it as it is.
    """

    name: str
    label: int
    video: int
    landmarks_xy: np.ndarray | None
    skin_lab: list[float] | None
    blend: str | None


class Item(NamedTuple):
    """A sample as the network gets it: image (3, H, H) float, normalised, its label and number."""

    image: torch.Tensor
    label: int
    index: int


class Batch(NamedTuple):
    """images (N, 3, H, H) float; labels (N,) and indices (N,) int64 of samples in the dataset.

    unreadable: paths of the crops that should have been in it too.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor
    unreadable: list[str]


class FaceFrames(Dataset):
    """The crops of some registry records, and of the blended twins among them.

    Its keys are Draws in training, else numbers of samples; only whole lists of keys can be asked
    for. A Draw of a real crop with a use gives two items, the crop and the fake that is made of it,
    which went through the same changes. self_blend: whether partners for blends are wanted; wide,
    moved: as TrainConfig's wide_blends and moved_parts. copies: for crops that have some, their
    paths by generator.
    """

    def __init__(
        self,
        frames_dir: Path,
        videos: list[dict],
        settings: Preprocessing,
        is_training: bool,
        self_blend: bool = False,
    ):
        self.wide, self.moved = False, 0.0
        self.frames_dir, self.videos = frames_dir, videos
        self.is_training, self.self_blend = is_training, self_blend
        self.transform, self.margin = eval_transform(settings), settings.crop_margin
        self.worse = False  # whether evaluation shows crops as bad video would
        self.samples = [
            _sample(number, video, frame)
            for number, video in enumerate(videos)
            for frame in video["frames"]
            if frame["crop"]
        ]
        self.partners = partners_of(self.samples, videos) if self_blend else {}
        self.copies = read_copies(frames_dir) if is_training else {}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, keys: list) -> list:
        """Items, and in place of crops that cannot be read their paths."""
        items = []
        for key in keys:
            try:
                items += self._training_items(key) if self.is_training else [self._item(key)]
            except CropError as error:
                items.append(str(error))
        return items

    def shown_image(self, index: int) -> np.ndarray:
        """What evaluation shows of a sample: its crop (S, S, 3) uint8 RGB, or the blend of it.

        Raises CropError with the path.
        """
        sample = self.samples[index]
        image = self._read(sample.name)
        if sample.blend:
            rng = np.random.default_rng(zlib.crc32(f"{sample.blend} {sample.name}".encode()))
            image = self._blend(sample, image, sample.blend, Recipe(rng)).fake
        if self.worse:
            rng = np.random.default_rng(zlib.crc32(sample.name.encode()))
            image = np.ascontiguousarray(harm(image, self.harm(index), rng))
        return image

    def harm(self, index: int) -> str:
        """Which of HARMS befalls a sample's video, and its blends alike, when made worse."""
        video = self.videos[self.samples[index].video]
        first = next(frame["crop"] for frame in video["frames"] if frame["crop"])
        return HARMS[zlib.crc32(f"harm {video['id']}/{first}".encode()) % len(HARMS)]

    def sharpness(self, index: int) -> float:
        """Of the face in what evaluation shows of a sample."""
        return face_sharpness(self.shown_image(index)[..., ::-1], self.margin)

    def _item(self, index: int) -> Item:
        image = self.transform(to_tensor(self.shown_image(index)))
        return Item(image, self.samples[index].label, index)

    def blend_of(self, draw: Draw) -> Blend:
        """A real crop and the fake that training makes of it. Raises CropError with its path."""
        rng = np.random.default_rng([draw.seed, 1])
        sample = self.samples[draw.index]
        image = self._read(sample.name)
        if draw.use == RECONSTRUCTION:
            copy = self._read(self._a_copy(sample.name, rng))
            return blend_copy(image, copy, sample.landmarks_xy, rng)
        if self.moved and rng.uniform() < self.moved:
            return warp_parts(image, sample.landmarks_xy, Recipe(rng, draw.difficulty))
        method = "swap" if rng.uniform() < SWAP_SHARE else "self-blend"
        return self._blend(sample, image, method, Recipe(rng, draw.difficulty, self.wide))

    def _training_items(self, draw: Draw) -> list[Item]:
        sample = self.samples[draw.index]
        if draw.use == PLAIN:
            image = self._read(sample.name)
            if self.wide and sample.landmarks_xy is not None:  # what surrounds blends says nothing
                recipe = Recipe(np.random.default_rng([draw.seed, 1]), draw.difficulty, True)
                image, _ = with_surroundings(image, sample.landmarks_xy, recipe)
            pair = [(image, sample.label)]
        else:
            blend = self.blend_of(draw)
            pair = [(blend.real, REAL), (blend.fake, FAKE)]
        return [
            Item(train_transform(image, draw.size_px, draw.seed), label, draw.index)
            for image, label in pair
        ]

    def _blend(self, sample: Sample, image: np.ndarray, method: str, recipe: Recipe) -> Blend:
        rng, landmarks = recipe.rng, sample.landmarks_xy
        partners = self.partners.get(sample.name, ())
        if method == "swap" and len(partners):
            partner = self.samples[rng.choice(partners)]
            other, points = self._read(partner.name), partner.landmarks_xy
            if recipe.wide and partner.name in self.copies and rng.uniform() < COPIED_SHARE:
                size, other = other.shape[0], self._read(self._a_copy(partner.name, rng))
                points = (points + 0.5) * (other.shape[0] / size) - 0.5
            return blend_swap(image, landmarks, other, points, recipe)
        return blend_self(image, landmarks, recipe)

    def _a_copy(self, name: str, rng: np.random.Generator) -> str:
        paths = list(self.copies[name].values())
        return paths[rng.integers(len(paths))]

    def _read(self, name: str) -> np.ndarray:
        """A crop (S, S, 3) uint8 RGB. Raises CropError with its path."""
        path = self.frames_dir / name
        try:
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error):
            image = None
        if image is None:
            raise CropError(str(path))
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_copies(frames_dir: Path) -> dict[str, dict[str, str]]:
    """For each crop with copies made by generators their paths by generator, all below frames_dir;
    none before src/reconstruct_faces.py was run. Raises Failure for a damaged table."""
    path = frames_dir / COPIES_NAME
    remedy = "delete it and run src/reconstruct_faces.py again"
    try:
        table = json.loads(path.read_bytes()) if path.exists() else {"version": 2, "copies": {}}
        if table["version"] != 2:
            raise Failure(f"{path} is of another version: {remedy}")
        return table["copies"]
    except (OSError, ValueError, KeyError) as error:
        raise Failure(f"{path} is damaged: {remedy}") from error


def write_copies(frames_dir: Path, copies: dict[str, dict[str, str]]) -> None:
    write_json(frames_dir / COPIES_NAME, {"version": 2, "copies": copies}, None)


def collate(items: list) -> Batch:
    """What FaceFrames.__getitems__ gives, as one Batch."""
    good = [item for item in items if isinstance(item, Item)]
    return Batch(
        torch.stack([item.image for item in good]) if good else torch.empty(0),
        torch.tensor([item.label for item in good], dtype=torch.int64),
        torch.tensor([item.index for item in good], dtype=torch.int64),
        [item for item in items if isinstance(item, str)],
    )


def _sample(number: int, video: dict, frame: dict) -> Sample:
    points = frame.get("landmarks_in_crop_xy")
    return Sample(
        f"{video['id']}/{frame['crop']}",
        video["label"],
        number,
        None if points is None else np.array(points, np.float32),
        frame.get("skin_lab"),
        video["method"] if video["dataset"] == "blended" else None,
    )
