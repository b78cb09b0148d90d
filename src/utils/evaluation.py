"""Scores of labelled videos by one or more checkpoints, and how sure one can be of the figures."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from utils import console
from utils.analysis import cut_crops, find_faces
from utils.catalog import DATA_SETS, Video
from utils.checkpoint import Checkpoint
from utils.config import FAKE, LABEL_NAMES, REAL, VerdictConfig
from utils.frames import eval_transform, normalise
from utils.metrics import Scores, by_video, metrics, scale
from utils.splits import connected_components
from utils.verdict import FAKE as FAKE_VERDICT
from utils.verdict import REAL as REAL_VERDICT
from utils.verdict import judge
from utils.video import VideoError

SQUASHED = "whole frame squashed"


class EvaluationError(Exception):
    """Input that cannot be evaluated; the message says why and what to do."""


@dataclass
class Table:
    """Frame scores under one condition: each frame's raw p_fake and number of its video."""

    p_fake: list[float]
    numbers: list[int]

    def scores(self, labels: np.ndarray, kinds: np.ndarray) -> tuple[Scores, np.ndarray]:
        numbers = np.array(self.numbers)
        return Scores(np.array(self.p_fake), labels[numbers], kinds[numbers]), numbers


def find_labelled(source: Path) -> list[Video]:
    """Labelled videos of a folder in any known layout, or of a CSV of path,label and, where
    wanted, method, source and pair. Raises EvaluationError."""
    if source.is_dir():
        videos = [video for _, _, discover in DATA_SETS for video in discover(source)]
        if not videos:
            raise EvaluationError(
                f"{source} holds no videos in a known layout: put them in real/ and fake/ folders, "
                "or list them in a CSV of path,label"
            )
        return videos
    try:
        with open(source, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{source} cannot be read ({error})") from error
    if not rows or not {"path", "label"} <= set(rows[0]):
        raise EvaluationError(f"{source} has no rows, or lacks the columns path and label")
    return [_listed(source, number, row) for number, row in enumerate(rows, 2)]


def _listed(source: Path, line: int, row: dict) -> Video:
    label = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}.get((row["label"] or "").lower())
    if label is None:
        raise EvaluationError(f"{source}, line {line}: label {row['label']!r} is not real or fake")
    path = source.parent / row["path"]
    method = row.get("method") or ("fake" if label == FAKE else "real")
    pair = row.get("pair") or row.get("source") or row["path"]
    return Video(row["path"], path, source.stem, method, label, (f"{source.stem}:{pair}",))


def crops_of_videos(videos: list[Video], detector, count: int, settings) -> Iterator[tuple]:
    """(number, crops (n, S, S, 3) uint8 RGB, whole frames) of each video that can be read; others
    are named."""
    for number, video in enumerate(console.progress(videos, len(videos), "Evaluating")):
        try:
            results = find_faces(video.path, detector, count)
        except VideoError as error:
            console.bad(f"{console.shown(video.path)}: {error}")
            continue
        cut_crops(results, settings)
        crops = [result.crop[..., ::-1] for result in results if result.crop is not None]
        if not crops:
            console.bad(f"{console.shown(video.path)}: no face found")
            continue
        yield number, np.stack(crops), [result.frame.image[..., ::-1] for result in results]


def crops_of_dataset(dataset) -> Iterator[tuple]:
    """The same for a FaceFrames of stored crops, which has no whole frames."""
    by_number: dict[int, list[int]] = {}
    for index, sample in enumerate(dataset.samples):
        by_number.setdefault(sample.video, []).append(index)
    for number, indices in console.progress(by_number.items(), len(by_number), "Evaluating"):
        yield number, np.stack([dataset.shown_image(index) for index in indices]), []


@torch.inference_mode()
def score(checkpoint: Checkpoint, crops: np.ndarray, device) -> list[float]:
    """Raw p_fake of crops (n, S, S, 3) uint8 RGB, before temperature scaling."""
    batch = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    images = eval_transform(checkpoint.preprocessing)(batch).to(device)
    images = images.contiguous(memory_format=torch.channels_last)
    return checkpoint.model(images).softmax(1)[:, FAKE].tolist()


@torch.inference_mode()
def score_squashed(checkpoint: Checkpoint, frames: list[np.ndarray], device) -> list[float]:
    """The reference's way: each whole frame scaled to the network's square, whatever its shape."""
    size = checkpoint.preprocessing.image_size_px
    small = [cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames]
    images = normalise(torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)).to(device)
    return checkpoint.model(images).softmax(1)[:, FAKE].tolist()


