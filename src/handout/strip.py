"""The timeline below an annotated video, and the strokes that all of the film is drawn with."""

from itertools import pairwise

import cv2
import numpy as np

from judging.analysis import Analysis, Track, evidence_for
from reports.page import COLOURS as PALETTE
from reports.page import title_of, verdict_line
from scoring.likelihood import ratio_of, side
from scoring.temporal import FAKE, REAL, frame_vote

COLOURS = {name: tuple(bytes.fromhex(code[1:])[::-1]) for name, code in PALETTE.items()}  # BGR
WHITE, BLACK, GREY, BAND, PAPER = (255,) * 3, (0,) * 3, (110,) * 3, (222,) * 3, (250,) * 3
FONT = cv2.FONT_HERSHEY_SIMPLEX
# In units: the strip's height, and what lies where in it; beside the plot are MARGIN on each side.
HEIGHT, MARGIN, EDGE = 132, 46, 10
TITLE_Y, FIGURES_Y, TOP, BOTTOM, LEGEND_Y = 21, 39, 48, 108, 125


class Strip:
    """p_fake of every face over time, and a mark that runs along it. unit: so many pixels."""

    def __init__(self, analysis: Analysis, width: int, unit: float):
        self.unit, self.last = unit, analysis.seconds[-1] or 1.0
        self.base = np.full((round(HEIGHT * unit) // 2 * 2, width, 3), PAPER, np.uint8)
        self.left, self.right = round(MARGIN * unit), width - round(MARGIN * unit)
        self.top, self.bottom = round(TOP * unit), round(BOTTOM * unit)
        low, high = (self._y(mark) for mark in analysis.marks.undecided)
        cv2.rectangle(self.base, (self.left, high), (self.right, low), BAND, -1)
        cv2.rectangle(self.base, (self.left, self.top), (self.right, self.bottom), GREY, 1)
        dashed(self.base, (self.left, self._y(0.5)), (self.right, self._y(0.5)), BAND, GREY)
        for track in analysis.tracks:
            self._draw_track(analysis, track)
        self._write(analysis)

    def draw(self, picture: np.ndarray, seconds: float) -> None:
        """Fill picture, of the shape of base, with the mark at these seconds."""
        picture[:] = self.base
        x, unit = self._x(min(seconds, self.last)), self.unit
        cv2.line(picture, (x, self.top - 3), (x, self.bottom + 3), BLACK, max(2, round(2 * unit)))
        place = self.right - round(54 * unit), round(TITLE_Y * unit)
        write(picture, f"{seconds:8.2f} s", place, 0.5 * unit, BLACK)

    def _x(self, seconds: float) -> int:
        return round(self.left + (self.right - self.left) * seconds / self.last)

    def _y(self, p_fake: float) -> int:
        return round(self.bottom - (self.bottom - self.top) * p_fake)

    def _write(self, analysis: Analysis) -> None:
        """The verdict and its figures above the plot, and what is what beside and below it."""
        colour, most = COLOURS[analysis.verdict.outcome], self.right / self.unit - EDGE
        which = evidence_for(analysis.tracks)
        boxes = "solid box: a scored frame   dashed: followed between   bright: evidence for"
        legend = f"{boxes} {which}   grey: inconclusive" if analysis.tracks else "no face to follow"
        for text, y, size, ink, room in (
            (title_of(analysis), TITLE_Y, 0.6, colour, most - 54),
            (verdict_line(analysis).replace("·", "-"), FIGURES_Y, 0.42, BLACK, most + MARGIN),
            (FAKE, TOP + 9, 0.36, GREY, MARGIN),
            (REAL, BOTTOM, 0.36, GREY, MARGIN),
            (legend, LEGEND_Y, 0.4, GREY, most + MARGIN),
        ):
            place = round(EDGE * self.unit), round(y * self.unit)
            write(self.base, text, place, size * self.unit, ink, room * self.unit)

    def _draw_track(self, analysis: Analysis, track: Track) -> None:
        """A line through a face's scores; a triangle votes FAKE, a circle REAL, hollow where the
        frame by itself supports neither side."""
        every = zip(analysis.seconds, track.scores, strict=True)
        scored = [(seconds, p_fake) for seconds, p_fake in every if p_fake is not None]
        size, line = max(3, round(4.5 * self.unit)), max(1, round(self.unit))
        places = [(self._x(seconds), self._y(p_fake)) for seconds, p_fake in scored]
        cv2.polylines(self.base, [np.array(places)], False, GREY, line, cv2.LINE_AA)
        triangle = np.array([(0, -size), (size, size), (-size, size)])
        circle = np.array(cv2.ellipse2Poly((0, 0), (size, size), 0, 0, 360, 30))
        for place, (_, p_fake) in zip(places, scored, strict=True):
            vote = frame_vote(p_fake)
            shape = place + (triangle if vote == FAKE else circle)
            inside = COLOURS[vote] if side(ratio_of(p_fake)) else WHITE
            cv2.fillPoly(self.base, [shape], inside, cv2.LINE_AA)
            cv2.polylines(self.base, [shape], True, COLOURS[vote], line, cv2.LINE_AA)
        if len(analysis.tracks) > 1:
            place = places[-1][0] + 2 * size, places[-1][1] + size
            write(self.base, track.name, place, 0.4 * self.unit, BLACK)


def write(picture, text: str, place, size: float, colour, room: float = np.inf) -> None:
    """Write ASCII from place, its left and foot, smaller where it would be wider than room."""
    size *= min(1, room / width_of(text, size))
    cv2.putText(picture, text, place, FONT, size, colour, 1 + (size > 0.7), cv2.LINE_AA)


def width_of(text: str, size: float) -> int:
    return cv2.getTextSize(text, FONT, size, 1 + (size > 0.7))[0][0]


def dashed(picture, start, end, colour, other, width: int = 1, dash: float = 6) -> None:
    """A line of dashes in two colours, so that it shows on any ground."""
    count = max(2, round(np.hypot(*np.subtract(end, start)) / dash))
    points = np.linspace(start, end, count + 1).round().astype(int).tolist()
    for number, (a, b) in enumerate(pairwise(points)):
        cv2.line(picture, a, b, (colour, other)[number % 2], width)
