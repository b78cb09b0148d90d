"""What an evaluation leaves in analysis_results/evaluation/<run>/: pictures, scores.csv, report."""

import csv
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from utils.config import FAKE as FAKE_LABEL
from utils.config import LABEL_NAMES
from utils.files import atomic_file, write_json
from utils.metrics import Outcome
from utils.page import COLOURS, DPI, GREY, render, save_png
from utils.report_training import draw_confusion, draw_per_method, draw_roc
from utils.verdict import FAKE, REAL


def write_evaluation(folder: Path, report: dict, outcome: Outcome, rows: list[dict]) -> None:
    """outcome: of the clean condition; rows: of scores.csv, one a video."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "roc.png": draw_roc(outcome),
        "confusion_matrix.png": draw_confusion(outcome),
        "per_method.png": draw_per_method(outcome),
        "scores.png": draw_scores(outcome),
    }
    if len(report["conditions"]) > 1:
        pages["robustness.png"] = draw_robustness(report["conditions"])
    for name, page in pages.items():
        save_png(page, folder / name)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_file(folder / "scores.csv") as stream:
        stream.write(text.getvalue().encode("utf-8", "backslashreplace"))
    write_json(folder / "report.json", report)


def draw_scores(outcome: Outcome) -> np.ndarray:
    """Each video's mean p_fake, a row of dots for each kind, with the threshold."""
    videos = outcome.videos
    kinds = sorted(set(videos.groups))
    figure = Figure(figsize=(9, 1.4 + 0.55 * len(kinds)), dpi=DPI)
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for place, kind in enumerate(kinds):
        members = videos.groups == kind
        is_fake = (videos.labels[members] == FAKE_LABEL).any()
        height = place + rng.uniform(-0.25, 0.25, members.sum())
        colour = COLOURS[FAKE if is_fake else REAL]
        axes.scatter(videos.p_fake[members], height, s=14, color=colour, alpha=0.6, lw=0)
    axes.axvline(outcome.threshold, color="black", lw=1, ls="--")
    axes.text(outcome.threshold, -0.75, " threshold", fontsize=8, va="center")
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(kinds) - 0.4, -1), xlabel="mean p_fake of a video")
    axes.set_title("Scores", loc="left", weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return render(figure)


def draw_robustness(conditions: dict[str, dict]) -> np.ndarray:
    """Video AUC under each condition with its interval."""
    names = list(conditions)
    figure = Figure(figsize=(9, 1.2 + 0.34 * len(names)), dpi=DPI)
    axes = figure.subplots()
    for place, name in enumerate(names):
        video = conditions[name]["video"]
        if video["auc"] is None:
            continue
        if video["auc_interval"]:
            axes.plot(video["auc_interval"], [place, place], color=GREY, lw=3, alpha=0.5)
        axes.plot(video["auc"], place, "o", color=COLOURS[REAL], clip_on=False, zorder=3)
        axes.text(1.02, place, f"{video['auc']:.3f}", va="center", fontsize=9)
    axes.axvline(0.5, color=GREY, lw=0.8, ls=":")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0.0, 1.0), xlabel="video AUC, with 95 % interval over groups of people")
    axes.invert_yaxis()
    axes.set_title("Robustness", loc="left", weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return render(figure)


def score_rows(outcome: Outcome, records: list[dict]) -> list[dict]:
    """One row a video, in the order of the records that have scores."""
    seen = np.unique(outcome.numbers)
    return [
        {
            "id": records[number]["id"],
            "dataset": records[number]["dataset"],
            "method": records[number]["method"],
            "label": LABEL_NAMES[records[number]["label"]],
            "frames": int((outcome.numbers == number).sum()),
            "p_fake": round(float(p_fake), 6),
            "judged": LABEL_NAMES[int(p_fake >= outcome.threshold)],
        }
        for number, p_fake in zip(seen, outcome.videos.p_fake, strict=True)
    ]
