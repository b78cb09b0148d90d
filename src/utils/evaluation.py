"""Scores of labelled videos by one or more checkpoints, and what they amount to."""

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
from utils.intervals import About, by_name, figures, ways_to_join
from utils.metrics import Outcome, Scores, with_temperature
from utils.verdict import FAKE as FAKE_VERDICT
from utils.verdict import REAL as REAL_VERDICT
from utils.verdict import judge, undecided_range
from utils.video import VideoError

SQUASHED = "whole frame squashed"
WORST = 16  # misses to show


class EvaluationError(Exception):
    """Input that cannot be evaluated; the message says why and what to do."""


@dataclass
class Table:
    """Frame scores under one condition: each frame's raw p_fake and number of its video."""

    p_fake: list[float]
    numbers: list[int]

    def outcome(self, about: About, checkpoint: Checkpoint) -> Outcome:
        numbers = np.array(self.numbers)
        raw = Scores(np.array(self.p_fake), about.labels[numbers], about.kinds[numbers])
        return Outcome(raw, numbers, checkpoint.temperature, checkpoint.threshold)


@dataclass
class Miss:
    """A video judged wrongly: how far its p_fake is from the truth, and its worst crop (RGB)."""

    distance: float
    number: int
    crop: np.ndarray


def find_labelled(source: Path) -> list[Video]:
    """Labelled videos of a folder in any known layout, or of a CSV of path,label and, where
    wanted, method, source (its data set) and pair. Raises EvaluationError."""
    if source.is_dir():
        videos = [video for _, _, discover in DATA_SETS for video in discover(source)]
        if not videos:
            raise EvaluationError(
                f"{source} holds no videos in a known layout: put them in real/ and fake/ folders, "
                "or list them in a CSV of path,label"
            )
        return videos
    try:
        with open(source, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns, rows = reader.fieldnames or (), list(reader)
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{source} is not a CSV in UTF-8: save it as one") from error
    except (OSError, csv.Error) as error:
        raise EvaluationError(f"{source} cannot be read ({error})") from error
    lacking = [name for name in ("path", "label") if name not in columns]
    if lacking:
        raise EvaluationError(f"{source} lacks the column {' and '.join(lacking)} in its first row")
    if not rows:
        raise EvaluationError(f"{source} lists no videos")
    videos, lines = [], {}
    for line, row in enumerate(rows, 2):
        video = _listed(source, line, row)
        before = lines.setdefault(video.path.resolve(), line)
        if before != line:
            raise EvaluationError(f"{source}, line {line}: {video.id} is in line {before} already")
        videos.append(video)
    return videos


def _listed(source: Path, line: int, row: dict) -> Video:
    row = {name: (value or "").strip() for name, value in row.items() if name}
    if not row["path"]:
        raise EvaluationError(f"{source}, line {line}: no path")
    label = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}.get(row["label"].lower())
    if label is None:
        raise EvaluationError(f"{source}, line {line}: label {row['label']!r} is not real or fake")
    dataset = row.get("source") or source.stem
    method = row.get("method") or LABEL_NAMES[label]
    people = f"{dataset}:{row.get('pair') or row['path']}"
    return Video(row["path"], source.parent / row["path"], dataset, method, label, (people,))


def crops_of_videos(
    videos: list[Video], detector, count: int, settings, left_out: list[dict]
) -> Iterator[tuple]:
    """(number, crops (n, S, S, 3) uint8 RGB, whole frames) of each video that can be judged; others
    are named, and go to left_out."""
    for number, video in enumerate(console.progress(videos, len(videos), "Evaluating")):
        try:
            results = find_faces(video.path, detector, count)
            cut_crops(results, settings)
            crops = [result.crop[..., ::-1] for result in results if result.crop is not None]
            if not crops:
                raise VideoError("no face found")
        except VideoError as error:
            console.bad(f"{console.shown(video.path)}: {error}")
            left_out.append({"id": video.id, "reason": str(error)})
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
    labels: np.ndarray,
) -> tuple[list[dict[str, Table]], list[Miss]]:
    """For each checkpoint the table of each condition, the videos being read once; and the worst
    misses of the first one."""
    names = ["clean", *conditions] + [SQUASHED] * with_squashed
    tables = [{name: Table([], []) for name in names} for _ in checkpoints]
    misses: list[Miss] = []
    for number, crops, frames in source:
        versions = {"clean": crops}
        for name, change in conditions.items():
            versions[name] = np.stack([change(np.ascontiguousarray(crop)) for crop in crops])
        for checkpoint, table in zip(checkpoints, tables, strict=True):
            found = {name: score(checkpoint, some, device) for name, some in versions.items()}
            if with_squashed:
                found[SQUASHED] = score_squashed(checkpoint, frames, device)
            if checkpoint is checkpoints[0]:
                misses = _with_miss(misses, number, crops, found["clean"], labels, checkpoint)
            for name, p_fake in found.items():
                table[name].p_fake += p_fake
                table[name].numbers += [number] * len(p_fake)
    return tables, misses


def _with_miss(misses, number, crops, raw, labels, checkpoint) -> list[Miss]:
    """The WORST of the misses so far and this video, worst first; only their crops are kept."""
    p_fake, label = with_temperature(np.array(raw), checkpoint.temperature), labels[number]
    mean = p_fake.mean()
    if (mean >= checkpoint.threshold) == (label == FAKE):
        return misses
    crop = crops[np.argmax(np.abs(p_fake - label))].copy()
    misses = [*misses, Miss(float(abs(mean - label)), number, crop)]
    return sorted(misses, key=lambda miss: -miss.distance)[:WORST]


def _verdicts(outcome: Outcome, checkpoint: Checkpoint) -> dict:
    """What script 3 would say: the share of each verdict among real and among fake videos."""
    frames, said = outcome.frames, {name: [] for name in LABEL_NAMES}
    for number in np.unique(outcome.numbers):
        members = outcome.numbers == number
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


def evaluate(checkpoint: Checkpoint, tables: dict[str, Table], about: About) -> dict:
    """The figures of one checkpoint, as report.json holds them."""
    outcomes = {name: table.outcome(about, checkpoint) for name, table in tables.items()}
    clean = outcomes["clean"]
    return {
        "trained_on": checkpoint.training.get("datasets", "unknown"),
        "threshold": checkpoint.threshold,
        "temperature": checkpoint.temperature,
        "undecided": undecided_range(checkpoint.threshold, checkpoint.undecided, VerdictConfig()),
        "groups": len(set(about.groups[clean.numbers])),
        "conditions": {
            name: figures(outcome, about.groups) | {"verdicts": _verdicts(outcome, checkpoint)}
            for name, outcome in outcomes.items()
        },
        "by_dataset": by_name(clean, about.datasets, about),
        "by_method": by_name(clean, about.kinds, about),
        "joining": ways_to_join(clean),
    }


def across_datasets(reports: list[dict]) -> list[dict]:
    """A row for each checkpoint: what it was trained on, and its video AUC on each data set."""
    return [
        {
            "model": report["model"]["file"],
            "trained_on": report["trained_on"],
            "auc": {name: found["video"]["auc"] for name, found in report["by_dataset"].items()},
        }
        for report in reports
    ]
