"""The three PNG reports of a video, and report.json."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from utils.analysis import Analysis, report_content
from utils.config import LABEL_NAMES
from utils.console import shown
from utils.files import write_json
from utils.page import COLOURS, DPI, GREY, render, save_png
from utils.tiles import frame_tiles
from utils.verdict import FAKE, INCONCLUSIVE, REAL, frame_vote

GAP_PX, MARGIN_PX, TITLE_PX, CAPTION_PX = 8, 28, 92, 26
FRAME_AREA_PX = 302 * 170  # of the full frame in the grid, whatever its aspect ratio

MARKERS = {FAKE: "^", REAL: "o"}
TITLES = {
    FAKE: "DEEPFAKE DETECTED",
    REAL: "APPEARS AUTHENTIC",
    INCONCLUSIVE: "INCONCLUSIVE",
}


def write_reports(folder: Path, analysis: Analysis, model_facts: dict) -> None:
    """Write frame_analysis.png, confidence_timeline.png, statistics.png and report.json."""
    pages = {
        "frame_analysis.png": draw_frame_analysis,
        "confidence_timeline.png": draw_timeline,
        "statistics.png": draw_statistics,
    }
    with ThreadPoolExecutor(1) as pool:  # one page is compressed while the next is drawn
        writes = [pool.submit(save_png, draw(analysis), folder / n) for n, draw in pages.items()]
    for write in writes:
        write.result()
    write_json(folder / "report.json", report_content(analysis, model_facts))


def draw_frame_analysis(analysis: Analysis) -> np.ndarray:
    """A grid of frames: the full frame with box and heat, the crop, and the crop under its heat.

    Like its sisters below, returns an RGB picture (H, W, 3) uint8.
    """
    results = analysis.frames
    height, width = results[0].frame.image.shape[:2]
    tile_h = int(np.clip(math.sqrt(FRAME_AREA_PX * height / width), 170, 300))
    if len(results) <= 2:
        tile_h = int(tile_h * 1.5)
    tile_w, side = round(tile_h * width / height), min(tile_h, 255)
    cell_w, cell_h = tile_w + 2 * (side + GAP_PX), tile_h + CAPTION_PX + 2 * GAP_PX
    columns = 1 if len(results) <= 2 else 2
    rows = math.ceil(len(results) / columns)
    canvas_w = max(columns * (cell_w + MARGIN_PX) + MARGIN_PX, 860)
    canvas_h = TITLE_PX + rows * cell_h + MARGIN_PX
    pictures = []
    figure = Figure(figsize=(canvas_w / DPI, canvas_h / DPI), dpi=DPI)

    def write(x: float, y: float, text: str, **style) -> None:
        figure.text(x / canvas_w, 1 - y / canvas_h, text, va="center", parse_math=False, **style)

    for number, result in enumerate(results):
        x = MARGIN_PX + number % columns * (cell_w + MARGIN_PX)
        y = TITLE_PX + number // columns * cell_h
        frame, crop, overlay = frame_tiles(result, (tile_w, tile_h), side)
        top = y + CAPTION_PX
        crop_top, crop_x = top + (tile_h - side) // 2, x + tile_w + GAP_PX
        pictures += [(frame, x, top), (crop, crop_x, crop_top)]
        pictures.append((overlay, crop_x + side + GAP_PX, crop_top))
        caption = f"Frame {number + 1}  ·  {result.frame.seconds:.2f} s"
        write(x, y + CAPTION_PX / 2, caption, fontsize=11)
        end = x + cell_w
        if result.p_fake is None:
            write(end, y + CAPTION_PX / 2, "no face found", fontsize=11, color=GREY, ha="right")
        else:
            vote = frame_vote(result.p_fake, analysis.threshold)
            style = {"fontsize": 11, "color": COLOURS[vote], "weight": "bold", "ha": "right"}
            write(end, y + CAPTION_PX / 2, f"p_fake {result.p_fake:.3f}  {vote}", **style)

    outcome = analysis.verdict.outcome
    name = _elided(shown(analysis.path.name), 60)
    write(MARGIN_PX, 26, TITLES[outcome], fontsize=17, weight="bold", color=COLOURS[outcome])
    write(canvas_w - MARGIN_PX, 26, name, fontsize=11, ha="right", color=GREY)
    write(MARGIN_PX, 52, _elided(_summary(analysis), canvas_w // 8), fontsize=11)
    legend = (
        "Frame with face box and heat, what the network saw, and the same under its heat. "
        f"Bright: evidence for {LABEL_NAMES[analysis.heat_label].upper()}."
    )
    write(MARGIN_PX, 73, legend, fontsize=9, color=GREY)
    page = render(figure)
    for picture, x, y in pictures:  # pasted pixel by pixel: matplotlib would resample them
        page[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return page


def draw_timeline(analysis: Analysis) -> np.ndarray:
    """p_fake of every usable frame over time, with threshold and inconclusive band."""
    figure = Figure(figsize=(10, 4.6), dpi=DPI)
    axes = figure.subplots()
    _draw_threshold(axes.axhspan, axes.axhline, analysis)
    used = [r for r in analysis.frames if r.p_fake is not None]
    axes.plot([r.frame.seconds for r in used], [r.p_fake for r in used], color="#444444", lw=1.2)
    for vote in (FAKE, REAL):
        points = [r for r in used if frame_vote(r.p_fake, analysis.threshold) == vote]
        axes.scatter(
            [r.frame.seconds for r in points],
            [r.p_fake for r in points],
            s=70,
            color=COLOURS[vote],
            marker=MARKERS[vote],
            label=f"votes {vote} ({len(points)})",
            zorder=3,
        )
    missing = [r.frame.seconds for r in analysis.frames if r.p_fake is None]
    if missing:
        label = f"no face ({len(missing)})"
        axes.scatter(missing, [0] * len(missing), s=60, color=GREY, marker="x", label=label)
    last = max(r.frame.seconds for r in analysis.frames)
    pad = max(last * 0.03, 0.05)
    axes.set(
        xlim=(-pad, last + pad), ylim=(-0.04, 1.04), xlabel="time (s)", ylabel="p_fake of the frame"
    )
    _strip(axes)
    _legend_below(figure, axes)
    _title(figure, analysis)
    return render(figure)


def draw_statistics(analysis: Analysis) -> np.ndarray:
    """Votes, the distribution of p_fake, and the figures behind the verdict."""
    figure = Figure(figsize=(12, 4.6), dpi=DPI)
    votes_axes, histogram_axes, table_axes = figure.subplots(
        1, 3, gridspec_kw={"width_ratios": [1, 1.5, 1.4]}
    )
    scores = np.array([r.p_fake for r in analysis.frames if r.p_fake is not None])
    verdict = analysis.verdict
    missing = len(analysis.frames) - len(scores)

    bars = [(FAKE, verdict.fake_votes, COLOURS[FAKE]), (REAL, verdict.real_votes, COLOURS[REAL])]
    bars.append(("no face", missing, GREY))
    names, counts, colours = zip(*bars, strict=True)
    drawn = votes_axes.bar(names, counts, color=colours, width=0.6)
    votes_axes.bar_label(drawn, padding=2)
    votes_axes.set(title="Votes", ylabel="frames", ylim=(0, max(counts) * 1.15 or 1))
    votes_axes.yaxis.get_major_locator().set_params(integer=True)
    _strip(votes_axes)

    edges = np.linspace(0, 1, 11)
    for vote in (REAL, FAKE):
        part = [s for s in scores if frame_vote(s, analysis.threshold) == vote]
        histogram_axes.hist(part, edges, color=COLOURS[vote], edgecolor="white", label=vote)
    _draw_threshold(histogram_axes.axvspan, histogram_axes.axvline, analysis)
    histogram_axes.set(
        title="Distribution of p_fake", xlabel="p_fake", ylabel="frames", xlim=(0, 1)
    )
    histogram_axes.yaxis.get_major_locator().set_params(integer=True)
    _strip(histogram_axes)

    table_axes.axis("off")
    table_axes.set_title("Figures", loc="left")
    for number, (name, value) in enumerate(_figures(analysis, scores)):
        y = 0.95 - number * 0.105
        table_axes.text(0, y, name, va="top", color=GREY)
        table_axes.text(1, y, value, va="top", ha="right", weight="bold")
    _title(figure, analysis)
    return render(figure)


def _figures(analysis: Analysis, scores: np.ndarray) -> list[tuple[str, str]]:
    verdict = analysis.verdict
    rows = [("Frames with a face", f"{len(scores)} of {len(analysis.frames)}")]
    if not len(scores):
        return rows
    rows += [
        ("Mean p_fake", f"{scores.mean():.3f}"),
        ("Median p_fake", f"{np.median(scores):.3f}"),
        ("Lowest and highest", f"{scores.min():.3f} – {scores.max():.3f}"),
        ("Standard deviation", f"{scores.std():.3f}"),
    ]
    if len(scores) > 1:
        jump = np.abs(np.diff(scores)).mean()
        rows.append(("Mean change to the next frame", f"{jump:.3f}"))
    rows += [
        ("Frames that agree", f"{verdict.agreement:.0%}"),
        ("Threshold", f"{analysis.threshold:.3f}"),
    ]
    sides = [r.face.side_px for r in analysis.frames if r.face]
    rows.append(("Median face side", f"{np.median(sides):.0f} px"))
    return rows


def _summary(analysis: Analysis) -> str:
    verdict = analysis.verdict
    if verdict.p_fake is None:
        return verdict.reasons[0]
    votes = f"{verdict.fake_votes} of {verdict.fake_votes + verdict.real_votes} frames vote FAKE"
    text = f"mean p_fake {verdict.p_fake:.3f} (threshold {analysis.threshold:.2f})  ·  {votes}"
    # The console gives each reason in full; its bracket repeats figures that stand here already.
    return text + "".join(f"  ·  {reason.partition(' (')[0]}" for reason in verdict.reasons)


def _title(figure: Figure, analysis: Analysis) -> None:
    outcome = analysis.verdict.outcome
    figure.subplots_adjust(left=0.07, right=0.97, top=0.78, bottom=0.2, wspace=0.28)
    style = {"parse_math": False, "va": "center"}
    colour = COLOURS[outcome]
    figure.text(0.07, 0.94, TITLES[outcome], fontsize=15, weight="bold", color=colour, **style)
    name = _elided(shown(analysis.path.name), 55)
    figure.text(0.97, 0.94, name, ha="right", fontsize=10, color=GREY, **style)
    limit = int(figure.get_figwidth() * 12)
    figure.text(0.07, 0.87, _elided(_summary(analysis), limit), fontsize=10, **style)


def _draw_threshold(span, line, analysis: Analysis) -> None:
    span(*analysis.undecided, color="#BBBBBB", alpha=0.3, lw=0, label="inconclusive")
    text = f"threshold {analysis.threshold:.2f}"
    line(analysis.threshold, color="black", ls="--", lw=1.2, label=text)


def _legend_below(figure: Figure, axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False, fontsize=9)


def _strip(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)


def _elided(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
