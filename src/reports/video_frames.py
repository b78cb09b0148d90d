"""frame_analysis.png: for each judged face its frames, what the network saw, and the evidence."""

import math

import numpy as np

from judging.analysis import Analysis, Track, evidence_for
from media.frame import sample_indices
from reports.page import COLOURS, DPI, GREY, Figure, elided, render, title_of, verdict_line
from reports.tiles import frame_tiles
from scoring.temporal import frame_vote
from scoring.verdict import suspicion

GAP_PX, MARGIN_PX, TITLE_PX, CAPTION_PX, SECTION_PX = 8, 28, 92, 26, 40
FRAME_AREA_PX = 302 * 170  # of the full frame in the grid, whatever its aspect ratio
SHOWN_FACES = 3
FRAMES_OF_ONE, FRAMES_OF_EACH = 32, 10


def draw_frame_analysis(analysis: Analysis) -> np.ndarray:
    """A grid of frames: the full frame with boxes and heat, the crop, and the crop under its heat.

    Of several faces the most suspicious have a grid each, the deciding one first; of many frames
    some evenly spaced ones are shown. Returns an RGB picture (H, W, 3) uint8.
    """
    sections = _sections(analysis)
    page = _Page(analysis, [len(numbers) for _, numbers in sections])
    y = TITLE_PX
    for track, numbers in sections:
        if page.has_several:
            text, colour = _describe(analysis, track), COLOURS[track.verdict.outcome]
            page.write(MARGIN_PX, y + SECTION_PX / 2, text, weight="bold", color=colour)
            y += SECTION_PX
        for place, number in enumerate(numbers):
            row, column = divmod(place, page.columns)
            x = MARGIN_PX + column * (page.cell_w + MARGIN_PX)
            page.draw_frame(x, y + row * page.cell_h, track, number)
        y += page.rows_of(numbers) * page.cell_h
    page.draw_head(evidence_for([track for track, _ in sections if track]))
    return page.render()


class _Page:
    """A canvas, the cells that fit on it, and how to draw on it; x and y in pixels from its top."""

    def __init__(self, analysis: Analysis, counts: list[int]):
        """counts: how many frames each section shows."""
        self.analysis, self.has_several = analysis, len(analysis.tracks) > 1
        is_small = max(counts) <= 2
        self.columns = 1 if is_small else 2
        height, width = analysis.frames[0].image.shape[:2]
        tile_h = int(np.clip(math.sqrt(FRAME_AREA_PX * height / width), 120, 300))
        self.tile_h = int(tile_h * 1.5) if is_small else tile_h
        self.tile_w = round(self.tile_h * width / height)
        self.side = min(self.tile_h, 255)
        self.cell_w = self.tile_w + 2 * (self.side + GAP_PX)
        self.cell_h = self.tile_h + CAPTION_PX + 2 * GAP_PX
        self.width = max(self.columns * (self.cell_w + MARGIN_PX) + MARGIN_PX, 860)
        section_px = SECTION_PX if self.has_several else 0
        rows = sum(math.ceil(count / self.columns) for count in counts)
        self.height = TITLE_PX + section_px * len(counts) + rows * self.cell_h + MARGIN_PX
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI))
        self.pictures: list[tuple[np.ndarray, int, int]] = []

    def rows_of(self, numbers: list[int]) -> int:
        return math.ceil(len(numbers) / self.columns)

    def write(self, x: float, y: float, text: str, **style) -> None:
        style = {"fontsize": 11, "va": "center", "parse_math": False} | style
        self.figure.text(x / self.width, 1 - y / self.height, text, **style)

    def draw_frame(self, x: int, y: int, track: Track | None, number: int) -> None:
        """A cell: the frame and the face in it side by side, below a caption with its vote."""
        frame, view = self.analysis.frames[number], track and track.views[number]
        size = self.tile_w, self.tile_h
        picture, crop, overlay = frame_tiles(self.analysis, number, track, size, self.side)
        top, crop_x = y + CAPTION_PX, x + self.tile_w + GAP_PX
        crop_top = top + (self.tile_h - self.side) // 2
        self.pictures += [(picture, x, top), (crop, crop_x, crop_top)]
        self.pictures.append((overlay, crop_x + self.side + GAP_PX, crop_top))
        middle, end = y + CAPTION_PX / 2, x + self.cell_w
        self.write(x, middle, f"Frame {number + 1}  ·  {frame.seconds:.2f} s")
        if view is None:
            self.write(end, middle, "no face found", color=GREY, ha="right")
        else:
            vote = frame_vote(view.p_fake)
            style = {"color": COLOURS[vote], "weight": "bold", "ha": "right"}
            self.write(end, middle, f"p_fake {view.p_fake:.3f}  {vote}", **style)

    def draw_head(self, which: str) -> None:
        """The verdict, the file's name, and a legend for heat that is evidence for which."""
        title = title_of(self.analysis)
        colour = COLOURS[self.analysis.verdict.outcome]
        self.write(MARGIN_PX, 26, title, fontsize=17, weight="bold", color=colour)
        name = elided(self.analysis.path.name, max(12, (self.width - len(title) * 16) // 9))
        self.write(self.width - MARGIN_PX, 26, name, ha="right", color=GREY)
        self.write(MARGIN_PX, 52, elided(verdict_line(self.analysis), self.width // 8))
        legend = "Frame with face box and heat, what the network saw, and the same under its heat. "
        self.write(MARGIN_PX, 73, f"{legend}Bright: evidence for {which}.", fontsize=9, color=GREY)

    def render(self) -> np.ndarray:
        page = render(self.figure)
        for picture, x, top in self.pictures:  # pasted: matplotlib would resample them
            page[top : top + picture.shape[0], x : x + picture.shape[1]] = picture
        return page


def _sections(analysis: Analysis) -> list[tuple[Track | None, list[int]]]:
    """The faces to show, and the numbers of their frames; of an only face all are shown."""
    everywhere = list(range(len(analysis.frames)))
    if len(analysis.tracks) < 2:
        wanted = [(analysis.lead, everywhere)]
    else:
        others = [track for track in analysis.tracks if track is not analysis.lead]
        others.sort(key=lambda track: suspicion(track.verdict), reverse=True)
        tracks = [analysis.lead, *others][:SHOWN_FACES]
        wanted = [(track, [n for n in everywhere if track.views[n]]) for track in tracks]
    most = FRAMES_OF_ONE if len(wanted) == 1 else FRAMES_OF_EACH
    return [(t, [ns[i] for i in sample_indices(len(ns), most)]) for t, ns in wanted]


def _describe(analysis: Analysis, track: Track) -> str:
    verdict = track.verdict
    decides = "  ·  decides" if track is analysis.lead else ""
    return (
        f"Face {track.name}  ·  {verdict.outcome}  ·  p_fake {verdict.p_fake:.3f}  ·  "
        f"in {verdict.usable} of {len(analysis.frames)} frames{decides}"
    )
