"""Following faces over the sampled frames of a video, across movement and cuts."""

import cv2
import numpy as np

from faces.detect import Face, crop_square, square_around

# Bhattacharyya coefficient of two faces' looks from which they may be one person's. Over 13 clips
# of FaceForensics++ 95 % of the pairs from one clip reach 0.85, and 95 % of those from two 0.66.
SAME_LOOK = 0.7
LOOK_MARGIN = 1.54  # hair and what stands behind the head tell shots apart better than skin


def look_of(image: np.ndarray, face: Face) -> np.ndarray:
    """The colours around a face in an (H, W, 3) uint8 BGR image: root of a Lab histogram (512,)."""
    crop = crop_square(image, square_around(face, LOOK_MARGIN), 64)
    lab = cv2.cvtColor(crop, cv2.COLOR_BGR2LAB)
    lab[..., 1:] = lab[..., 1:].clip(90, 169)  # nearly all colours of skin, hair and rooms
    counts = cv2.calcHist([lab], [0, 1, 2], None, [8, 8, 8], [0, 256, 90, 170, 90, 170]).ravel()
    return np.sqrt(counts / max(counts.sum(), 1))


def link_faces(images: list[np.ndarray], found: list[list[Face]]) -> list[list[Face | None]]:
    """Link the faces found in sampled frames into tracks, each one face or None a frame.

    Frames lie seconds apart, so a face continues a track when its last face was of similar size
    (half to twice, as a share of the frame) and looks alike; nearest pairs are linked first. So a
    person who moves far, or comes back after a cut, is followed, and another at the same place is
    not. Tracks are ordered by the sum of their face sides: large and persistent first.
    """
    tracks: list[list[Face | None]] = []
    last: list[tuple[Face, float, np.ndarray]] = []  # of each track, the float being its scale
    scales = frame_scales(images)
    for number, (image, faces) in enumerate(zip(images, found, strict=True)):
        looks = [look_of(image, face) for face in faces]
        pairs = []
        for t, (before, before_scale, look) in enumerate(last):
            scale = scales[number] / before_scale
            for f, face in enumerate(faces):
                moved = np.multiply(face.centre_xy, scale) - before.centre_xy
                is_alike = looks[f] @ look >= SAME_LOOK
                if is_alike and 0.5 <= face.side_px * scale / before.side_px <= 2:
                    pairs.append((np.hypot(*moved) / before.side_px, t, f))
        linked: dict[int, int] = {}
        for _, t, f in sorted(pairs):
            if t not in linked and f not in linked.values():
                linked[t] = f
        for t, track in enumerate(tracks):
            track.append(faces[linked[t]] if t in linked else None)
        for f in sorted(set(range(len(faces))) - set(linked.values())):
            linked[len(tracks)] = f
            tracks.append([None] * number + [faces[f]])
            last.append((faces[f], scales[number], looks[f]))
        for t, f in linked.items():
            last[t] = faces[f], scales[number], looks[f]
    return sorted(tracks, key=lambda track: -sum(sides_of(track, scales)))


def frame_scales(images: list[np.ndarray]) -> list[float]:
    """What brings lengths in each frame to the size of the largest, for a video's may change."""
    sides = [max(image.shape[:2]) for image in images]
    return [max(sides) / side for side in sides]


def main_faces(images: list[np.ndarray], found: list[list[Face]]) -> list[Face | None]:
    """The face that a video shows, in each frame: that of the track which persists and is largest.

    It is the track with the largest median face among those that are in more than half as many
    frames as the longest.
    """
    tracks = link_faces(images, found)
    if not tracks:
        return [None] * len(found)
    scales = frame_scales(images)
    return max(_lasting(tracks), key=lambda track: np.median(sides_of(track, scales)))


def _lasting(tracks: list[list[Face | None]]) -> list[list[Face | None]]:
    """Those in more than half as many frames as the longest: others may be no face at all."""
    longest = max((len(sides_of(track)) for track in tracks), default=0)
    return [track for track in tracks if 2 * len(sides_of(track)) > longest]


def without_bystanders(
    tracks: list[list[Face | None]], images: list[np.ndarray] | None = None
) -> tuple[list[list[Face | None]], list[list[Face | None]]]:
    """The tracks to judge, and those whose median face is smaller than half of the largest's, of
    those that last. Of images, the frames, sizes are shares; without them, all are of one size."""
    scales = frame_scales(images) if images else None
    largest = max((np.median(sides_of(track, scales)) for track in _lasting(tracks)), default=0)
    large = [np.median(sides_of(track, scales)) >= largest / 2 for track in tracks]
    chosen = [track for track, is_large in zip(tracks, large, strict=True) if is_large]
    return chosen, [track for track, is_large in zip(tracks, large, strict=True) if not is_large]


def sides_of(track: list[Face | None], scales: list[float] | None = None) -> list[float]:
    """The sides of a track's faces in pixels, or scaled as frame_scales has it."""
    scales = scales or [1.0] * len(track)
    return [face.side_px * scale for face, scale in zip(track, scales, strict=True) if face]