def score_all(
    source: Iterator[tuple],
    checkpoints: list[Checkpoint],
    conditions: dict[str, Callable],
    device,
    with_squashed: bool,
) -> list[dict[str, Table]]:
    """For each checkpoint the table of each condition, the videos being read once."""
    names = ["clean", *conditions] + [SQUASHED] * with_squashed
    tables = [{name: Table([], []) for name in names} for _ in checkpoints]
    for number, crops, frames in source:
        versions = {"clean": crops}
        for name, change in conditions.items():
            versions[name] = np.stack([change(np.ascontiguousarray(crop)) for crop in crops])
        for checkpoint, table in zip(checkpoints, tables, strict=True):
            found = {name: score(checkpoint, some, device) for name, some in versions.items()}
            if with_squashed:
                found[SQUASHED] = score_squashed(checkpoint, frames, device)
            for name, p_fake in found.items():
                table[name].p_fake += p_fake
                table[name].numbers += [number] * len(p_fake)
    return tables


def people_groups(records: list[dict]) -> np.ndarray:
    """(n,) the number of each record's component of shared identity: what the bootstrap draws."""
    place = {}
    for number, component in enumerate(connected_components(records)):
        place |= {id(record): number for record in component}
    return np.array([place[id(record)] for record in records])


def bootstrap(
    groups: np.ndarray, statistic: Callable[[np.ndarray], float | None], draws: int = 1000
) -> list[float] | None:
    """95 % percentile interval of statistic(indices), whole groups drawn with replacement.

    Efron, 1979. None with fewer than two groups, or where most draws leave it undefined.
    """
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(draws if len(names) > 1 else 0):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(names), len(names))])
        value = statistic(drawn)
        if value is not None:
            values.append(value)
    if len(values) < draws / 2:
        return None
    return [float(value) for value in np.percentile(values, [2.5, 97.5])]


def auc(p_fake: np.ndarray, labels: np.ndarray) -> float | None:
    """Area under the ROC curve by ranks (ties count half); None without both classes."""
    fakes = labels == FAKE
    if not fakes.any() or fakes.all():
        return None
    _, inverse, counts = np.unique(p_fake, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n_fake, n_real = fakes.sum(), (~fakes).sum()
    return float((ranks[fakes].sum() - n_fake * (n_fake + 1) / 2) / (n_fake * n_real))


def rate_at(scores: Scores, fpr: float) -> float | None:
    """True-positive rate at the lowest threshold that calls at most fpr of the reals fake."""
    real = np.sort(scores.p_fake[scores.labels == REAL])[::-1]
    fake = scores.p_fake[scores.labels == FAKE]
    if not len(real) or not len(fake):
        return None
    return float((fake > real[int(fpr * len(real))]).mean())


def _verdicts(frames: Scores, numbers: np.ndarray, checkpoint: Checkpoint) -> dict:
    """What script 3 would say: the share of each verdict among real and among fake videos."""
    said: dict[str, list[str]] = {name: [] for name in LABEL_NAMES}
    for number in np.unique(numbers):
        members = numbers == number
        scores = frames.p_fake[members].tolist()
        verdict = judge(
            scores, checkpoint.threshold, VerdictConfig(), checkpoint.undecided, len(scores) == 1
        )
        said[LABEL_NAMES[frames.labels[members][0]]].append(verdict.outcome)
    return {
        name: {kind: outcomes.count(kind) / len(outcomes) for kind in (FAKE_VERDICT, REAL_VERDICT)}
        for name, outcomes in said.items()
        if outcomes
    }


def figures(
    table: Table, labels: np.ndarray, kinds: np.ndarray, groups: np.ndarray, checkpoint: Checkpoint
) -> dict:
    """Metrics by video and by frame under one condition, with the AUC's interval."""
    raw, numbers = table.scores(labels, kinds)
    frames = scale(raw, checkpoint.temperature)
    videos = by_video(frames, numbers)
    seen = np.unique(numbers)
    result = {
        "video": metrics(videos, checkpoint.threshold),
        "frame": metrics(frames, checkpoint.threshold),
    }
    result["video"]["auc_interval"] = bootstrap(
        groups[seen], lambda drawn: auc(videos.p_fake[drawn], videos.labels[drawn])
    )
    for share in (0.01, 0.05):
        result["video"][f"tpr_at_{share:.0%}_fpr"] = rate_at(videos, share)
    result["verdicts"] = _verdicts(frames, numbers, checkpoint)
    counts = result["video"]["confusion"]
    reals = counts["fp"] + counts["tn"]
    result["video"]["false_positive_rate"] = counts["fp"] / reals if reals else None
    return result
