"""Sheets of crops for eyes to check: what training sees, how blends are made, what went wrong."""

import contextlib
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch

from datasets.draws import PLAIN
from datasets.registry import CropError, source_of
from pictures.transforms import IMAGENET_MEAN, IMAGENET_STD
from reports.page import COLOURS, DPI, GREY, TRUTHS, Figure, elided, render, save_png
from scoring.calibration import Outcome
from scoring.verdict import FAKE, REAL

THUMB_PX, GAP_PX, TITLE_PX, LINE_PX = 128, 12, 44, 14
WORST, SHOWN_BATCH, SHOWN_BLENDS = 16, 32, 8


def write_first_sheets(folder: Path, dataset, batches: list) -> None:
    """batches.png: the first crops of the epoch as the network gets them; sources.png: a crop of
    each source and class that is taught; with self-blending also blends.png: pairs, their
    difference four times over, and the mask."""
    draws = [draw for batch in batches[:8] for draw in batch]
    save_png(draw_first_batch(dataset, draws), folder / "batches.png")
    save_png(draw_sources(dataset), folder / "sources.png")
    if dataset.self_blend:
        save_png(draw_blends(dataset, draws), folder / "blends.png")


def draw_first_batch(dataset, draws: list) -> np.ndarray:
    items = [
        item for item in dataset.__getitems__(draws[:SHOWN_BATCH]) if not isinstance(item, str)
    ][:SHOWN_BATCH]
    std, mean = torch.tensor(IMAGENET_STD), torch.tensor(IMAGENET_MEAN)
    thumbs = []
    for item in items:
        image = (item.image.permute(1, 2, 0) * std + mean).clamp(0, 1).numpy()
        kind = TRUTHS[item.label]
        thumbs.append(((image * 255).round().astype(np.uint8), [(kind, COLOURS[kind])]))
    return sheet("The first crops of training, as the network gets them", thumbs, columns=8)


def draw_sources(dataset) -> np.ndarray:
    """The middle crop of each source and class, with how many crops it has."""
    members = defaultdict(list)
    for index, sample in enumerate(dataset.samples):
        members[sample.label, source_of(dataset.videos[sample.video])].append(index)
    thumbs = []
    for (label, name), indices in sorted(members.items()):
        kind = TRUTHS[label]
        lines = [(elided(name, 22), COLOURS[kind]), (f"{kind}, {len(indices):,} crops", GREY)]
        with contextlib.suppress(CropError):
            thumbs.append((dataset.shown_image(indices[len(indices) // 2]), lines))
    return sheet("A crop of each source that training shows", thumbs, columns=8)


def draw_blends(dataset, draws: list) -> np.ndarray:
    thumbs = []
    for draw in [draw for draw in draws if draw.use != PLAIN][:SHOWN_BLENDS]:
        blend = dataset.blend_of(draw)
        difference = np.minimum(cv2.absdiff(blend.real, blend.fake).astype(int) * 4, 255)
        mask = np.repeat((blend.mask * 255).round().astype(np.uint8)[..., None], 3, axis=2)
        for name, image, colour in (
            ("real", blend.real, COLOURS[REAL]),
            ("fake", blend.fake, COLOURS[FAKE]),
            ("difference x 4", difference.astype(np.uint8), GREY),
            ("mask", mask, GREY),
        ):
            thumbs.append((image, [(name, colour)]))
    return sheet("Blends of the first crops, before augmentation", thumbs, columns=8)


def draw_most_wrong(test: Outcome, dataset) -> np.ndarray:
    """The test crops whose score is furthest from the truth, worst first."""
    wrong = np.abs(test.frames.p_fake - test.frames.labels)
    thumbs = []
    for place in np.argsort(-wrong, kind="stable")[:WORST]:
        index = test.raw.samples[place]
        sample = dataset.samples[index]
        truth = TRUTHS[sample.label]
        text = f"is {truth}, p_fake {test.frames.p_fake[place]:.2f}"
        method = dataset.videos[sample.video]["method"]
        thumbs.append((dataset.shown_image(index), [(text, COLOURS[truth]), (method, GREY)]))
    return sheet("Most wrong test crops", thumbs, columns=8)


def sheet(title: str, thumbs: list, columns: int) -> np.ndarray:
    """A page (H, W, 3) uint8 of pictures, each with its lines of (text, colour) below it."""
    lines = max((len(captions) for _, captions in thumbs), default=1)
    step_x, step_y = THUMB_PX + GAP_PX, THUMB_PX + GAP_PX + LINE_PX * lines
    width = columns * step_x + GAP_PX
    height = TITLE_PX + -(-len(thumbs) // columns) * step_y
    figure = Figure(figsize=(width / DPI, height / DPI))
    figure.text(12 / width, 1 - 22 / height, title, va="center", weight="bold")
    corners = []
    for place, (_, captions) in enumerate(thumbs):
        x = GAP_PX + place % columns * step_x
        y = TITLE_PX + place // columns * step_y
        corners.append((x, y))
        for line, (text, colour) in enumerate(captions):
            top = 1 - (y + THUMB_PX + 8 + LINE_PX * line) / height
            figure.text(x / width, top, text, fontsize=7.5, va="center", color=colour)
    page = render(figure)
    for (image, _), (x, y) in zip(thumbs, corners, strict=True):
        method = cv2.INTER_AREA if len(image) > THUMB_PX else cv2.INTER_CUBIC
        thumb = cv2.resize(image, (THUMB_PX, THUMB_PX), interpolation=method)
        page[y : y + THUMB_PX, x : x + THUMB_PX] = thumb
    return page
