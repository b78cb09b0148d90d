"""What an evaluation leaves in analysis_results/evaluation/<run>/: pictures, scores.csv, report."""

from itertools import cycle
from pathlib import Path
from statistics import NormalDist

import numpy as np
from sklearn.metrics import roc_curve

from evaluation.attacks import ATTACKS
from pictures.harms import CLEAN_PLACE, SWEEP, all_changes, condition
from reports.page import COLOURS, GREY, TRUTHS, Figure, render, save_png
from reports.samples import sheet
from reports.training import (
    CURVES,
    draw_confusion,
    draw_per_method,
    draw_reliability,
    draw_roc,
)
from scoring.calibration import Outcome
from scoring.likelihood import log_odds, ratio_of, ratio_text
from scoring.metrics import Scores
from scoring.verdict import INCONCLUSIVE
from utils.config import FAKE, LABEL_NAMES, REAL
from utils.files import write_csv, write_json

TITLE = "Evaluation"
SHOWN_KINDS = 24  # rows of scores.png
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99)  # labels of DET's axes


def write_evaluation(
    folder: Path, report: dict, outcomes: list[Outcome], records: list[dict], misses: list
) -> None:
    """outcomes: of each checkpoint on clean crops, then of each other detector. Pictures that would
    be empty, such as a ROC of one class, are left out, and an earlier run's removed."""
    outcome, conditions = outcomes[0], report["conditions"]
    curves = {"by video": outcome.videos, "by frame": outcome.frames}
    if len(outcomes) > 1:
        files = [report["model"]["file"], *(other["model"]["file"] for other in report["against"])]
        files += [other["scores"] for other in report["others"]]
        names = _short_names(files)
        curves = {name: each.videos for name, each in zip(names, outcomes, strict=True)}
    has_both = len(np.unique(outcome.videos.labels)) == 2
    has_sweep = has_both and all_changes().keys() <= conditions.keys()
    by_method = {name: found["video"] for name, found in report["by_method"].items()}
    pages = {
        "confusion_matrix.png": draw_confusion(outcome, TITLE),
        "per_method.png": draw_per_method(outcome, by_method, TITLE),
        "scores.png": draw_scores(outcome),
        "roc.png": draw_roc(curves, outcome, TITLE) if has_both else None,
        "det.png": draw_det(curves) if has_both else None,
        "tippett.png": draw_tippett(curves) if has_both else None,
        "reliability.png": draw_reliability({TITLE: outcome}) if has_both else None,
        "robustness.png": draw_robustness(conditions) if has_sweep else None,
        "errors.png": draw_misses(misses, records) if misses else None,
    }
    for name, page in pages.items():
        if page is None:
            (folder / name).unlink(missing_ok=True)
        else:
            save_png(page, folder / name)
    rows = score_rows(outcome, records)
    write_csv(folder / "scores.csv", list(rows[0]), [list(row.values()) for row in rows])
    write_json(folder / "report.json", report)


def _short_names(files: list[str]) -> list[str]:
    """The files' names, as short as a legend wants them, numbered where two are the same."""
    stems = [" + ".join(Path(part).stem for part in file.split(" + ")) for file in files]
    names = [_shortened(stem) for stem in stems]
    return [f"{name} ({n})" if names.count(name) > 1 else name for n, name in enumerate(names, 1)]


def _shortened(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:10]}…{name[-11:]}"


def draw_det(curves: dict[str, Scores]) -> np.ndarray:
    """Detection error trade-off (Martin et al., Eurospeech 1997): miss against false-alarm rate,
    both as normal deviates, on which normally distributed scores give straight lines."""
    deviate = np.vectorize(NormalDist().inv_cdf)
    figure = Figure(figsize=(5.4, 5.2), layout="tight")
    axes = figure.subplots()
    low, high = deviate([RATES[0] / 2, 1 - RATES[0] / 2])
    axes.plot([low, high], [high, low], color=GREY, lw=0.8, ls=":", label="chance")
    axes.plot([low, high], [low, high], color=GREY, lw=0.6, label="equal rates")
    for (name, scores), style in zip(curves.items(), cycle(CURVES)):
        fpr, tpr, _ = roc_curve(scores.labels, scores.p_fake, drop_intermediate=False)
        rates = np.clip([fpr, 1 - tpr], RATES[0] / 2, 1 - RATES[0] / 2)  # 0 has no deviate
        axes.plot(*deviate(rates), **style, label=name, clip_on=False)
    ticks = deviate(RATES)
    labels = [f"{rate:.0%}" for rate in RATES]
    axes.set_xticks(ticks, labels, fontsize=8, rotation=45)
    axes.set_yticks(ticks, labels, fontsize=8)
    axes.set(title=f"{TITLE}: DET", xlim=(low, high), ylim=(low, high))
    axes.set(xlabel="reals called fake", ylabel="fakes missed")
    axes.set_aspect("equal")
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none", fontsize=9)
    return render(figure)


def draw_tippett(curves: dict[str, Scores]) -> np.ndarray:
    """The share of fakes, and of reals, whose likelihood ratio is at least so large."""
    figure = Figure(figsize=(6.4, 4.8), layout="tight")
    axes = figure.subplots()
    for (name, scores), style in zip(curves.items(), cycle(CURVES)):
        ratios = log_odds(scores.p_fake) / np.log(10)
        for label, dashes in ((FAKE, "-"), (REAL, ":")):
            values = np.sort(ratios[scores.labels == label])
            shares = 1 - np.arange(len(values)) / len(values)
            look = style | {"ls": dashes, "label": f"{name}, {LABEL_NAMES[label]}s"}
            axes.step(values, shares, where="pre", **look)
    axes.axvline(0, color="black", lw=0.8, ls="--")
    low, high = axes.get_xlim()
    ticks = np.arange(np.ceil(low), np.floor(high) + 1, 1 if high - low < 8 else 2)
    axes.set_xticks(ticks, [ratio_text(10.0**tick) for tick in ticks])
    axes.set(
        title=f"{TITLE}: Tippett", xlabel="likelihood ratio", ylabel="share of so much or more"
    )
    axes.legend(loc="upper right", fontsize=8)
    return render(figure)


