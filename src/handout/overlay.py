"""What an annotated video shows on its picture: faces followed, scores, heat."""

from itertools import pairwise

import cv2
import numpy as np

from faces.detect import Face
from faces.tracks import SAME_LOOK, look_of
from handout.strip import BLACK, COLOURS, WHITE, dashed, width_of, write
from judging.analysis import Analysis, Track, View
from reports.tiles import lay_heat
from scoring.temporal import frame_vote

HELD_SECONDS = 0.5  # that heat and score stay, half of it before their frame
FOLLOWED_SECONDS = 10  # between two sampled frames, beyond which a straight line means nothing
SAME_MOMENT = 5e-4  # seconds by which a frame's time may differ between two readings


class Overlay:
    """Draws on a frame what is known of its moment. unit: so many pixels."""

    def __init__(self, analysis: Analysis, size: tuple[int, int], unit: float):
        """size: width and height of the pictures to draw on."""
        self.unit, self.seconds = unit, np.array(analysis.seconds)
        self.paths = [_Path(analysis, track, size) for track in analysis.tracks]

    def draw(self, picture: np.ndarray, seconds: float) -> None:
        """Draw on an (H, W, 3) uint8 BGR picture of these seconds, in place."""
        nearest = int(np.abs(self.seconds - seconds).argmin())
        off = abs(self.seconds[nearest] - seconds)
        shown = []
        for path in self.paths:
            view = path.track.views[nearest] if off <= HELD_SECONDS / 2 else None
            place = path.at(seconds)
            if place is None and view:
                place = path.places[nearest]
            if place is not None and (off <= SAME_MOMENT or path.is_there(picture, place, nearest)):
                shown.append((path, view, place))
        for _, view, place in shown:
            if view:
                lay_heat(picture[..., ::-1], place[4:], view.heat)
        for path, view, place in shown:
            name = f"{path.track.name}  " if len(self.paths) > 1 else ""
            corners = [round(v) for v in place[:4].tolist()]
            if view and off <= SAME_MOMENT:
                self._draw_scored(picture, name, view, corners)
            else:
                self._draw_between(picture, name, view, corners, self.seconds[nearest])

    def _draw_scored(self, picture, name: str, view: View, box: list[int]) -> None:
        vote, width = frame_vote(view.p_fake), round(5 * self.unit)
        for colour, thick in ((WHITE, width), (COLOURS[vote], width - 2)):
            cv2.rectangle(picture, box[:2], box[2:], colour, thick)
        self._label(picture, f"{name}scored {view.p_fake:.2f} {vote}", box, COLOURS[vote])

    def _draw_between(self, picture, name, view: View | None, box: list[int], at: float) -> None:
        left, top, right, bottom = box
        around = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for start, end in pairwise(around):
            dashed(picture, start, end, WHITE, BLACK, max(1, round(self.unit)), 6 * self.unit)
        if view:
            vote = frame_vote(view.p_fake)
            text = f"{name}scored {view.p_fake:.2f} {vote} at {at:.2f} s"
            self._label(picture, text, box, COLOURS[vote])
        elif name:
            self._label(picture, name.strip(), box, BLACK)

    def _label(self, picture, text: str, box: list[int], colour) -> None:
        """White on a colour, above the box or, where no room is, at the picture's border."""
        size, edge, height = 0.55 * self.unit, round(5 * self.unit), round(24 * self.unit)
        width = width_of(text, size) + 2 * edge
        x = max(0, min(box[0], picture.shape[1] - width))
        y = max(0, min(box[1] - height - edge, picture.shape[0] - height))
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, -1)
        write(picture, text, (x + edge, y + height - round(7 * self.unit)), size, WHITE)


class _Path:
    """Where a face is: places holds, for each sampled frame, its box and the square that the
    network saw (8,) in pixels of the film, or None; looks, the colours around it."""

    def __init__(self, analysis: Analysis, track: Track, size: tuple[int, int]):
        self.track, self.seconds, self.places, self.looks = track, analysis.seconds, [], []
        for frame, view in zip(analysis.frames, track.views, strict=True):
            scale = np.tile(np.divide(size, frame.image.shape[1::-1]), 4)
            place = view and np.array([*view.face.box_xyxy, *view.visible]) * scale
            self.places.append(place)
            self.looks.append(view and look_of(frame.image, view.face))

    def at(self, seconds: float) -> np.ndarray | None:
        """Its place on the straight line between the sampled frames around, if it is in both."""
        after = int(np.searchsorted(self.seconds, seconds - SAME_MOMENT))
        if after < len(self.seconds) and self.seconds[after] - seconds <= SAME_MOMENT:
            return self.places[after]
        if not 0 < after < len(self.seconds):
            return None
        start, end = self.seconds[after - 1 : after + 1]
        before, behind = self.places[after - 1 : after + 1]
        if before is None or behind is None or end - start > FOLLOWED_SECONDS:
            return None
        return before + (behind - before) * (seconds - start) / (end - start)

    def is_there(self, picture: np.ndarray, place: np.ndarray, nearest: int) -> bool:
        """Whether the place looks as the face does in a sampled frame nearby: not behind a cut."""
        look = look_of(picture, Face(tuple(place[:4].tolist()), None, 0.0))
        near = self.looks[max(nearest - 1, 0) : nearest + 2]
        return any(look @ known >= SAME_LOOK for known in near if known is not None)
