"""One video from file to verdict: the steps that scripts and tests share."""

import string
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faces.detect import Face, crop_square, square_around
from faces.orientation import detect_upright
from faces.quality import face_sharpness
from faces.tracks import link_faces, sides_of, without_bystanders
from judging.attention import inside_share
from judging.parts import face_parts
from media.frame import Frames
from media.video import read_frames
from scoring.temporal import Run, fake_runs
from scoring.verdict import (
    FAKE,
    INCONCLUSIVE,
    RULES,
    Marks,
    Verdict,
    frame_vote,
    judge,
    most_suspicious,
)
from utils.config import LABEL_NAMES, VISIBLE_SHARE
from utils.console import Failure


@dataclass
class View:
    """A face in one frame, and what the network made of it.

    crop: (S, S, 3) uint8 BGR as stored by extraction. visible: square (left, top, right, bottom)
    of the frame that the network sees. heat: (h, w) in [0, 1] over that square, the evidence
    for the track's heat_side.
    """

    face: Face
    crop: np.ndarray | None = None
    visible: tuple[int, int, int, int] | None = None
    p_fake: float | None = None
    heat: np.ndarray | None = None

    @property
    def visible_crop(self) -> np.ndarray:
        edge = round(len(self.crop) * (1 - VISIBLE_SHARE) / 2)
        return self.crop[edge : len(self.crop) - edge, edge : len(self.crop) - edge]


@dataclass
class Track:
    """A judged face: its views, None for the frames in which it is not found, and its verdict.

    name: a letter. heat_side: FAKE or REAL, for which the heat is evidence. attention: share of the
    heat inside the face box, and what chance would give, or None without heat.
    """

    name: str
    views: list[View | None]
    verdict: Verdict | None = None
    heat_side: str = FAKE
    attention: tuple[float, float] | None = None

    @property
    def seen(self) -> list[View]:
        return [view for view in self.views if view]

    @property
    def scores(self) -> list[float | None]:
        return [view.p_fake if view else None for view in self.views]

    @property
    def used(self) -> list[float]:
        """The scores of the frames in which it is seen."""
        return [view.p_fake for view in self.seen]

    @property
    def side_px(self) -> float:
        """The median longer side of the face box, in pixels of the video."""
        return float(np.median([view.face.side_px for view in self.seen]))

    def runs(self, seconds: list[float]) -> list[Run]:
        """FAKE frames in a row, where not all are."""
        runs = fake_runs(self.scores, seconds) if self.verdict.real_votes else []
        return [run for run in runs if run.frames > 1]


@dataclass
class Analysis:
    """A video with its judged faces, largest and most persistent first, and its verdict, which is
    that of lead, its most suspicious face; None where no face is found. marks: the checkpoint's.

    bystanders: median side in pixels and number of frames of each face that is not judged. parts:
    where in the face lead's evidence lies (judging/parts.py), None where that is unknown.
    """

    path: Path
    frames: Frames
    tracks: list[Track]
    bystanders: list[tuple[float, int]] = field(default_factory=list)
    verdict: Verdict | None = None
    lead: Track | None = None
    marks: Marks = Marks()
    parts: dict[str, dict[str, float]] | None = None

    @property
    def seconds(self) -> list[float]:
        return [frame.seconds for frame in self.frames]


def evidence_for(tracks: list[Track]) -> str:
    """What bright places in the heat of these faces speak for."""
    sides = {track.heat_side for track in tracks} or {FAKE}
    return sides.pop() if len(sides) == 1 else "the class that a face is called"


def find_faces(path: Path, detector, count: int) -> Analysis:
    """Read at most count evenly spaced frames and follow their faces. Raises VideoError."""
    return follow_faces(path, read_frames(path, count), detector)


def follow_faces(path: Path, frames: Frames, detector) -> Analysis:
    frames, faces = detect_upright(frames, detector)
    images = [frame.image for frame in frames]
    chosen, small = without_bystanders(link_faces(images, faces), images)
    chosen, others = chosen[: RULES.max_faces], chosen[RULES.max_faces :] + small
    tracks = [
        Track(name, [face and View(face) for face in faces])
        for name, faces in zip(string.ascii_uppercase, chosen, strict=False)
    ]
    bystanders = [(float(np.median(sides_of(t))), len(sides_of(t))) for t in others]
    return Analysis(path, frames, tracks, bystanders)


def cut_crops(analysis: Analysis, preprocessing) -> None:
    """Add crop and visible square to every view, as the checkpoint wants them."""
    margin, size_px = preprocessing.crop_margin, preprocessing.crop_size_px
    for track in analysis.tracks:
        for frame, view in zip(analysis.frames, track.views, strict=True):
            if view:
                view.crop = crop_square(frame.image, square_around(view.face, margin), size_px)
                view.visible = square_around(view.face, margin * VISIBLE_SHARE)


def score_and_judge(analysis: Analysis, checkpoint, device, caveat: str | None = None) -> None:
    """Send all crops through the network, and judge every face. A caveat forbids a verdict."""
    import torch  # here, for reading and detection need not wait for it

    from network.gradcam import heat_by_place, heat_for, predict_with_cam
    from pictures.transforms import eval_transform

    cut_crops(analysis, checkpoint.preprocessing)
    image, caveat = analysis.frames.is_image, caveat or analysis.frames.caveat
    marks = analysis.marks = checkpoint.marks
    for track in analysis.tracks:
        crops = np.stack([view.crop[..., ::-1].transpose(2, 0, 1) for view in track.seen])
        batch = eval_transform(checkpoint.preprocessing)(torch.from_numpy(crops))
        raw, evidence = predict_with_cam(checkpoint.model, batch.to(device))
        if not np.isfinite(raw).all():
            raise Failure("the model gives scores that are no numbers: use another with --model")
        margin = checkpoint.preprocessing.crop_margin
        sharpness = np.median([face_sharpness(view.crop, margin) for view in track.seen])
        p_fake = marks.likelihood.of_frames(raw, sharpness)
        for view, score in zip(track.seen, p_fake, strict=True):
            view.p_fake = float(score)
        verdict = judge(track.scores, marks, analysis.seconds, image, caveat)
        track.verdict = verdict
        if checkpoint.model.by_place:  # no place makes a face real
            track.heat_side, heats = FAKE, heat_by_place(evidence)
        else:  # of an INCONCLUSIVE face, the evidence for the side that its score leans to
            is_open = verdict.outcome == INCONCLUSIVE
            track.heat_side = frame_vote(verdict.p_fake) if is_open else verdict.outcome
            heats = heat_for(evidence, LABEL_NAMES.index(track.heat_side.lower()))
        for view, heat in zip(track.seen, heats, strict=True):
            view.heat = heat
        track.attention = inside_share(track.seen)
    if analysis.tracks:
        verdicts = [track.verdict for track in analysis.tracks]
        analysis.lead = analysis.tracks[most_suspicious(verdicts, image)]
        analysis.verdict = analysis.lead.verdict
        analysis.parts = face_parts(analysis.lead.seen)
    else:
        nothing = [None] * len(analysis.frames)
        analysis.verdict = judge(nothing, marks, None, image, caveat)
