"""The drawing of a video's scores over time, as lines that a page holds and its style colours."""

from judging.analysis import Analysis
from scoring.likelihood import ratio_of, side
from scoring.temporal import FAKE, frame_vote

LEFT, TOP, WIDTH, HEIGHT = 26, 8, 364, 150
DASHES = ("", "6 3", "2 3", "8 3 2 3")  # of the lines of several faces


def timeline(analysis: Analysis) -> str:
    """p_fake of every face over time, with the range that decides nothing, the part that is FAKE
    where there is one, and a cross where no face is found."""
    seconds, tracks = analysis.seconds, analysis.tracks
    start, length = seconds[0], (seconds[-1] - seconds[0]) or 1
    xs = [LEFT + WIDTH * (second - start) / length for second in seconds]
    low, high = analysis.marks.undecided
    place = f'x="{LEFT}" y="{_y(high):.1f}" width="{WIDTH}" height="{HEIGHT * (high - low):.1f}"'
    parts = [f'<rect {place} class="band"/>']
    if span := analysis.verdict.span:
        x0, x1 = (LEFT + WIDTH * (second - start) / length for second in span)
        parts.append(f'<path d="M{x0:.1f},{TOP + HEIGHT + 4}H{x1:.1f}" class="fake part"/>')
    for p_fake in (0, 0.5, 1):
        y = _y(p_fake)
        parts.append(f'<path d="M{LEFT},{y:.1f}h{WIDTH}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{p_fake:g}</text>')
    for number, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        x, second = LEFT + WIDTH * number / 4, start + length * number / 4
        y = TOP + HEIGHT + 17
        parts.append(f'<text x="{x:g}" y="{y}" text-anchor="{anchor}">{second:.2f} s</text>')
    letters = []
    for number, track in enumerate(tracks):
        points = [(x, v.p_fake) for x, v in zip(xs, track.views, strict=True) if v]
        parts += _curve(points, DASHES[number % len(DASHES)])
        if len(tracks) > 1:
            x, p = points[min(number, len(points) - 1)]
            place = f'x="{x - 2:.1f}" y="{_y(p) - 7:.1f}"'
            letters.append(f'<text class="letter" {place}>{track.name}</text>')
    parts += letters
    missing = [x for n, x in enumerate(xs) if not any(track.views[n] for track in tracks)]
    cross = "m-3,-3l6,6m0,-6l-6,6"
    parts += [f'<path d="M{x:.1f},{_y(0) - 5:.1f}{cross}" class="line"/>' for x in missing]
    box = f"0 0 {LEFT + WIDTH + 10} {TOP + HEIGHT + 22}"
    ends = [f"face {t.name} {min(t.used):.2f} to {max(t.used):.2f}" for t in tracks]
    label = "p_fake over time: " + ("; ".join(ends) or "no face found")
    return f'<svg viewBox="{box}" role="img" aria-label="{label}">\n' + "\n".join(parts) + "</svg>"


def _y(p_fake: float) -> float:
    return TOP + HEIGHT * (1 - p_fake)


def _curve(points: list[tuple[float, float]], dashes: str) -> list[str]:
    """A line, and each frame's vote: a triangle for FAKE, a circle for REAL, hollow where the frame
    by itself supports neither side."""
    line = " ".join(f"{x:.1f},{_y(p):.1f}" for x, p in points)
    parts = [f'<polyline points="{line}" class="line" stroke-dasharray="{dashes}"/>']
    for x, p in points:
        place = f"M{x:.1f},{_y(p):.1f}"
        vote = frame_vote(p)
        shape = "m0,-5l5,9h-10z" if vote == FAKE else "m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z"
        look = vote.lower() + ("" if side(ratio_of(p)) else " hollow")
        parts.append(f'<path d="{place}{shape}" class="dot {look}"/>')
    return parts
