"""Scores of labelled videos by one or more checkpoints, and what they amount to."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch

from evaluation.attacks import ATTACKS
from evaluation.labelled import Footage
from evaluation.slices import skin_slices, slices_of
from faces.quality import face_sharpness
from network.checkpoint import Checkpoint
from network.gradcam import AT_ONCE
from pictures.harms import all_changes
from pictures.transforms import eval_transform, normalise
from scoring.calibration import Outcome
from scoring.intervals import About, by_name, figures
from scoring.metrics import Scores
from scoring.verdict import FAKE as FAKE_VERDICT
from scoring.verdict import REAL as REAL_VERDICT
from scoring.verdict import Verdict, judge, most_suspicious
from utils.config import FAKE, LABEL_NAMES, REAL

SQUASHED = "whole frame squashed"
WORST = 16  # misses to show


class Judged(NamedTuple):
    """A face: where its frames are among its footage's, their raw p_fake, the median of their
    sharpness, NaN where it does not count, and its verdict."""

    place: slice
    raw: list[float]
    sharpness: float
    verdict: Verdict


Table = dict[int, Judged]  # the face that decides, by the number of its video


class Miss(NamedTuple):
    """A video judged wrongly: how far its p_fake is from the truth, and its worst crop (RGB)."""

    distance: float
    number: int
    crop: np.ndarray


@torch.inference_mode()
def score(checkpoint: Checkpoint, crops: np.ndarray, device) -> list[float]:
    """Raw p_fake of crops (n, S, S, 3) uint8 RGB, as the network gives it."""
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
    source: Iterator[Footage], checkpoints: list[Checkpoint], robustness: bool, device
) -> tuple[list[dict[str, Table]], list[Miss]]:
    """For each checkpoint the table of each condition, the videos being read once; and the worst
    misses of the first one. With robustness crops are also changed, and attacked with the
    checkpoint's own gradients. Where footage has whole frames, these are squashed as a last
    condition."""
    tables = [defaultdict(dict) for _ in checkpoints]
    margin = checkpoints[0].preprocessing.crop_margin
    misses: list[Miss] = []
    for footage in source:
        versions = {"clean": footage.crops}
        for name, change in all_changes().items() if robustness else ():
            changed = [change(np.ascontiguousarray(crop)) for crop in footage.crops]
            versions[name] = np.stack(changed)
        for checkpoint, table in zip(checkpoints, tables, strict=True):
            attacked = {
                name: attack(checkpoint, footage.crops, footage.label, device)
                for name, attack in (all_changes(ATTACKS) if robustness else {}).items()
            }
            for name, crops in (versions | attacked).items():
                sharpness = [face_sharpness(crop[..., ::-1], margin) for crop in crops]
                raw = score(checkpoint, crops, device)
                lead = judge_faces(checkpoint, footage, raw, sharpness)
                table[name][footage.number] = lead
                if name == "clean" and checkpoint is checkpoints[0]:
                    misses += _misses(footage, lead)
            if footage.frames:
                raw = score_squashed(checkpoint, footage.frames, device)
                whole = replace(footage, faces=[slice(0, len(raw))])
                table[SQUASHED][footage.number] = judge_faces(checkpoint, whole, raw, None)
        misses = sorted(misses, key=lambda miss: -miss.distance)[:WORST]
    return tables, misses


def judge_faces(
    checkpoint: Checkpoint, footage: Footage, raw: list[float], sharpness: list[float] | None
) -> Judged:
    """What script 3 would say: the face that decides, and its verdict."""
    faces, marks = [], checkpoint.marks
    caveat = checkpoint.caveat or footage.caveat
    for place in footage.faces:
        known = np.nan if sharpness is None else float(np.median(sharpness[place]))
        seconds = None if sharpness is None else footage.seconds[place]
        p_fake = marks.likelihood.of_frames(raw[place], known).tolist()
        verdict = judge(p_fake, marks, seconds, footage.is_image, caveat)
        faces.append(Judged(place, raw[place], known, verdict))
    return faces[most_suspicious([face.verdict for face in faces], footage.is_image)]


def _misses(footage: Footage, lead: Judged) -> list[Miss]:
    """The miss that a video is, if it is one; of its crops only the worst is kept."""
    crops, label, joined = footage.crops[lead.place], footage.label, lead.verdict.p_fake
    if (joined >= 0.5) == (label == FAKE):
        return []
    crop = crops[np.argmax(np.abs(np.array(lead.raw) - label))].copy()
    return [Miss(float(abs(joined - label)), footage.number, crop)]


def outcome_of(table: Table, about: About, checkpoint: Checkpoint) -> Outcome:
    """Of the frames of the faces that decide."""
    counts = [len(face.raw) for face in table.values()]
    numbers = np.repeat(list(table), counts)
    p_fake = np.concatenate([face.raw for face in table.values()])
    raw = Scores(p_fake, about.labels[numbers], about.kinds[numbers], pairs=about.pairs[numbers])
    sharpness = np.repeat([face.sharpness for face in table.values()], counts)
    return Outcome(raw, numbers, checkpoint.marks, sharpness)


def _decided(table: Table, about: About, slices: dict[str, np.ndarray]) -> dict[str, dict]:
    """For 'all', the slices, each source and each method, how many of its videos are real and fake,
    how many of each are called FAKE and REAL, the share decided, and of these the share that is
    wrong."""
    numbers = np.array(list(table))
    said = np.array([face.verdict.outcome for face in table.values()])
    labels = about.labels[numbers]
    taken = {name: members[numbers] for name, members in slices.items()}
    taken = {name: members for name, members in taken.items() if members.any()}
    parts = {"all": np.full(len(numbers), True)} | taken
    for names in (about.datasets[numbers], about.kinds[numbers]):
        parts |= {name: names == name for name in sorted(set(names))}
    result = {}
    for name, members in parts.items():
        counts = {}
        for label in (REAL, FAKE):
            own = said[members & (labels == label)].tolist()
            called = {outcome: own.count(outcome) for outcome in (FAKE_VERDICT, REAL_VERDICT)}
            counts[LABEL_NAMES[label]] = {"n": len(own)} | called
        decided = sum(c[FAKE_VERDICT] + c[REAL_VERDICT] for c in counts.values())
        wrong = counts["real"][FAKE_VERDICT] + counts["fake"][REAL_VERDICT]
        share = decided / int(members.sum())
        shares = {"decided": share, "wrong": wrong / decided if decided else None}
        result[str(name)] = counts | shares
    return result


def evaluate(
    checkpoint: Checkpoint, tables: dict[str, Table], about: About, records: list[dict]
) -> tuple[dict, Outcome]:
    """The figures of one checkpoint, as report.json holds them, and its clean outcome."""
    outcomes = {name: outcome_of(table, about, checkpoint) for name, table in tables.items()}
    clean, slices = outcomes["clean"], slices_of(records, about)
    decided = slices | skin_slices(records, about)
    return {
        "trained_on": checkpoint.training.get("datasets", "unknown"),
        "marks": asdict(checkpoint.marks),
        "groups": len(set(about.groups[clean.numbers])),
        "conditions": {
            name: figures(outcome, about.groups)
            | {"verdicts": _decided(tables[name], about, decided)}
            for name, outcome in outcomes.items()
        },
        "by_slice": {
            name: figures(clean, about.groups, members) for name, members in slices.items()
        },
        "by_dataset": by_name(clean, about.datasets, about),
        "by_method": by_name(clean, about.kinds, about),
        "by_training": _by_training(clean, about, checkpoint.training.get("tools")),
    }, clean


def _by_training(outcome: Outcome, about: About, tools: list[str] | None) -> dict[str, dict]:
    """Figures of the fakes whose tools training has shown, and of the others; empty where the
    checkpoint does not say."""
    if tools is None:
        return {}
    names = np.where(np.isin(about.kinds, tools), "tools trained on", "tools new to it")
    found = by_name(outcome, np.where(about.labels == FAKE, names, ""), about)
    return {name: figures for name, figures in found.items() if name}


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
