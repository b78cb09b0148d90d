"""How usable a crop is: measured, and flagged so that training and testing may leave it out."""

import cv2
import numpy as np

MIN_SIDE_PX = 48  # of the face in the frame
# Of 342 crops of FaceForensics++ (c23 and c40) the blurriest measures 17; after a Gaussian blur of
# 2 px on the 256 px crop the median is 14.
MIN_SHARPNESS = 15.0
MAX_TURN = 0.3


def sharpness(crop: np.ndarray, box_xyxy: list[float]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) over the face.

    crop (H, W, 3) uint8 BGR; the box is in its pixels. The face is scaled to 128 x 128 first, so
    that faces of all sizes compare.
    """
    left, top, right, bottom = (max(0, int(value)) for value in box_xyxy)
    grey = cv2.cvtColor(crop[top : bottom + 1, left : right + 1], cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def face_sharpness(crop: np.ndarray, margin: float) -> float:
    """Sharpness over the middle of a crop whose side is margin x the longer side of its face."""
    edge = len(crop) * (1 - 1 / margin) / 2
    return sharpness(crop, [edge, edge, len(crop) - edge, len(crop) - edge])


def turn(landmarks_xy: list[list[float]]) -> float:
    """How far the nose tip lies beside the middle of the eyes, in eye distances.

    0 in a frontal view, about 0.5 in a half profile; positive where the nose nears the left eye.
    """
    right_eye, left_eye, nose = np.array(landmarks_xy[:3])
    axis = left_eye - right_eye
    return float((nose - right_eye) @ axis / max(axis @ axis, 1e-6) - 0.5)


def skin_lab(crop: np.ndarray, landmarks_xy: list[list[float]]) -> list[float]:
    """Mean L, a and b in [0, 255] between eyes and mouth: the tone of the skin in this light.

    crop (H, W, 3) uint8 BGR, landmarks in its pixels.
    """
    right_eye, left_eye, _, right_mouth, left_mouth = np.array(landmarks_xy)
    corners = np.round([right_eye, left_eye, left_mouth, right_mouth]).astype(np.int32)
    mask = cv2.fillConvexPoly(np.zeros(crop.shape[:2], np.uint8), corners, 1)
    return [round(v, 1) for v in cv2.mean(cv2.cvtColor(crop, cv2.COLOR_BGR2LAB), mask)[:3]]


def describe(
    crop: np.ndarray, side_px: float, box_xyxy: list[float], landmarks_xy: list | None
) -> dict:
    """Sharpness, turn and skin of a face, and flags: 'tiny', 'blurred', 'extreme pose'."""
    sharp = sharpness(crop, box_xyxy)
    turned = None if landmarks_xy is None else turn(landmarks_xy)
    tests = {
        "tiny": side_px < MIN_SIDE_PX,
        "blurred": sharp < MIN_SHARPNESS,
        "extreme pose": turned is not None and abs(turned) > MAX_TURN,
    }
    return {
        "sharpness": round(sharp, 1),
        "turn": None if turned is None else round(turned, 3),
        "skin_lab": None if landmarks_xy is None else skin_lab(crop, landmarks_xy),
        "flags": [name for name, failed in tests.items() if failed],
    }
