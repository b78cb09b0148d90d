"""Over which parts of a face its evidence is spread."""

import cv2
import numpy as np

from pictures.masks import polygon

PARTS = ("eyes", "nose", "mouth", "jaw", "rim")
# Outlines of pictures/masks.py by which they are painted, later ones over earlier ones.
OUTLINE_OF = {"jaw": "lower", "eyes": "eyes", "nose": "nose", "mouth": "mouth"}
SIDE_PX = 112  # on which shares are counted
EVEN = np.ones((1, 1), np.float32)


def part_shares(heat: np.ndarray, landmarks_xy: np.ndarray) -> dict[str, float] | None:
    """The share of the heat that lies on each of PARTS, together 1; None without any heat.

    heat: (h, w), not negative, over the square that the network sees. landmarks_xy: (5, 2), in
    sides of that square, 0 to 1. By the mean face that is laid on the landmarks: eyes with brows,
    nose, mouth with lips; jaw is what else of the face lies below the eyes, cheeks and chin; rim is
    all the rest: forehead, hair, ears, neck, and what surrounds the face.
    """
    parts = np.full((SIDE_PX, SIDE_PX), PARTS.index("rim"))
    landmarks_px = np.asarray(landmarks_xy) * SIDE_PX
    for part, outline in OUTLINE_OF.items():
        region = polygon(SIDE_PX, landmarks_px, outline, np.random.default_rng(0), jitter=0)
        parts[region > 0] = PARTS.index(part)
    heat = cv2.resize(heat.astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    sums = np.bincount(parts.ravel(), np.maximum(heat, 0).ravel(), len(PARTS))
    return dict(zip(PARTS, (sums / sums.sum()).tolist(), strict=True)) if sums.sum() else None


def face_parts(views: list) -> dict[str, dict[str, float]] | None:
    """Of each part its share of the heat, the mean over the views, and by_chance, that of evenly
    spread heat; None where no view has both heat and landmarks."""
    found = []
    for view in views:
        if view.face.landmarks_xy and view.heat is not None:
            left, top, right, _ = view.visible
            points = (np.array(view.face.landmarks_xy) - (left, top)) / (right - left)
            if shares := part_shares(view.heat, points):
                found.append((shares, part_shares(EVEN, points)))
    if not found:
        return None
    return {
        part: {
            "share": sum(shares[part] for shares, _ in found) / len(found),
            "by_chance": sum(even[part] for _, even in found) / len(found),
        }
        for part in PARTS
    }
