"""What an extraction leaves for eyes: tables, a chart of counts, a contact sheet of crops."""

from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np

from datasets.catalog import Video
from datasets.extraction import Plan
from reports.page import COLOURS, DPI, Figure, render, save_png
from utils.config import LABEL_NAMES
from utils.files import write_csv

COLUMNS = ("videos", "crops", "no face", "flagged", "unreadable")
THUMB_PX, THUMBS, LABEL_PX = 96, 12, 210


def summary_rows(plan: Plan) -> list[tuple]:
    """(data set, method, class, counts) for each kind of video, then a last row of totals."""
    table: dict[tuple, Counter] = defaultdict(Counter)
    for video in plan.videos:
        table[video.dataset, video.method, LABEL_NAMES[video.label]] += plan.counts[video.id]
    total = sum(table.values(), Counter())
    rows = [(*kind, counts) for kind, counts in sorted(table.items())]
    return [*rows, ("total", "", "", total)]


def write_tables(folder: Path, plan: Plan, copies: list) -> None:
    """summary.csv with the counts, failures.csv with every unreadable video and its reason, and
    copies.csv with those that were left out, and of what they are copies."""
    rows = [[*kind, *(counts[c] for c in COLUMNS)] for *kind, counts in summary_rows(plan)]
    write_csv(folder / "summary.csv", ["data set", "method", "class", *COLUMNS], rows)
    failures = [[video.id, str(video.path), reason] for video, reason in plan.failures]
    write_csv(folder / "failures.csv", ["id", "path", "reason"], failures)
    rows = [[copy.id, str(copy.path), original.id if original else ""] for copy, original in copies]
    write_csv(folder / "copies.csv", ["id", "path", "copy of"], rows)


def write_pictures(folder: Path, plan: Plan, output: Path, registry: dict) -> None:
    """counts.png and contact_sheet.png."""
    save_png(draw_counts(summary_rows(plan)[:-1]), folder / "counts.png")
    save_png(draw_contact_sheet(plan.videos, output, registry), folder / "contact_sheet.png")


def draw_counts(rows: list[tuple]) -> np.ndarray:
    """Videos of each data set and method, real and fake, with what could not be read."""
    figure = Figure(figsize=(9, 1.6 + 0.42 * len(rows)), layout="tight")
    axes = figure.subplots()
    names = [f"{dataset}  {method}" for dataset, method, _, _ in rows]
    longest = max(counts["videos"] + counts["unreadable"] for *_, counts in rows)
    for place, (*_, kind, counts) in enumerate(rows):
        good, bad = counts["videos"], counts["unreadable"]
        axes.barh(place, good, color=COLOURS[kind.upper()], height=0.7)
        axes.barh(place, bad, left=good, color="#999999", height=0.7, hatch="//")
        text = f" {kind}: {good:,} videos, {counts['crops']:,} crops"
        text += f", {bad:,} unreadable" if bad else ""
        axes.text(good + bad, place, text, va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlabel="videos (hatched: unreadable)", xlim=(0, longest * 1.75 or 1))
    axes.invert_yaxis()
    axes.set_title("Extracted videos by data set and method", loc="left", weight="bold")
    return render(figure)


def draw_contact_sheet(videos: list[Video], output: Path, registry: dict) -> np.ndarray:
    """A row of crops for each data set and method, evenly picked; flagged ones are framed."""
    wanted = {video.id for video in videos}
    kinds: dict[tuple, list] = defaultdict(list)
    for record in registry["videos"]:
        if record["id"] in wanted:
            kind = (record["dataset"], record["method"], LABEL_NAMES[record["label"]])
            kinds[kind] += [(record["id"], f) for f in record["frames"] if f["crop"]]
    kinds = {kind: crops for kind, crops in sorted(kinds.items()) if crops}
    step = THUMB_PX + 4
    width, height = LABEL_PX + THUMBS * step + 8, 48 + len(kinds) * step + 8
    figure = Figure(figsize=(width / DPI, height / DPI))
    title = "Crops by data set and method (yellow frame: tiny, blurred or extreme pose)"
    figure.text(8 / width, 1 - 24 / height, title, va="center", weight="bold")
    for row, (dataset, method, kind) in enumerate(kinds):
        y = 1 - (48 + row * step + THUMB_PX / 2) / height
        figure.text(8 / width, y, f"{dataset}\n{method} ({kind})", va="center", fontsize=9)
    page = render(figure)
    for row, crops in enumerate(kinds.values()):
        picked = [
            crops[i] for i in np.linspace(0, len(crops) - 1, min(THUMBS, len(crops)), dtype=int)
        ]
        for column, (video_id, frame) in enumerate(picked):
            content = np.fromfile(output / video_id / frame["crop"], np.uint8)
            thumb = cv2.resize(
                cv2.imdecode(content, cv2.IMREAD_COLOR),
                (THUMB_PX, THUMB_PX),
                interpolation=cv2.INTER_AREA,
            )[..., ::-1].copy()
            if frame["flags"]:
                cv2.rectangle(thumb, (0, 0), (THUMB_PX - 1, THUMB_PX - 1), (240, 228, 66), 4)
            x, y = LABEL_PX + column * step, 48 + row * step
            page[y : y + THUMB_PX, x : x + THUMB_PX] = thumb
    return page
