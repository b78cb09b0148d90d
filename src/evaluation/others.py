"""Other detectors on the same videos: tables of their scores, measured as a checkpoint's are."""

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from scoring.calibration import Outcome
from scoring.intervals import About, by_name, difference, figures
from scoring.metrics import Scores
from utils.console import Failure
from utils.spreadsheet import read_table


def read_scores(table: Path, records: list[dict]) -> tuple[dict[int, float], int]:
    """p_fake by number of the record, from a CSV of path,p_fake, and how many of its rows are of no
    record.

    A path is a record's id, that without its suffix, a path from the table's folder, or a file's
    name that only one record has. Raises Failure.
    """
    known, found, lines, unknown = _by_name(records), {}, {}, 0
    for line, row in read_table(table, ("path", "p_fake")).items():
        try:
            p_fake = float(row["p_fake"])
        except ValueError:
            p_fake = np.nan
        if not 0 <= p_fake <= 1:
            raise Failure(
                f"{table}, line {line}: p_fake {row['p_fake']!r} is not a number from 0 to 1"
            )
        numbers = (known.get(name, ()) for name in _names(row["path"], table.parent))
        number = next((one[0] for one in numbers if len(one) == 1), None)
        if number is None:
            unknown += 1
        elif number in found:
            text = f"{row['path']} is in line {lines[number]} already"
            raise Failure(f"{table}, line {line}: {text}")
        else:
            found[number], lines[number] = p_fake, line
    if not found:
        raise Failure(
            f"{table} names none of the videos evaluated: write their paths as {records[0]['id']}"
        )
    return found, unknown


def _by_name(records: list[dict]) -> dict[str, list[int]]:
    """Numbers of the records that go by each name."""
    known = defaultdict(list)
    for number, record in enumerate(records):
        for name in set(_names(record["id"], None)):
            known[name].append(number)
        if record.get("path"):
            known[os.path.realpath(record["path"])].append(number)
    return known


def _names(text: str, folder: Path | None) -> list[str]:
    """What a record may be known by, the surest first."""
    text = text.replace("\\", "/")
    path = PurePosixPath(text)
    places = [] if folder is None else [os.path.realpath(folder / text)]
    return [*places, text, str(path.with_suffix("")) if path.name else text, path.name, path.stem]


def evaluate_other(
    table: Path, records: list[dict], ours: Outcome, about: About
) -> tuple[dict, Outcome]:
    """Figures of another detector as report.json holds them, beside ours on the videos that both
    have scored, and its outcome. Raises Failure."""
    found, unknown = read_scores(table, records)
    seen = np.unique(ours.numbers)
    numbers = np.array([number for number in seen if number in found], int)
    if not len(numbers):
        raise Failure(f"{table} has no score of a video that this model could judge")
    p_fake = np.array([found[number] for number in numbers])
    facts = about.labels[numbers], about.kinds[numbers]
    outcome = Outcome(Scores(p_fake, *facts, pairs=about.pairs[numbers]), numbers)
    same = ours.only(numbers)
    report = {
        "scores": str(table),
        "missing": len(seen) - len(numbers),
        "not_evaluated": unknown + len(found) - len(numbers),
        "conditions": {"clean": figures(outcome, about.groups)},
        "by_dataset": by_name(outcome, about.datasets, about),
        "by_method": by_name(outcome, about.kinds, about),
        "first_on_the_same": figures(same, about.groups)["video"],
        "auc_of_the_first_minus_this": difference(
            same.videos, outcome.videos, about.groups[numbers]
        ),
    }
    return report, outcome
