"""frame_analysis.png: for each judged face its frames, what the network saw, and the evidence."""

import math

import numpy as np

from judging.analysis import Analysis, Track
from media.frame import sample_indices
from reports.page import COLOURS, DPI, GREY, Figure, elided, render, title_of, verdict_line
from reports.tiles import frame_tiles
from scoring.temporal import frame_vote
from scoring.verdict import suspicion
from utils.config import LABEL_NAMES

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
    most = max(len(numbers) for _, numbers in sections)
    height, width = analysis.frames[0].image.shape[:2]
    tile_h = int(np.clip(math.sqrt(FRAME_AREA_PX * height / width), 120, 300))
    tile_h = int(tile_h * 1.5) if most <= 2 else tile_h
    tile_w, side = round(tile_h * width / height), min(tile_h, 255)
    cell_w, cell_h = tile_w + 2 * (side + GAP_PX), tile_h + CAPTION_PX + 2 * GAP_PX
    columns = 1 if most <= 2 else 2
    canvas_w = max(columns * (cell_w + MARGIN_PX) + MARGIN_PX, 860)
    section_px = SECTION_PX if len(analysis.tracks) > 1 else 0
    rows = sum(math.ceil(len(numbers) / columns) for _, numbers in sections)
    canvas_h = TITLE_PX + section_px * len(sections) + rows * cell_h + MARGIN_PX
    pictures = []
    figure = Figure(figsize=(canvas_w / DPI, canvas_h / DPI), dpi=DPI)

    def write(x: float, y: float, text: str, **style) -> None:
        style = {"fontsize": 11, "va": "center", "parse_math": False} | style
        figure.text(x / canvas_w, 1 - y / canvas_h, text, **style)

    y = TITLE_PX
    for track, numbers in sections:
        if section_px:
            text, colour = _describe(analysis, track), COLOURS[track.verdict.outcome]
            write(MARGIN_PX, y + SECTION_PX / 2, text, weight="bold", color=colour)
            y += SECTION_PX
        for place, number in enumerate(numbers):
            x = MARGIN_PX + place % columns * (cell_w + MARGIN_PX)
            frame, view = analysis.frames[number], track and track.views[number]
            named = {
                (t.name if section_px else ""): t.views[number].face
                for t in analysis.tracks
                if t.views[number]
            }
            picture, crop, overlay = frame_tiles(frame, view, (tile_w, tile_h), side, named)
            top = y + CAPTION_PX
            crop_top, crop_x = top + (tile_h - side) // 2, x + tile_w + GAP_PX
            pictures += [(picture, x, top), (crop, crop_x, crop_top)]
            pictures.append((overlay, crop_x + side + GAP_PX, crop_top))
            middle, end = y + CAPTION_PX / 2, x + cell_w
            write(x, middle, f"Frame {number + 1}  ·  {frame.seconds:.2f} s")
            if view is None:
                write(end, middle, "no face found", color=GREY, ha="right")
            else:
                vote = frame_vote(view.p_fake, track.marks.threshold)
                style = {"color": COLOURS[vote], "weight": "bold", "ha": "right"}
                write(end, middle, f"p_fake {view.p_fake:.3f}  {vote}", **style)
            if place % columns == columns - 1 or place == len(numbers) - 1:
                y += cell_h

    outcome = analysis.verdict.outcome
    write(MARGIN_PX, 26, title_of(analysis), fontsize=17, weight="bold", color=COLOURS[outcome])
    taken = len(title_of(analysis)) * 15
    name = elided(analysis.path.name, max(12, (canvas_w - taken) // 9))
    write(canvas_w - MARGIN_PX, 26, name, ha="right", color=GREY)
    write(MARGIN_PX, 52, elided(verdict_line(analysis), canvas_w // 8))
    labels = {LABEL_NAMES[t.heat_label].upper() for t, _ in sections if t} or {"FAKE"}
    which = labels.pop() if len(labels) == 1 else "the class that a face is called"
    legend = "Frame with face box and heat, what the network saw, and the same under its heat. "
    write(MARGIN_PX, 73, f"{legend}Bright: evidence for {which}.", fontsize=9, color=GREY)
    page = render(figure)
    for picture, x, top in pictures:  # pasted pixel by pixel: matplotlib would resample them
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
