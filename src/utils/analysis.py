"""One video from file to verdict: the steps that scripts and tests share."""

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from utils.config import FAKE as FAKE_LABEL
from utils.config import REAL as REAL_LABEL
from utils.config import VISIBLE_SHARE, VerdictConfig
from utils.faces import Face, crop_square, main_faces, square_around
from utils.files import sha256_of
from utils.verdict import INCONCLUSIVE, REAL, Verdict, frame_vote, judge, undecided_range
from utils.video import Frame, is_image, read_frames

REPORT_VERSION = 1


@dataclass
class FrameResult:
    """One sampled frame: its face if it has one, and what the network made of it.

    crop: (S, S, 3) uint8 BGR as stored by extraction. visible: square (left, top, right, bottom)
    of the frame that the network sees. heat: (h, w) in [0, 1] over that square, the evidence
    for heat_label.
    """

    frame: Frame
    face: Face | None
    crop: np.ndarray | None = None
    visible: tuple[int, int, int, int] | None = None
    p_fake: float | None = None
    heat: np.ndarray | None = None


@dataclass
class Analysis:
    """A judged video."""

    path: Path
    frames: list[FrameResult]
    verdict: Verdict
    heat_label: int
    threshold: float
    undecided: tuple[float, float] = (0.4, 0.6)


def find_faces(path: Path, detector, count: int) -> list[FrameResult]:
    """Read at most count evenly spaced frames and find the main face. Raises VideoError."""
    frames = read_frames(path, count)
    faces = main_faces([detector.detect(frame.image) for frame in frames])
    return [FrameResult(frame, face) for frame, face in zip(frames, faces, strict=True)]


def cut_crops(results: list[FrameResult], preprocessing) -> None:
    """Add crop and visible square to every result with a face, as the checkpoint wants them."""
    for result in results:
        if result.face:
            square = square_around(result.face, preprocessing.crop_margin)
            result.crop = crop_square(result.frame.image, square, preprocessing.crop_size_px)
            result.visible = square_around(result.face, preprocessing.crop_margin * VISIBLE_SHARE)


def score_and_judge(
    path: Path, results: list[FrameResult], checkpoint, device, caveat: str | None = None
) -> Analysis:
    """Send all crops through the network in one batch, and judge. A caveat forbids a verdict."""
    import torch  # here, for reading and detection need not wait for it

    from utils.frames import eval_transform
    from utils.gradcam import heat_for, predict_with_cam

    cut_crops(results, checkpoint.preprocessing)
    usable = [result for result in results if result.crop is not None]
    evidence = np.zeros((0, 1, 1))
    if usable:
        crops = np.stack([result.crop[..., ::-1].transpose(2, 0, 1) for result in usable])
        batch = eval_transform(checkpoint.preprocessing)(torch.from_numpy(crops))
        p_fake, evidence = predict_with_cam(
            checkpoint.model, batch.to(device), checkpoint.temperature
        )
        for result, score in zip(usable, p_fake, strict=True):
            result.p_fake = float(score)
    verdict = judge(
        [result.p_fake for result in results],
        checkpoint.threshold,
        VerdictConfig(),
        checkpoint.undecided,
        is_image(path),
        caveat,
    )
    # Of an INCONCLUSIVE video, the evidence for the side that its mean leans to.
    leans = verdict.outcome
    if leans == INCONCLUSIVE and verdict.p_fake is not None:
        leans = frame_vote(verdict.p_fake, checkpoint.threshold)
    heat_label = REAL_LABEL if leans == REAL else FAKE_LABEL
    for result, heat in zip(usable, heat_for(evidence, heat_label) if usable else [], strict=True):
        result.heat = heat
    undecided = undecided_range(checkpoint.threshold, checkpoint.undecided, VerdictConfig())
    return Analysis(path, results, verdict, heat_label, checkpoint.threshold, undecided)


def report_content(analysis: Analysis, model_facts: dict) -> dict:
    """What report.json holds: plain values only."""
    path = analysis.path
    return {
        "version": REPORT_VERSION,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "file": {
            "name": path.name,
            "path": str(path.resolve()),
            "size_bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        },
        "model": model_facts,
        "threshold": analysis.threshold,
        "undecided": list(analysis.undecided),
        "rules": asdict(VerdictConfig()),
        "frames": [_frame_content(result, analysis.threshold) for result in analysis.frames],
        "votes": {"fake": analysis.verdict.fake_votes, "real": analysis.verdict.real_votes},
        "verdict": {k: v for k, v in asdict(analysis.verdict).items() if "votes" not in k},
    }


def _frame_content(result: FrameResult, threshold: float) -> dict:
    face, score = result.face, result.p_fake
    return {
        "index": result.frame.index,
        "seconds": round(result.frame.seconds, 3),
        "box_xyxy": face and [round(value, 1) for value in face.box_xyxy],
        "detection_score": face and round(face.score, 3),
        "p_fake": score,
        "vote": None if score is None else frame_vote(score, threshold),
    }
