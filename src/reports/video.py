"""What a judged video leaves: three PNGs, two of which are drawn here, and report.json."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from judging.analysis import Analysis, Track
from judging.attention import face_map
from reports.page import (
    COLOURS,
    GREY,
    Figure,
    Line2D,
    Patch,
    elided,
    render,
    save_png,
    title_of,
    verdict_line,
)
from reports.tiles import heated
from reports.video_frames import draw_frame_analysis
from scoring.likelihood import ratio_of, side
from scoring.temporal import drift, frame_vote, neighbour_agreement
from scoring.verdict import FAKE, REAL
from utils.files import write_json

MARKERS = {FAKE: "^", REAL: "o"}
STYLES = ("-", "--", ":", "-.")  # of the lines of several faces


def write_reports(folder: Path, analysis: Analysis, content: dict) -> None:
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
    write_json(folder / "report.json", content)


def draw_timeline(analysis: Analysis) -> np.ndarray:
    """p_fake of every face over time, with the range that decides nothing; below it a band a face:
    the vote of each frame, and the runs of FAKE frames.

    Like its sister below, returns an RGB picture (H, W, 3) uint8.
    """
    tracks = analysis.tracks
    bands = max(len(tracks), 1)
    height = 4.6 + 0.26 * bands
    figure = Figure(figsize=(10, height))
    axes, strip = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [2.9, 0.26 * bands], "hspace": 0.06}
    )
    _draw_marks(axes.axhspan, axes.axhline, analysis)
    seconds = np.array(analysis.seconds)
    pad = max((last := float(seconds.max())) * 0.03, 0.05)
    # Each frame stands for the time up to half way to its neighbours.
    borders = np.array([-pad, *(seconds[1:] + seconds[:-1]) / 2, last + pad])
    for row, track in enumerate(tracks):
        _draw_scores(axes, track, seconds, STYLES[row % len(STYLES)])
        _draw_votes(strip, row, track, borders)
        for run in track.runs(analysis.seconds):
            strip.plot([run.start, run.end], [row + 0.42] * 2, color="black", lw=2)
    missing = [n for n in range(len(seconds)) if not any(track.views[n] for track in tracks)]
    if missing:
        axes.scatter(seconds[missing], [0] * len(missing), s=60, color=GREY, marker="x")
    axes.set(xlim=(-pad, last + pad), ylim=(-0.04, 1.04), ylabel="p_fake of the frame")
    axes.tick_params(labelbottom=False)
    if last == 0:  # an image
        strip.set_xticks([0])
    names = [f"face {track.name}" for track in tracks] if len(tracks) > 1 else ["votes"]
    strip.set(ylim=(bands - 0.45, -0.55), xlabel=_time_label(analysis), yticks=range(bands))
    strip.set_yticklabels(names)
    _legend(figure, analysis, bool(missing))
    _title(figure, analysis)
    figure.subplots_adjust(left=0.09, right=0.97, top=1 - 1.02 / height, bottom=0.95 / height)
    return render(figure)


def _draw_scores(axes, track: Track, seconds: np.ndarray, style: str) -> None:
    """p_fake of a face in each frame that shows it: a line, and its vote as a marker, hollow where
    the frame by itself supports neither side."""
    used = [n for n, view in enumerate(track.views) if view]
    axes.plot(seconds[used], [track.scores[n] for n in used], style, color="#444444", lw=1.2)
    for vote, numbers in _by_vote(track).items():
        scores = [track.scores[n] for n in numbers]
        faces = [COLOURS[vote] if side(ratio_of(p)) else "white" for p in scores]
        look = {"s": 60, "edgecolors": COLOURS[vote], "marker": MARKERS[vote], "zorder": 3}
        axes.scatter(seconds[numbers], scores, facecolors=faces, **look)


def _draw_votes(strip, row: int, track: Track, borders: np.ndarray) -> None:
    """A face's band: each frame's vote from its border to the next."""
    for vote, numbers in _by_vote(track).items():
        for n in numbers:
            strip.barh(row, borders[n + 1] - borders[n], 0.7, borders[n], color=COLOURS[vote])


def _by_vote(track: Track) -> dict[str, list[int]]:
    """Numbers of the frames that vote FAKE, and of those that vote REAL."""
    votes = {FAKE: [], REAL: []}
    for number, score in enumerate(track.scores):
        if score is not None:
            votes[frame_vote(score)].append(number)
    return votes


def _time_label(analysis: Analysis) -> str:
    """The axis' name, and how steady the deciding face's scores are along it."""
    label, lead = "time (s)", analysis.lead
    used = lead.used if lead else []
    if used and (alike := neighbour_agreement(used)) is not None:
        label += f"  ·  neighbouring frames that agree: {alike:.0%}"
    if (change := drift(used)) is not None:
        label += f"  ·  drift of p_fake: {change:+.3f}"
    return label


def draw_statistics(analysis: Analysis) -> np.ndarray:
    """Of the face that decides: votes, the distribution of p_fake, the figures behind the verdict,
    and where in the face the evidence lies on average."""
    figure = Figure(figsize=(15, 4.8))
    votes_axes, histogram_axes, table_axes, map_axes = figure.subplots(
        1, 4, gridspec_kw={"width_ratios": [1, 1.5, 1.6, 1.3]}
    )
    verdict, lead = analysis.verdict, analysis.lead
    scores = np.array(lead.used if lead else [])

    missing = len(analysis.frames) - len(scores)
    bars = [(FAKE, verdict.fake_votes, COLOURS[FAKE]), (REAL, verdict.real_votes, COLOURS[REAL])]
    bars.append(("not seen" if len(analysis.tracks) > 1 else "no face", missing, GREY))
    names, counts, colours = zip(*bars, strict=True)
    drawn = votes_axes.bar(names, counts, color=colours, width=0.6)
    votes_axes.bar_label(drawn, padding=2)
    votes_axes.set(title="Votes", ylabel="frames", ylim=(0, max(counts) * 1.15 or 1))
    votes_axes.yaxis.get_major_locator().set_params(integer=True)

    edges = np.linspace(0, 1, 11)
    for vote in (REAL, FAKE):
        part = [s for s in scores if frame_vote(s) == vote]
        histogram_axes.hist(part, edges, color=COLOURS[vote], edgecolor="white", label=vote)
    _draw_marks(histogram_axes.axvspan, histogram_axes.axvline, analysis)
    titles = {"title": "Distribution of p_fake", "xlabel": "p_fake", "ylabel": "frames"}
    histogram_axes.set(xlim=(0, 1), **titles)
    histogram_axes.yaxis.get_major_locator().set_params(integer=True)

    table_axes.axis("off")
    table_axes.set_title("Figures", loc="left")
    for number, (name, value) in enumerate(_figures(analysis, scores)):
        y = 0.97 - number * 0.075
        table_axes.text(0, y, name, va="top", color=GREY)
        table_axes.text(1, y, value, va="top", ha="right", weight="bold")

    map_axes.axis("off")
    if lead:
        picture, heat = face_map(lead.seen)
        map_axes.imshow(heated(picture, heat))
        found = "Evidence" if heat.any() else "No place"
        map_axes.set_title(f"{found} for {lead.heat_side}, mean face", fontsize=11)
    _title(figure, analysis)
    figure.subplots_adjust(left=0.05, right=0.98, top=0.76, bottom=0.13, wspace=0.24)
    return render(figure)


def _figures(analysis: Analysis, scores: np.ndarray) -> list[tuple[str, str]]:
    verdict, lead = analysis.verdict, analysis.lead
    which = f"face {lead.name}" if len(analysis.tracks) > 1 else "a face"
    rows = [(f"Frames with {which}", f"{len(scores)} of {len(analysis.frames)}")]
    if not lead:
        return rows
    alike = neighbour_agreement(scores.tolist())
    change = drift(scores.tolist())
    rows += [
        ("p_fake of the video", f"{verdict.p_fake:.3f}"),
        ("Median of the frames", f"{np.median(scores):.3f}"),
        ("Lowest and highest", f"{scores.min():.3f} – {scores.max():.3f}"),
        ("Standard deviation", f"{scores.std():.3f}"),
        ("Frames that agree", f"{verdict.agreement:.0%}"),
        ("Neighbours that agree", "–" if alike is None else f"{alike:.0%}"),
        ("Drift, first to second half", "–" if change is None else f"{change:+.3f}"),
        ("Median face side", f"{lead.side_px:.0f} px"),
    ]
    if verdict.weight:
        ratio, _, words = verdict.weight.removesuffix(")").partition(" (")
        rows[2:2] = [("Likelihood ratio", ratio), ("In words", words)]
    if lead.attention:
        inside, chance = lead.attention
        rows.append(("Evidence inside face box", f"{inside:.0%} ({chance:.0%} if even)"))
    marks = analysis.marks
    for outcome, whom, rate in (
        (FAKE, "real faces", marks.false_alarms),
        (REAL, "fakes", marks.missed),
    ):
        if verdict.outcome == outcome and rate is not None and not verdict.span:
            rows.append((f"Of labelled {whom}", f"{rate[0]:.1%} get this verdict"))
    return rows


def _title(figure: Figure, analysis: Analysis) -> None:
    height = figure.get_figheight()
    style = {"parse_math": False, "va": "center"}
    left, right = 0.05, 0.97
    top, title = 1 - 0.27 / height, title_of(analysis)
    colour = COLOURS[analysis.verdict.outcome]
    figure.text(left, top, title, fontsize=15, weight="bold", color=colour, **style)
    limit = int(figure.get_figwidth() * 13 - len(title) * 2.2)
    name = elided(analysis.path.name, max(limit, 12))
    figure.text(right, top, name, ha="right", fontsize=10, color=GREY, **style)
    limit = int(figure.get_figwidth() * 12.8)
    figure.text(left, 1 - 0.6 / height, elided(verdict_line(analysis), limit), fontsize=10, **style)


def _draw_marks(span, line, analysis: Analysis) -> None:
    span(*analysis.marks.undecided, color="#BBBBBB", alpha=0.3, lw=0, zorder=0)
    line(0.5, color="black", ls="--", lw=1.2)


def _legend(figure: Figure, analysis: Analysis, with_missing: bool) -> None:
    """Of what there is to see."""
    style = {"ls": "", "markersize": 8}
    scores = [p for track in analysis.tracks for p in track.used]
    items = [
        Line2D([], [], color=COLOURS[vote], marker=marker, label=f"votes {vote}", **style)
        for vote, marker in MARKERS.items()
        if vote in map(frame_vote, scores)
    ]
    if with_missing:
        items.append(Line2D([], [], color=GREY, marker="x", label="no face", **style))
    if not all(side(ratio_of(p)) for p in scores):
        hollow = {"color": GREY, "marker": "o", "markerfacecolor": "white"}
        items.append(Line2D([], [], **hollow, label="says little", **style))
    items.append(Line2D([], [], color="black", ls="--", label="likelihood ratio 1"))
    items.append(Patch(color="#BBBBBB", alpha=0.3, label="a video's score here decides nothing"))
    if any(track.runs(analysis.seconds) for track in analysis.tracks):
        items.append(Line2D([], [], color="black", lw=2, label="FAKE in a row"))
    if len(analysis.tracks) > 1:
        items += [
            Line2D([], [], color="#444444", ls=STYLES[n % len(STYLES)], label=f"face {track.name}")
            for n, track in enumerate(analysis.tracks[: len(STYLES)])
        ]
    tight = {"ncols": len(items), "columnspacing": 1, "handlelength": 1.5, "handletextpad": 0.5}
    figure.legend(handles=items, loc="lower center", fontsize=8, **tight)
