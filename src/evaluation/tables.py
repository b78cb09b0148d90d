"""What an evaluation prints: figures as tables of aligned columns."""

from scoring.intervals import SHARES
from scoring.verdict import describe_marks, known_marks
from utils import console

FEW_GROUPS = 10  # a percentile interval over fewer covers less than it says

COLUMNS = {
    "AP": "average_precision",
    "EER": "eer",
    "accuracy": "accuracy",
    "balanced": "balanced_accuracy",
    "Cllr": "cllr",
    "least": "cllr_min",
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
    print(
        f"   {clean['video']['n']:,} videos of {report['groups']:,} groups of people, "
        f"{clean['frame']['n']:,} frames; trained on: {trained_on(report)}"
    )
    for line in describe_marks(known_marks(report["marks"])):
        print(f"   {line}")
    slices = {"all": clean} | report["by_slice"]
    if len(report["by_dataset"]) > 1:
        slices |= report["by_dataset"]
    slices |= report["by_training"] | report["by_method"]
    for unit in ("video", "frame"):
        print()
        header = [f"by {unit}", "n", "AUC", "95 % interval", *COLUMNS]
        rows = [_figures(name, result[unit]) for name, result in slices.items()]
        print_table(header, [*rows, _chance(clean[unit])])
    print()
    paired = {name: result["video"]["paired"] for name, result in slices.items()}
    frames = {name: result["frame"]["paired"]["share"] for name, result in slices.items()}
    rows = [
        [
            name,
            f"{found['n']:,}",
            _number(found["share"]),
            interval_text(found["interval"]),
            _number(frames[name]),
            _number(found["shift"]),
        ]
        for name, found in paired.items()
        if found["n"]
    ]
    if rows:
        header = ["fakes above their own footage", "fakes", "share", "95 % interval"]
        print_table([*header, "by frame", "shift"], rows)
        print("   by frame: each of a fake's above each of its footage's; shift: mean distance of")
        print("   a video's log-odds from its footage's, in standard deviations of that distance")
    print("   TPR@1%: of fakes found, at most 1% of reals called fake; kinds of fakes: against the")
    print("   reals of their data set; -: undefined, or an interval of no width. Cllr: the cost of")
    print("   p_fake as evidence, 0 none, 1 as if it said nothing; least: of any scale of the same")
    if report["groups"] < FEW_GROUPS:
        console.warn(f"Groups of people: only {report['groups']}; such intervals are too narrow")
    print()
    hidden = report["by_dataset"].keys() - slices.keys()
    rows = [_decided(n, found) for n, found in clean["verdicts"].items() if n not in hidden]
    header = ["verdicts", "n", "decided", "wrong of these", "reals FAKE", "fakes REAL"]
    print_table(header, rows)
    print()
    header = ["condition", "AUC", "95 % interval", "by frame", "FPR", "TPR", "red FPR", "red TPR"]
    print_table(header, [_condition(name, result) for name, result in conditions.items()])
    print(
        "   FPR, TPR: share of reals and of fakes with p_fake 0.5 or more; red: with verdict FAKE,"
    )
    print("   others being REAL or INCONCLUSIVE")


def print_other(report: dict) -> None:
    """Another detector's figures, and ours on the same videos."""
    console.heading(f"📋 {console.shown(report['scores'])}")
    theirs, ours = report["conditions"]["clean"]["video"], report["first_on_the_same"]
    text = f"   {theirs['n']:,} videos; {report['missing']:,} more have no score there"
    if report["not_evaluated"]:
        text += f"; {report['not_evaluated']:,} scores are of no video evaluated"
    print(text)
    slices = {"all": theirs} | {n: each["video"] for n, each in report["by_method"].items()}
    rows = [_figures(name, found) for name, found in slices.items()]
    header = ["by video", "n", "AUC", "95 % interval", *COLUMNS]
    print_table(header, [rows[0], _figures("the first model, on these", ours), *rows[1:]])
    found = difference_text(report["auc_of_the_first_minus_this"])
    print(f"   AUC of the first model minus this: {found}")


def difference_text(found: dict) -> str:
    value = "undefined" if found["value"] is None else f"{found['value']:+.3f}"
    return f"{value}, 95 % interval {interval_text(found['interval'])}"


def _decided(name: str, found: dict) -> list[str]:
    real, fake = found["real"], found["fake"]
    return [
        name,
        f"{real['n'] + fake['n']:,}",
        _share(found["decided"]),
        _share(found["wrong"]),
        f"{real['FAKE']:,} of {real['n']:,}",
        f"{fake['REAL']:,} of {fake['n']:,}",
    ]


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
    auc = _number(found["auc"]), interval_text(found["auc_interval"])
    return [name, f"{found['n']:,}", *auc, *figures]


def _chance(found: dict) -> list[str]:
    """What scores of pure chance give, and for accuracy always answering FAKE."""
    counts = found["confusion"]
    fakes = (counts["tp"] + counts["fn"]) / found["n"]
    figures = [fakes, 0.5, fakes, 0.5, 1.0, 1.0, *SHARES]
    return ["chance, or always FAKE", f"{found['n']:,}", "0.500", "-", *map(_number, figures)]


def _condition(name: str, result: dict) -> list[str]:
    video, verdicts = result["video"], result["verdicts"]["all"]
    rates = [video["false_positive_rate"], video["recall"]]
    for kind in (verdicts["real"], verdicts["fake"]):
        rates.append(kind["FAKE"] / kind["n"] if kind["n"] else None)
    auc = _number(video["auc"]), interval_text(video["auc_interval"])
    return [name, *auc, _number(result["frame"]["auc"]), *map(_share, rates)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
