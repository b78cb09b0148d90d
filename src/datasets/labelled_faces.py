"""A table of cut-out, marked and labelled faces: read, checked, and gathered into records."""

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from utils.config import FAKE, REAL
from utils.console import Failure
from utils.spreadsheet import read_table

POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
NUMBERS = ("face_width_px", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))
COLUMNS = ("file", "source_repository", "source_path", *NUMBERS)
FACTS = ("label", "method", "source", "person", "pair", "split")  # alike in all rows of a video
LABELS = {"real": REAL, "0": REAL, "fake": FAKE, "1": FAKE}
SPLITS = ("", "train", "val", "test")
SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Picture:
    """A row: where its picture is, and the face in it.

    shard: the tar file, or '' for a file of its own. landmarks_xy: in pixels, in the order of
    POINTS. face_width_px: in the picture that it was cut from.
    """

    shard: str
    file: str
    landmarks_xy: tuple[tuple[float, float], ...]
    face_width_px: float

    @property
    def name(self) -> str:
        return f"{self.shard}/{self.file}"


@dataclass(frozen=True)
class LabelledRecord:
    """A single picture, or a video's frames in the order of the table, and what is known of it.

    about: the keys with which its record begins, without size_bytes.
    """

    about: dict
    pictures: tuple[Picture, ...]
    is_video: bool


def read_records(path: Path, dataset: str) -> list[LabelledRecord]:
    """The records of a table, in its order. Raises Failure when any line cannot be used."""
    rows = _read_rows(path)
    problems = [f"line {row['line']}: {text}" for row in rows for text in _problems(row)]
    problems += _named_twice(rows) + _people_in_two_splits(rows)
    groups = defaultdict(list)
    for row in rows:
        groups[("video", row["video"]) if row["video"] else (row["shard"], row["file"])].append(row)
    videos = [members for members in groups.values() if members[0]["video"]]
    problems += [text for members in videos for text in _disagreements(members)]
    if problems:
        rest = len(problems) - SHOWN_PROBLEMS
        more = [f"and {rest:,} more"] if rest > 0 else []
        text = "; ".join(problems[:SHOWN_PROBLEMS] + more)
        raise Failure(f"{path}: nothing was written: mend the table: {text}")
    names = _unique([f"{dataset}/{_name_of(members[0])}" for members in groups.values()])
    return [
        LabelledRecord(
            _about(name, dataset, members), tuple(map(_picture, members)), bool(members[0]["video"])
        )
        for name, members in zip(names, groups.values(), strict=True)
    ]


def _read_rows(path: Path) -> list[dict]:
    """The rows, all columns there, with their line."""
    rows = read_table(path, COLUMNS, exact=True)
    if not rows:
        raise Failure(f"{path} has no rows")
    unset = dict.fromkeys((*FACTS, "shard", "video"), "") | {"label": "real"}
    return [unset | row | {"line": line} for line, row in rows.items()]


def _problems(row: dict) -> list[str]:
    """What is wrong in a row by itself; its facts are brought into their one form."""
    texts = []
    if not row["file"]:
        texts.append("file is empty")
    for name in NUMBERS:
        number = _number(row[name])
        if number is None:
            texts.append(f"{name} '{row[name]}' is no number")
        row[name] = number
    row["label"] = LABELS.get(row["label"].lower(), row["label"])
    if row["label"] not in (REAL, FAKE):
        texts.append(f"label '{row['label']}' is not real, fake, 0 or 1")
    row["split"] = row["split"].lower()
    if row["split"] not in SPLITS:
        texts.append(f"split '{row['split']}' is not train, val or test")
    return texts


def _number(text: str) -> float | None:
    try:  # where semicolons separate columns, a comma is the decimal point
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _named_twice(rows: list[dict]) -> list[str]:
    first, texts = {}, []
    for row in rows:
        line = first.setdefault((row["shard"], row["file"]), row["line"])
        if line != row["line"]:
            texts.append(f"lines {line} and {row['line']} name the same file {row['file']}")
    return texts


def _people_in_two_splits(rows: list[dict]) -> list[str]:
    lines, named = defaultdict(dict), {row["person"] for row in rows}
    for row in rows:
        if row["split"]:
            lines[person_of(row)].setdefault(row["split"], row["line"])
    return [
        f"{person} is in two splits, "
        + ", ".join(f"{split} in line {line}" for split, line in where.items())
        + ("" if person in named else " (as the file is named; the column person tells better)")
        for person, where in lines.items()
        if len(where) > 1
    ]


def _disagreements(members: list[dict]) -> list[str]:
    """Which facts differ between the rows of one video."""
    first = members[0]
    others = {fact: [row for row in members if row[fact] != first[fact]] for fact in FACTS}
    return [
        f"video {first['video']} has two values of {fact}, in lines {first['line']} and "
        f"{rows[0]['line']}"
        for fact, rows in others.items()
        if rows
    ]


def person_of(row: dict) -> str:
    """Who is in the picture: the column person, or the name without the trailing number that
    frames of one video have."""
    stem = Path(row["source_path"]).stem
    return row["person"] or (f"{row['source_repository']}:{re.sub(r'_[0-9]+$', '', stem) or stem}")


def _name_of(row: dict) -> str:
    if row["video"]:
        return "videos/" + re.sub(r"[^\w-]", "_", row["video"])[:100]
    name = "/".join(filter(None, (Path(row["shard"]).stem, row["file"])))
    return re.sub(r"[^\w/.-]|\.\.", "_", name)


def _unique(names: list[str]) -> list[str]:
    """The names, and a number behind those that were there before."""
    seen, result = set(), []
    for name in names:
        number, unique = 1, name
        while unique in seen:
            number += 1
            unique = f"{name}-{number}"
        seen.add(unique)
        result.append(unique)
    return result


def _about(name: str, dataset: str, members: list[dict]) -> dict:
    first = members[0]
    return {
        "id": name,
        "dataset": dataset,
        "method": first["method"] or ("original" if first["label"] == REAL else "unknown"),
        "label": first["label"],
        "identities": sorted({person_of(row) for row in members}),
        "official_split": first["split"] or None,
        "source": first["source"] or None,
        "pair": first["pair"] or None,
    }


def _picture(row: dict) -> Picture:
    points = tuple((row[f"{name}_x"], row[f"{name}_y"]) for name in POINTS)
    return Picture(row["shard"], row["file"], points, row["face_width_px"])
