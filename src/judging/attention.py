"""Where the evidence of a face lies: inside its box or not, and on average over its frames."""

import cv2
import numpy as np

from pictures.blending import FIVE_POINTS

MAP_PX = 224
GRID = 56  # places a side on which shares are counted
# Where the mean face of blending.FIVE_POINTS lies in the map: middle between the eyes, and the
# distance of the eyes, in shares of its side.
EYES_XY, EYE_DISTANCE = (0.5, 0.42), 0.3


def inside_share(views: list) -> tuple[float, float] | None:
    """Share of the views' heat that lies inside the face boxes, and the share of the seen squares
    that these boxes cover, which evenly spread heat would have; None without any heat."""
    heat_inside = heat_total = area = 0.0
    for view in views:
        left, top, right, _ = view.visible
        scale = GRID / (right - left)
        x0, y0, x1, y1 = np.subtract(view.face.box_xyxy, (left, top, left, top)) * scale
        places = np.arange(GRID) + 0.5
        rows = (places >= y0) & (places <= y1)
        inside = rows[:, None] & ((places >= x0) & (places <= x1))
        heat = cv2.resize(view.heat.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_CUBIC)
        heat = np.maximum(heat, 0)
        heat_inside += float(heat[inside].sum())
        heat_total += float(heat.sum())
        area += float(inside.mean())
    return (heat_inside / heat_total, area / len(views)) if heat_total else None


def face_map(views: list) -> tuple[np.ndarray, np.ndarray]:
    """The views' mean picture (MAP_PX, MAP_PX, 3) uint8 RGB and mean heat (MAP_PX, MAP_PX) in
    [0, 1], each view turned, scaled and moved so that eyes, nose and mouth fall on the same places.

    Views without landmarks are taken as they are cut.
    """
    pictures, heats = [], []
    goal = FIVE_POINTS * EYE_DISTANCE * MAP_PX + np.array(EYES_XY) * MAP_PX
    for view in views:
        picture = cv2.resize(view.visible_crop, (MAP_PX, MAP_PX))[..., ::-1].astype(np.float32)
        heat = cv2.resize(view.heat.astype(np.float32), (MAP_PX, MAP_PX))
        left, top, right, _ = view.visible
        matrix = None
        if view.face.landmarks_xy:
            points = (np.array(view.face.landmarks_xy) - (left, top)) * MAP_PX / (right - left)
            matrix, _ = cv2.estimateAffinePartial2D(points, goal, method=cv2.LMEDS)
        if matrix is not None:
            size, border = (MAP_PX, MAP_PX), cv2.BORDER_REPLICATE
            picture = cv2.warpAffine(picture, matrix, size, borderMode=border)
            heat = cv2.warpAffine(heat, matrix, size, borderMode=border)
        pictures.append(picture)
        heats.append(heat)
    heat = np.mean(heats, axis=0)
    return np.mean(pictures, axis=0).round().astype(np.uint8), heat / (heat.max() or 1)