def rows_of(videos: Scores) -> np.ndarray:
    """Each video's kind, (n,): the largest ones of each class by name, its others together."""
    rows = videos.groups.astype(object)
    if len(np.unique(rows)) <= SHOWN_KINDS:
        return videos.groups
    for label, name in enumerate(LABEL_NAMES):
        kinds, counts = np.unique(videos.groups[videos.labels == label], return_counts=True)
        rare = kinds[np.argsort(-counts, kind="stable")[SHOWN_KINDS // 2 - 1 :]]
        rows[np.isin(videos.groups, rare) & (videos.labels == label)] = f"other {name}s"
    return rows.astype(str)


def draw_scores(outcome: Outcome) -> np.ndarray:
    """Each video's p_fake, a row of dots for each kind and its median, with the range in which
    nothing is decided."""
    videos, groups = outcome.videos, rows_of(outcome.videos)
    kinds = sorted(set(groups), key=lambda name: (name.startswith("other "), name))
    figure = Figure(figsize=(9, 1.8 + 0.55 * len(kinds)), layout="tight")
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    band = {"color": COLOURS[INCONCLUSIVE], "alpha": 0.15, "lw": 0}
    axes.axvspan(*outcome.marks.undecided, **band, label="inconclusive")
    axes.axvline(0.5, color="black", lw=1, ls="--", label="as often real as fake")
    for place, kind in enumerate(kinds):
        members = groups == kind
        colour = COLOURS[TRUTHS[videos.labels[members].max()]]
        height = place + rng.uniform(-0.25, 0.25, members.sum())
        solid = min(0.7, max(0.15, 60 / members.sum()))
        axes.scatter(videos.p_fake[members], height, s=18, color=colour, alpha=solid, lw=0)
        if members.sum() > 2:
            median = np.median(videos.p_fake[members])
            axes.plot([median] * 2, [place - 0.35, place + 0.35], color="black", lw=2)
    axes.plot([], [], color="black", lw=2, label="median")
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(kinds) - 0.5, -0.5), xlabel="p_fake of a video")
    axes.set_title("Scores", loc="left", weight="bold")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=9)
    return render(figure)


def draw_robustness(conditions: dict[str, dict]) -> np.ndarray:
    """Video AUC over the strength of each kind of change, with its interval."""
    columns, kinds, colour = 5, SWEEP | ATTACKS, COLOURS[TRUTHS[REAL]]
    figure = Figure(figsize=(15, 6), layout="tight")
    panels = figure.subplots(-(-len(kinds) // columns), columns, sharey=True).ravel()
    for axes, (kind, steps) in zip(panels, kinds.items(), strict=False):
        found = {strength: conditions[condition(kind, strength)]["video"] for strength in steps}
        points = list(found.items())
        points.insert(CLEAN_PLACE.get(kind, 0), ("clean", conditions["clean"]["video"]))
        places = np.arange(len(points))
        values = [video["auc"] for _, video in points]
        spread = [video["auc_interval"] or [np.nan] * 2 for _, video in points]
        axes.vlines(places, *np.transpose(spread), color=colour, alpha=0.25, lw=7)
        axes.plot(places, values, "o-", color=colour, clip_on=False, zorder=3)
        axes.axhline(0.5, color=GREY, lw=0.8, ls=":")
        axes.set_xticks(places, [_folded(strength) for strength, _ in points])
        axes.set(title=kind, xlim=(-0.3, len(points) - 0.7), ylim=(0, 1))
        axes.tick_params(labelsize=8)
    for axes in panels[::columns]:
        axes.set_ylabel("video AUC")
    for axes in panels[len(kinds) :]:
        axes.axis("off")
        text = "bars: 95 % intervals over groups\nof people, where they have a width"
        axes.text(0, 0.5, text + "\n\ndotted: chance", fontsize=9, color=GREY, va="center")
    return render(figure)


def _folded(strength: str) -> str:
    return strength.replace(" ", "\n", 1) if len(strength) > 6 else strength


def draw_misses(misses: list, records: list[dict]) -> np.ndarray:
    """The worst crop of each of the videos furthest from the truth, worst first."""
    thumbs = []
    for miss in misses:
        record = records[miss.number]
        label = record["label"]
        truth, p_fake = TRUTHS[label], abs(label - miss.distance)
        names = (record["method"], record["id"].rsplit("/", 1)[-1])
        lines = [f"is {truth}, p_fake {p_fake:.2f}", *map(_shortened, names)]
        colours = [COLOURS[truth], GREY, GREY]
        thumbs.append((miss.crop, list(zip(lines, colours, strict=True))))
    return sheet("Videos judged wrongly, worst first", thumbs, columns=min(8, max(3, len(thumbs))))


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
            "likelihood_ratio": float(f"{ratio_of(p_fake):.4g}"),
            "judged": LABEL_NAMES[int(p_fake >= 0.5)],
            "verdict": records[number]["verdict"],
        }
        for number, p_fake in zip(seen, outcome.videos.p_fake, strict=True)
    ]
