"""Reading tables that people make: CSV with the separators and heads that spreadsheets write."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from utils.console import Failure

SEPARATORS = ",;\t"


def read_table(
    path: Path, wanted: tuple[str, ...] = (), exact: bool = False
) -> dict[int, dict[str, str]]:
    """The rows of a CSV by their line numbers, each a dict of every column's value, blanks around
    it taken off. Rows without any value are left out.

    Separated by commas, semicolons or tabs, whichever divide the head most; UTF-8, with or without
    a byte order mark. Heads in small letters, without the blanks around them, with _ for those
    inside. Raises Failure when it cannot be read, or lacks one of the wanted columns; if exact also
    for two columns of one name, and for a row with more cells than there are columns.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            lines = list(stream)
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not a CSV in UTF-8: save it as one") from error
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read ({error}): name another") from error
    first = next((n for n, text in enumerate(lines) if text.strip()), 0)
    if lines and lines[first].lower().startswith("sep="):  # a line for spreadsheets alone
        first += 1
    head = lines[first] if first < len(lines) else ""
    try:
        counts = {mark: len(next(csv.reader([head], delimiter=mark))) for mark in SEPARATORS}
        separator = max(counts, key=counts.get)
        reader = csv.reader(lines[first:], delimiter=separator, skipinitialspace=True)
        columns = ["_".join(name.lower().split()) for name in next(reader, ())]
        rows = {}
        for values in reader:
            line = first + reader.line_num
            if exact and any(values[len(columns) :]):
                raise Failure(f"{path} line {line} has more cells than the first line has names")
            row = dict.fromkeys(columns, "") | {
                name: value.strip() for name, value in zip(columns, values, strict=False)
            }
            if any(row.values()):
                rows[line] = row
    except csv.Error as error:
        raise Failure(f"{path} cannot be read ({error})") from error
    if lacking := [name for name in wanted if name not in columns]:
        lacking = " and ".join(lacking)
        raise Failure(f"{path} lacks the column {lacking} in its first row: name it there")
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if exact and twice:
        raise Failure(f"{path} has two columns {', '.join(twice)}")
    return rows
