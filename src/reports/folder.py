"""What judging many files leaves: summary.csv and overview.png, the most suspicious first."""

from pathlib import Path

import numpy as np

from judging.summary import ORDER, summary_row, suspicion_of
from reports.page import COLOURS, GREY, Figure, elided, render, save_png
from utils.files import write_csv

SHOWN_ROWS = 60


def write_summary(folder: Path, reports: list[dict]) -> None:
    """Write both files."""
    rows = sorted((summary_row(report) for report in reports), key=suspicion_of)
    write_csv(folder / "summary.csv", list(rows[0]), [list(row.values()) for row in rows])
    save_png(draw_overview(rows), folder / "overview.png")


def draw_overview(rows: list[dict]) -> np.ndarray:
    """Each file's score on a line of its own; an RGB picture (H, W, 3) uint8."""
    counts = {outcome: sum(row["verdict"] == outcome for row in rows) for outcome in ORDER}
    shown_rows = rows[:SHOWN_ROWS]
    height = 1.5 + 0.26 * len(shown_rows)
    figure = Figure(figsize=(11, height))
    axes = figure.subplots()
    for place, row in enumerate(shown_rows):
        colour = COLOURS[row["verdict"]]
        text = row["verdict"]
        if row["p_fake"] is None:
            text += ", no face"
        else:
            axes.barh(place, row["p_fake"], 0.72, color=colour, alpha=0.85)
            text += f"  {row['p_fake']:.3f}"
        axes.text(1.02, place, text, color=colour, va="center", fontsize=9, weight="bold")
    axes.set(xlim=(0, 1), ylim=(len(shown_rows) - 0.4, -0.6), xlabel="p_fake")
    names = [elided(Path(row["file"]).name, 38) for row in shown_rows]
    axes.set_yticks(range(len(shown_rows)), names, fontsize=9, parse_math=False)
    title = f"{len(rows):,} files: " + ", ".join(f"{n:,} {name}" for name, n in counts.items())
    figure.text(0.03, 1 - 0.25 / height, title, fontsize=13, weight="bold", va="center")
    if len(rows) > len(shown_rows):
        more = f"the {SHOWN_ROWS} most suspicious; all are in summary.csv"
        figure.text(0.03, 1 - 0.5 / height, more, fontsize=9, color=GREY, va="center")
    figure.subplots_adjust(left=0.3, right=0.82, top=1 - 0.7 / height, bottom=0.6 / height)
    return render(figure)
