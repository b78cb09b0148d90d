"""The pictures in the frame grid: heat, boxes and crop, laid over each other."""

import cv2
import numpy as np

from judging.analysis import Analysis, Track

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def frame_tiles(
    analysis: Analysis, number: int, track: Track | None, size: tuple[int, int], side: int
) -> list[np.ndarray]:
    """A frame with the boxes of all judged faces, of several with their letters, and the track's
    heat; its visible crop; and the crop under its heat.

    RGB pictures (H, W, 3) uint8: the first of size (width, height), the others of side x side.
    Where the track is not seen the crops are blank.
    """
    image, view = analysis.frames[number].image, track and track.views[number]
    scale = size[0] / image.shape[1]
    picture = _resized(image, size)[..., ::-1].copy()
    crop = overlay = np.full((side, side, 3), 235, np.uint8)
    if view:
        lay_heat(picture, np.multiply(view.visible, scale), view.heat)
        crop = _resized(view.visible_crop, (side, side))[..., ::-1]
        overlay = heated(crop, _resized(view.heat.astype(np.float32), (side, side)))
    for one in analysis.tracks:
        if not one.views[number]:
            continue
        box = [round(v * scale) for v in one.views[number].face.box_xyxy]
        cv2.rectangle(picture, box[:2], box[2:], WHITE, 3 if one is track else 1)
        cv2.rectangle(picture, box[:2], box[2:], BLACK, 1)
        if len(analysis.tracks) > 1:
            place = (max(box[0], 0) + 3, max(box[1], 0) + 15)
            for colour, width in ((BLACK, 4), (WHITE, 1)):
                font = cv2.FONT_HERSHEY_SIMPLEX
                cv2.putText(picture, one.name, place, font, 0.5, colour, width, cv2.LINE_AA)
    return [picture, crop, overlay]


def lay_heat(picture: np.ndarray, square, heat: np.ndarray) -> None:
    """Lay heat over what square (left, top, right, bottom) covers of an RGB picture, in place."""
    left, top, right, _ = (round(v) for v in square)
    side = max(right - left, 1)
    heat = _resized(heat.astype(np.float32), (side, side))
    # The part of the square that lies inside the picture.
    ys = slice(max(top, 0), min(top + side, picture.shape[0]))
    xs = slice(max(left, 0), min(left + side, picture.shape[1]))
    inside = heat[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left]
    if inside.size:
        picture[ys, xs] = heated(picture[ys, xs], inside)


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat (h, w) in [0, 1] over an RGB picture: the hotter, the less of it shines through."""
    heat = np.clip(heat, 0, 1)
    levels = (heat * 255).round().astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    colours = cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    opacity = (0.65 * np.sqrt(heat)).astype(np.float32)
    return cv2.blendLinear(np.ascontiguousarray(picture), colours, 1 - opacity, opacity)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    down = size[0] < picture.shape[1]
    method = cv2.INTER_AREA if down else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)
