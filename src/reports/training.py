"""What a training run leaves in analysis_results/training/<run>/: pictures and report.json."""

from itertools import cycle
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from reports.page import COLOURS, GREY, Figure, MaxNLocator, render, save_png
from reports.samples import draw_most_wrong
from scoring.calibration import Outcome
from scoring.metrics import Scores, metrics, reliability
from scoring.verdict import FAKE, REAL
from utils.files import write_json

SHOWN_KINDS = 30
CURVES = [
    {"color": COLOURS[FAKE]},
    {"color": COLOURS[REAL]},
    {"color": "#009E73", "ls": "--"},
    {"color": "#CC79A7", "ls": "-."},
]


def write_training_report(folder: Path, report: dict, outcomes: dict, dataset) -> None:
    """outcomes: Outcome of 'val' and 'test'; dataset: the FaceFrames of the test split."""
    test = outcomes["test"]
    pages = {
        "training_curves.png": draw_curves(report["history"], report["best_epoch"]),
        "confusion_matrix.png": draw_confusion(test),
        "roc.png": draw_roc({"by video": test.videos, "by frame": test.frames}, test),
        "per_method.png": draw_per_method(test, report["test"]["by_method"]),
        "reliability.png": draw_reliability({"Validation": outcomes["val"], "Test": test}),
        "samples.png": draw_most_wrong(test, dataset),
    }
    for name, page in pages.items():
        save_png(page, folder / name)
    write_json(folder / "report.json", report)


def draw_curves(history: list[dict], best_epoch: int) -> np.ndarray:
    figure = Figure(figsize=(12, 4), layout="tight")
    loss_axes, auc_axes, accuracy_axes = figure.subplots(1, 3)
    epochs = [entry["epoch"] for entry in history]

    def plot(axes, values, name, colour, **style):
        axes.plot(epochs, values, color=colour, marker="o", ms=4, label=name, **style)

    plot(loss_axes, [e["train"]["loss"] for e in history], "train", COLOURS[FAKE])
    for unit, dashes in (("video", "-"), ("frame", ":")):
        auc = [e[unit]["auc"] for e in history]
        plot(auc_axes, auc, f"validation, by {unit}", COLOURS[REAL], ls=dashes)
        accuracy = [e[unit]["balanced_accuracy"] for e in history]
        plot(accuracy_axes, accuracy, f"validation, by {unit}", COLOURS[REAL], ls=dashes)
    shares = [e["video"].get("paired", {}).get("share") for e in history]
    if any(share is not None for share in shares):
        shares = [np.nan if share is None else share for share in shares]
        plot(auc_axes, shares, "fakes above their own footage", "#009E73", ls="--")
    accuracy = [e["train"]["accuracy"] for e in history]
    plot(accuracy_axes, accuracy, "train, plain", COLOURS[FAKE])
    titles = ("Loss", "AUC", "Balanced accuracy")
    for axes, title in zip((loss_axes, auc_axes, accuracy_axes), titles, strict=True):
        axes.axvline(best_epoch, color=GREY, ls="--", lw=1, label="kept epoch")
        axes.set(title=title, xlabel="epoch")
        axes.set_xlim(0.5, len(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
    for axes in (auc_axes, accuracy_axes):
        axes.axhline(0.5, color=GREY, lw=0.6)
        axes.set_ylim(-0.02, 1.02)
    return render(figure)


def draw_confusion(test: Outcome, name: str = "Test") -> np.ndarray:
    import seaborn  # here, for it imports matplotlib, which page.py has to do first

    figure = Figure(figsize=(9, 4), layout="tight")
    units = ("video", test.videos), ("frame", test.frames)
    for axes, (unit, scores) in zip(figure.subplots(1, 2), units, strict=True):
        counts = metrics(scores)["confusion"]
        table = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]])
        seaborn.heatmap(
            table, annot=True, fmt=",d", cmap="Blues", cbar=False, square=True, ax=axes,
            xticklabels=["real", "fake"], yticklabels=["real", "fake"], annot_kws={"size": 14},
        )  # fmt: skip
        axes.set(title=f"{name}, by {unit} (n = {table.sum():,})", xlabel="judged", ylabel="is")
    return render(figure)


def draw_roc(curves: dict[str, Scores], test: Outcome, name: str = "Test") -> np.ndarray:
    """A curve for each of some scores, and the point of test's p_fake 0.5, by video."""
    figure = Figure(figsize=(5.4, 5), layout="tight")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":", label="chance")
    for (label, scores), style in zip(curves.items(), cycle(CURVES)):
        if len(np.unique(scores.labels)) == 2:
            fpr, tpr, _ = roc_curve(scores.labels, scores.p_fake)
            area = roc_auc_score(scores.labels, scores.p_fake)
            axes.plot(fpr, tpr, **style, label=f"{label}, AUC {area:.3f}")
    counts = metrics(test.videos)["confusion"]
    reals, fakes = counts["fp"] + counts["tn"], counts["tp"] + counts["fn"]
    if reals and fakes:
        point = (counts["fp"] / reals, counts["tp"] / fakes)
        axes.plot(*point, "s", color="black", label="p_fake 0.5, by video")
    axes.set(title=f"{name}: ROC", xlabel="false-positive rate", ylabel="true-positive rate")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=9)
    return render(figure)


def draw_per_method(test: Outcome, by_method: dict[str, dict], name: str = "Test") -> np.ndarray:
    """Of each kind of videos the share judged rightly, and of fakes the AUC that by_method has."""
    counts = {kind: (test.videos.groups == kind).sum() for kind in by_method}
    largest = sorted(by_method, key=counts.get, reverse=True)[:SHOWN_KINDS]
    if len(by_method) > SHOWN_KINDS:
        name = f"{name}, the {SHOWN_KINDS} largest of {len(by_method)} kinds"
    kinds = [kind for kind in by_method if kind in largest]
    figure = Figure(figsize=(9, 1 + 0.4 * len(kinds)), layout="tight")
    axes = figure.subplots()
    for place, kind in enumerate(kinds):
        result = by_method[kind]
        is_fake = result["confusion"]["fn"] + result["confusion"]["tp"] > 0
        right, truth = (result["recall"], FAKE) if is_fake else (result["accuracy"], REAL)
        axes.barh(place, right, color=COLOURS[truth], height=0.6)
        text = f" {right:.0%} of {counts[kind]:,} judged {truth}"
        text += "" if result["auc"] is None else f", AUC {result['auc']:.3f}"
        axes.text(right, place, text, va="center", fontsize=9)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set(title=f"{name}, by video: judged rightly", xlim=(0, 1.5), xlabel="share")
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    return render(figure)


def draw_reliability(panels: dict[str, Outcome]) -> np.ndarray:
    figure = Figure(figsize=(4.8 * len(panels), 4.6), layout="tight")
    plots = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, outcome) in zip(plots, panels.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        for scores, label, colour in (
            (outcome.raw, "of the network", GREY),
            (outcome.frames, "calibrated", COLOURS[REAL]),
        ):
            rows, error = reliability(scores)
            points = [(row["p_fake"], row["fake"]) for row in rows]
            text = f"{label}, expected error {error:.3f}"
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=text)
        axes.set(title=f"{name}, by frame, classes weighted alike")
        axes.set(xlabel="mean p_fake", ylabel="share that is fake")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.legend(fontsize=9)
    return render(figure)
