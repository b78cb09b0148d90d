"""Which way up a video's faces are: a picture on its side looks forged to a network.

YuNet finds lying faces too, with landmarks as if they stood, so these tell nothing; its scores do:
a face scores highest when it stands.
"""

from collections.abc import Container
from dataclasses import replace

import cv2
import numpy as np

from faces.detect import Face, crop_square, square_around
from media.frame import Frames

SURE = 0.92  # a median score from which faces stand
BETTER = 0.02  # by which another direction's mean has to be higher
TRIED_FRAMES = 3
STEP = 45  # degrees
PATCH_SIDES, PATCH_PX = 2.5, 256  # of the face, and of what is turned to try
ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}
SIDE = "the picture lies on its side: it is turned by 90 degrees"
NOTES = {
    90: f"{SIDE}, against the clock",
    180: "the picture is upside down: it is turned by 180 degrees",
    270: f"{SIDE}, with the clock",
}


def detect_upright(frames: Frames, detector) -> tuple[Frames, list[list[Face]]]:
    """A video's frames, where their faces lie turned by a multiple of 90 degrees, as a note says,
    and with a caveat where a tilt is left; and the faces in each.

    Frames with upright faces cost nothing more.
    """
    found = [detector.detect(frame.image) for frame in frames]
    turn = find_turn([frame.image for frame in frames], found, detector)
    if quarters := turn - turn % 90:
        turned = [
            replace(frame, image=cv2.rotate(frame.image, ROTATIONS[quarters])) for frame in frames
        ]
        notes = [*frames.notes, NOTES[quarters]]
        frames = Frames(turned, notes, frames.is_image, frames.facts, frames.caveat)
        found = [detector.detect(frame.image) for frame in frames]
    if turn % 90 and not frames.caveat:
        frames.caveat = "faces are tilted by about 45 degrees, more than the model has seen"
    return frames, found


def rotation_told(notes: Container[str]) -> int | None:
    """OpenCV's code of the rotation that detect_upright noted, or None."""
    return next((ROTATIONS[turn] for turn, note in NOTES.items() if note in notes), None)


def find_turn(images: list[np.ndarray], found: list[list[Face]], detector) -> int:
    """By how many degrees, counterclockwise, a multiple of 45, faces have to be turned to stand."""
    surest = [max(faces, key=lambda face: face.score, default=None) for faces in found]
    scores = np.array([face.score if face else 0.0 for face in surest])
    if detector.name != "yunet" or (scores.any() and np.median(scores[scores > 0]) >= SURE):
        return 0
    # The frames in which a face is surest, so that one who passes by does not decide.
    tried = np.argsort(-scores, kind="stable")[:TRIED_FRAMES]
    means = {}
    for turn in range(0, 360, STEP if scores.any() else 90):
        faces = [detector.detect(_turned(images[n], surest[n], turn)) for n in tried]
        means[turn] = np.mean([max((f.score for f in some), default=0.0) for some in faces])
    turn = max(means, key=means.get)
    return turn if means[turn] >= means[0] + BETTER else 0


def _turned(image: np.ndarray, face: Face | None, degrees: int) -> np.ndarray:
    """What surrounds a face, turned; without one the image, by a multiple of 90."""
    if face is None:
        return cv2.rotate(image, ROTATIONS[degrees]) if degrees else image
    patch = crop_square(image, square_around(face, PATCH_SIDES), PATCH_PX)
    middle = (PATCH_PX - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, 1)
    return cv2.warpAffine(patch, matrix, patch.shape[:2], borderMode=cv2.BORDER_REFLECT_101)
