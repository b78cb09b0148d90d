"""Scores of labelled videos by one or more checkpoints, and what they amount to."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch

from evaluation.labelled import Footage
from faces.quality import face_sharpness
from network.checkpoint import Checkpoint
from network.gradcam import AT_ONCE
from pictures.transforms import eval_transform, normalise
from scoring.calibration import Outcome, with_temperature
from scoring.intervals import About, by_name, figures, ways_to_join
from scoring.metrics import Scores
from scoring.verdict import FAKE as FAKE_VERDICT
from scoring.verdict import REAL as REAL_VERDICT
from scoring.verdict import join, judge, most_suspicious
from utils.config import FAKE, LABEL_NAMES, VerdictConfig

SQUASHED = "whole frame squashed"
WORST = 16  # misses to show


@dataclass
class Table:
    """Frames of the faces that decide, under one condition: raw p_fake, and number of the video;
    and the verdict on each video."""

    p_fake: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    verdicts: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, p_fake: list[float], verdict: str) -> None:
        self.p_fake += p_fake
        self.numbers += [number] * len(p_fake)
        self.verdicts[number] = verdict

    def outcome(self, about: About, checkpoint: Checkpoint) -> Outcome:
        numbers = np.array(self.numbers)
        facts = about.labels[numbers], about.kinds[numbers]
        raw = Scores(np.array(self.p_fake), *facts, pairs=about.pairs[numbers])
        return Outcome(raw, numbers, checkpoint.temperature, checkpoint.marks())


@dataclass
class Miss:
    """A video judged wrongly: how far its p_fake is from the truth, and its worst crop (RGB)."""

    distance: float
    number: int
    crop: np.ndarray


@torch.inference_mode()
def score(checkpoint: Checkpoint, crops: np.ndarray, device) -> list[float]:
    """Raw p_fake of crops (n, S, S, 3) uint8 RGB, before temperature scaling."""
    batch = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    return _p_fake(checkpoint, eval_transform(checkpoint.preprocessing)(batch), device)


@torch.inference_mode()
def score_squashed(checkpoint: Checkpoint, frames: list[np.ndarray], device) -> list[float]:
    """The reference's way: each whole frame scaled to the network's square, whatever its shape."""
    size = checkpoint.preprocessing.image_size_px
    small = [cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames]
    images = normalise(torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2))
    return _p_fake(checkpoint, images, device)


def _p_fake(checkpoint: Checkpoint, images: torch.Tensor, device) -> list[float]:
    parts = images.to(device).contiguous(memory_format=torch.channels_last).split(AT_ONCE)
    return torch.cat([checkpoint.model(part).softmax(1)[:, FAKE] for part in parts]).tolist()


def score_all(
    source: Iterator[Footage],
    checkpoints: list[Checkpoint],
    conditions: dict[str, Callable],
    device,
) -> tuple[list[dict[str, Table]], list[Miss]]:
    """For each checkpoint the table of each condition, the videos being read once; and the worst
    misses of the first one. Where footage has whole frames, these are squashed as a last condition.
    """
    tables = [defaultdict(Table) for _ in checkpoints]
    margin = checkpoints[0].preprocessing.crop_margin
    misses: list[Miss] = []
    for footage in source:
        versions = _versions(footage.crops, conditions, margin)
        for checkpoint, table in zip(checkpoints, tables, strict=True):
            for name, (crops, sharpness) in versions.items():
                p_fake = score(checkpoint, crops, device)
                lead, verdict = judge_faces(checkpoint, footage, p_fake, sharpness)
                table[name].add(footage.number, p_fake[lead], verdict)
                if name == "clean" and checkpoint is checkpoints[0]:
                    misses += _misses(checkpoint, footage, lead, p_fake)
            if footage.frames:
                p_fake = score_squashed(checkpoint, footage.frames, device)
                whole = replace(footage, faces=[slice(0, len(p_fake))])
                _, verdict = judge_faces(checkpoint, whole, p_fake, None)
                table[SQUASHED].add(footage.number, p_fake, verdict)
        misses = sorted(misses, key=lambda miss: -miss.distance)[:WORST]
    return tables, misses


def _versions(crops: np.ndarray, conditions: dict[str, Callable], margin: float) -> dict:
    """Crops (n, S, S, 3) as they are and under each condition, and the sharpness of each."""
    versions = {"clean": crops}
    for name, change in conditions.items():
        versions[name] = np.stack([change(np.ascontiguousarray(crop)) for crop in crops])
    return {
        name: (some, [face_sharpness(crop[..., ::-1], margin) for crop in some])
        for name, some in versions.items()
    }


def judge_faces(
    checkpoint: Checkpoint, footage: Footage, raw: list[float], sharpness: list[float] | None
) -> tuple[slice, str]:
    """What script 3 would say: the face that decides, and its verdict."""
    scores = with_temperature(np.array(raw), checkpoint.temperature).tolist()
    rules, verdicts = VerdictConfig(), []
    for face in footage.faces:
        known = None if sharpness is None else float(np.median(sharpness[face]))
        seconds = None if sharpness is None else footage.seconds[face]
        marks = checkpoint.marks(known)
        verdicts.append(judge(scores[face], marks, rules, seconds, footage.is_image))
    lead = most_suspicious(verdicts, rules, footage.is_image)
    return footage.faces[lead], verdicts[lead].outcome


def _misses(checkpoint: Checkpoint, footage: Footage, lead: slice, raw: list[float]) -> list[Miss]:
    """The miss that a video is, if it is one; of its crops only the worst is kept."""
    crops, label = footage.crops[lead], footage.label
    p_fake = with_temperature(np.array(raw[lead]), checkpoint.temperature)
    joined = join(p_fake, np.zeros(len(p_fake)), checkpoint.marks().voting)[0]
    if (joined >= checkpoint.threshold) == (label == FAKE):
        return []
    crop = crops[np.argmax(np.abs(p_fake - label))].copy()
    return [Miss(float(abs(joined - label)), footage.number, crop)]


def _shares(table: Table, labels: np.ndarray) -> dict:
    """The share of each verdict among real and among fake videos."""
    said: dict[str, list[str]] = {name: [] for name in LABEL_NAMES}
    for number, verdict in table.verdicts.items():
        said[LABEL_NAMES[labels[number]]].append(verdict)
    return {
        name: {kind: outcomes.count(kind) / len(outcomes) for kind in (FAKE_VERDICT, REAL_VERDICT)}
        for name, outcomes in said.items()
        if outcomes
    }


def evaluate(
    checkpoint: Checkpoint, tables: dict[str, Table], about: About
) -> tuple[dict, Outcome]:
    """The figures of one checkpoint, as report.json holds them, and its clean outcome."""
    outcomes = {name: table.outcome(about, checkpoint) for name, table in tables.items()}
    clean = outcomes["clean"]
    return {
        "trained_on": checkpoint.training.get("datasets", "unknown"),
        "threshold": checkpoint.threshold,
        "temperature": checkpoint.temperature,
        "undecided": checkpoint.marks().undecided(VerdictConfig()),
        "voting": checkpoint.marks().voting,
        "groups": len(set(about.groups[clean.numbers])),
        "conditions": {
            name: figures(outcome, about.groups) | {"verdicts": _shares(tables[name], about.labels)}
            for name, outcome in outcomes.items()
        },
        "by_dataset": by_name(clean, about.datasets, about),
        "by_method": by_name(clean, about.kinds, about),
        "joining": ways_to_join(clean),
    }, clean


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
