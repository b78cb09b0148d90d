"""Labelled videos to be evaluated: a folder's, a list's, or those of a split."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from datasets.catalog import DATA_SETS, Video
from datasets.registry import CropError
from faces.detect import whole_image
from faces.tracks import main_faces
from judging.analysis import Analysis, Track, View, cut_crops, find_faces
from media.frame import VideoError
from media.sequence import read_sequence
from utils import console
from utils.config import FAKE, LABEL_NAMES, REAL
from utils.console import Failure
from utils.flags import DOWNLOAD, is_address
from utils.search import passed_over, without_copies
from utils.spreadsheet import read_table


@dataclass
class Footage:
    """A video to be judged: its number and label; crops (n, S, S, 3) uint8 RGB of one face after
    another, the second of each, where each face's are among them; whole frames (H, W, 3) RGB, which
    stored crops have not; and why no verdict can be given, or None."""

    number: int
    label: int
    crops: np.ndarray
    seconds: list[float]
    faces: list[slice]
    is_image: bool
    frames: list[np.ndarray]
    caveat: str | None = None


def find_labelled(source: Path) -> list[Video]:
    """Labelled videos of a folder in any known layout, or of a CSV of path,label and, where
    wanted, method, source (its data set) and pair. Raises Failure."""
    if source.is_dir():
        videos = [video for _, _, discover in DATA_SETS for video in discover(source)]
        if text := passed_over(source):
            console.warn(text)
        videos, copies = without_copies(videos)
        for copy, _ in copies:
            console.warn(f"{console.shown(copy.path)}: a copy of another, left out")
        if not videos:
            raise Failure(
                f"{source} holds no videos in a known layout: put them in real/ and fake/ folders, "
                "or list them in a CSV of path,label"
            )
        return videos
    rows = read_table(source, ("path", "label"))
    if not rows:
        raise Failure(f"{source} lists no videos")
    videos, lines = [], {}
    for line, row in rows.items():
        video = _listed(source, line, row)
        before = lines.setdefault(os.path.realpath(video.path), line)
        if before != line:
            raise Failure(f"{source}, line {line}: {video.id} is in line {before} already")
        videos.append(video)
    return videos


def _listed(source: Path, line: int, row: dict) -> Video:
    if not row["path"]:
        raise Failure(f"{source}, line {line}: no path")
    label = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}.get(row["label"].lower())
    if label is None:
        raise Failure(f"{source}, line {line}: label {row['label']!r} is not real or fake")
    dataset = row.get("source") or source.stem
    method = row.get("method") or LABEL_NAMES[label]
    people = f"{dataset}:{row.get('pair') or row['path']}"
    if is_address(row["path"]):
        text = f"{row['path']} is a web address: {DOWNLOAD}"
        raise Failure(f"{source}, line {line}: {text}")
    path = source.parent / row["path"]
    if not path.exists() and "\\" in row["path"]:  # as Windows writes it
        path = source.parent / row["path"].replace("\\", "/")
    pair = row.get("pair") or None
    return Video(row["path"], path, dataset, method, label, (people,), pair=pair)


def crops_of_videos(
    videos: list[Video], detector, count: int, settings, left_out: list[dict]
) -> Iterator[Footage]:
    """Each video that can be judged; others are named, and go to left_out."""
    for number, video in enumerate(console.progress(videos, len(videos), "Evaluating")):
        try:
            analysis = _follow(video, detector, count, settings.crop_margin)
            cut_crops(analysis, settings)
            if not analysis.tracks:
                raise VideoError("no face found")
        except (VideoError, MemoryError) as error:
            reason = str(error) if isinstance(error, VideoError) else "does not fit into memory"
            console.bad(f"{console.shown(video.path)}: {reason}")
            left_out.append({"id": video.id, "reason": reason})
            continue
        views = [
            (view.crop[..., ::-1], second)
            for track in analysis.tracks
            for view, second in zip(track.views, analysis.seconds, strict=True)
            if view
        ]
        crops, seconds = zip(*views, strict=True)
        ends = np.cumsum([len(track.seen) for track in analysis.tracks]).tolist()
        faces = [slice(*each) for each in pairwise([0, *ends])]
        frames = [frame.image[..., ::-1] for frame in analysis.frames]
        facts = analysis.frames.is_image, frames, analysis.frames.caveat
        yield Footage(number, video.label, np.stack(crops), list(seconds), faces, *facts)


def _follow(video: Video, detector, count: int, margin: float) -> Analysis:
    """The faces of a video; of a sequence of cut faces one, as script 1 has it."""
    if not video.is_cut:
        return find_faces(video.path, detector, count)
    frames = read_sequence(video.path, count)
    images = [frame.image for frame in frames]
    faces = main_faces(images, [detector.detect(image) for image in images])
    whole = [whole_image(image, margin) for image in images]
    views = [View(face or image) for face, image in zip(faces, whole, strict=True)]
    return Analysis(video.path, frames, [Track("A", views)])


def crops_of_dataset(dataset, left_out: list[dict]) -> Iterator[Footage]:
    """The same for a FaceFrames of stored crops, which has one face a video and no times."""
    by_number: dict[int, list[int]] = {}
    for index, sample in enumerate(dataset.samples):
        by_number.setdefault(sample.video, []).append(index)
    for number, indices in console.progress(by_number.items(), len(by_number), "Evaluating"):
        video = dataset.videos[number]
        try:
            crops = np.stack([dataset.shown_image(index) for index in indices])
        except CropError as error:
            console.bad(f"{error} cannot be read, its video is left out")
            left_out.append({"id": video["id"], "reason": f"{error} cannot be read"})
            continue
        seconds, is_picture = [float(n) for n in range(len(crops))], len(video["frames"]) == 1
        faces = [slice(0, len(crops))]
        yield Footage(number, video["label"], crops, seconds, faces, is_picture, [])
