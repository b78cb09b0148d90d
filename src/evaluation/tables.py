"""What an evaluation prints: figures as tables of aligned columns."""

from scoring.intervals import SHARES
from utils import console

FEW_GROUPS = 10  # a percentile interval over fewer covers less than it says

COLUMNS = {
    "AP": "average_precision",
    "EER": "eer",
    "accuracy": "accuracy",
    "balanced": "balanced_accuracy",
    **{f"TPR@{share:.0%}": f"tpr_at_{share:.0%}_fpr" for share in SHARES},
}


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """The first column to the left, the others to the right."""
    rows = [[console.shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("   " + "  ".join([row[0].ljust(widths[0]), *cells]).rstrip())


def print_evaluation(report: dict) -> None:
    """The figures of one checkpoint."""
    conditions = report["conditions"]
    clean = conditions["clean"]
    console.heading(f"📊 {console.shown(report['model']['file'])}")
    low, high = report["undecided"]
    print(
        f"   {clean['video']['n']:,} videos of {report['groups']:,} groups of people, "
        f"{clean['frame']['n']:,} frames; trained on: {trained_on(report)}\n"
        f"   threshold {report['threshold']:.3f}, inconclusive from {low:.3f} to {high:.3f}"
    )
    slices = {"all": clean}
    if len(report["by_dataset"]) > 1:
        slices |= report["by_dataset"]
    slices |= report["by_method"]
    for unit in ("video", "frame"):
        print()
        header = [f"by {unit}", "n", "AUC", "95 % interval", *COLUMNS]
        rows = [_figures(name, result[unit]) for name, result in slices.items()]
        print_table(header, [*rows, _chance(clean[unit])])
    print()
    rows = [_paired(name, result["video"]["paired"]) for name, result in slices.items()]
    if rows := [row for row in rows if row]:
        print_table(["fakes above their own footage", "fakes", "share", "95 % interval"], rows)
    print("   TPR@1%: of fakes found, at most 1% of reals called fake; kinds of fakes: against the")
    print("   reals of their data set; -: undefined, or an interval of no width")
    if report["groups"] < FEW_GROUPS:
        console.warn(f"Groups of people: only {report['groups']}; such intervals are too narrow")
    print()
    rows = [
        [way, _number(found["auc"]), _number(found["balanced_accuracy"])]
        for way, found in report["joining"].items()
    ]
    print_table(["frames joined by", "AUC", "balanced"], rows)
    print()
    header = ["condition", "AUC", "95 % interval", "by frame", "FPR", "TPR", "red FPR", "red TPR"]
    print_table(header, [_condition(name, result) for name, result in conditions.items()])
    print("   FPR, TPR: share of reals and of fakes from the threshold up; red: with verdict FAKE,")
    print("   others being REAL or INCONCLUSIVE")


def print_across(rows: list[dict]) -> None:
    """Rows of {model, trained_on, auc by data set}."""
    console.heading("🔀 VIDEO AUC BY DATA SET")
    names = list(rows[0]["auc"])
    print_table(
        ["checkpoint (trained on)", *names],
        [
            [f"{row['model']} ({trained_on(row)})"] + [_number(row["auc"][name]) for name in names]
            for row in rows
        ],
    )


def trained_on(report: dict) -> str:
    names = report["trained_on"]
    return names if isinstance(names, str) else ", ".join(names)


def interval_text(interval: list[float] | None) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "-"


def _figures(name: str, found: dict) -> list[str]:
    figures = [_number(found[key]) for key in COLUMNS.values()]
    return [
        name,
        f"{found['n']:,}",
        _number(found["auc"]),
        interval_text(found["auc_interval"]),
        *figures,
    ]


def _paired(name: str, found: dict) -> list[str] | None:
    if not found["n"]:
        return None
    return [name, f"{found['n']:,}", _number(found["share"]), interval_text(found["interval"])]


def _chance(found: dict) -> list[str]:
    """What scores of pure chance give, and for accuracy always answering FAKE."""
    counts = found["confusion"]
    fakes = (counts["tp"] + counts["fn"]) / found["n"]
    figures = [fakes, 0.5, fakes, 0.5, *SHARES]
    return ["chance, or always FAKE", f"{found['n']:,}", "0.500", "-", *map(_number, figures)]


def _condition(name: str, result: dict) -> list[str]:
    video, verdicts = result["video"], result["verdicts"]
    rates = [video["false_positive_rate"], video["recall"]]
    rates += [verdicts.get(kind, {}).get("FAKE") for kind in ("real", "fake")]
    return [
        name,
        _number(video["auc"]),
        interval_text(video["auc_interval"]),
        _number(result["frame"]["auc"]),
        *map(_share, rates),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
