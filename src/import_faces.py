"""Bring in photographs of faces that somebody cut out and marked already, in a folder with a
faces.csv, as the crops and the registry that 1_extract_frames.py would have made of them."""

import argparse
import csv
import re
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np

from datasets.registry import CropSettings, collate, is_current, write_record
from faces.detect import Face
from media.frame import Frame
from utils import console
from utils.config import REAL, REGISTRY_NAME, ImportConfig
from utils.console import Failure, run_script, shown
from utils.files import atomic_folder, only_run, remove_leftovers
from utils.flags import add_flags, from_flags

POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
COLUMNS = ("file", "source_repository", "source_path", "face_width_px")
SETTINGS = CropSettings(frames=1, crop_size_px=256, crop_margin=1.54, detector="yunet")
SHOWN_FAILURES = 20


def parse_args(argv: list[str] | None) -> ImportConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, ImportConfig)
    return from_flags(ImportConfig, parser.parse_args(argv))


def read_rows(path: Path) -> dict[tuple[str, str], dict]:
    """The rows of faces.csv by (shard, file); shard is '' where pictures lie in the folder."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{path} cannot be read ({error}): name its folder first") from error
    wanted = [*COLUMNS, *(f"{point}_{axis}" for point in POINTS for axis in "xy")]
    missing = [name for name in wanted if not rows or name not in rows[0]]
    if missing:
        raise Failure(f"{path} has no rows or lacks the columns {', '.join(missing)}")
    return {(row.get("shard") or "", row["file"]): row for row in rows}


def pictures(folder: Path, rows: dict):
    """(row, content) of every picture that rows name, out of shard after shard; content is an
    error's text where it cannot be had."""
    for shard in sorted({shard for shard, _ in rows}):
        names = {file for where, file in rows if where == shard}
        if not shard:
            for name in sorted(names):
                try:
                    yield rows["", name], (folder / name).read_bytes()
                except OSError as error:
                    yield rows["", name], str(error)
            continue
        reason = f"not in {shard}"
        try:
            with tarfile.open(folder / shard) as archive:
                for member in archive:
                    name = member.name.removeprefix("./")
                    if member.isfile() and name in names:
                        names.discard(name)
                        yield rows[shard, name], archive.extractfile(member).read()
        except (OSError, tarfile.TarError, EOFError) as error:
            reason = str(error)
        for name in sorted(names):
            yield rows[shard, name], reason


def person_of(row: dict) -> str:
    """Who is in the picture: the name without the trailing number that frames of one video have."""
    stem = Path(row["source_path"]).stem
    return f"{row['source_repository']}:{re.sub(r'_[0-9]+$', '', stem) or stem}"


def import_one(row: dict, content: bytes, config: ImportConfig) -> None:
    """Write one picture's crop and record. Raises ValueError with the reason if it is unusable."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("damaged, or not a picture")
    height, width = image.shape[:2]
    points = [(float(row[f"{name}_x"]), float(row[f"{name}_y"])) for name in POINTS]
    side = min(height, width) / config.margin  # of the square around the face box
    left, top = (width - side) / 2, (height - side) / 2
    face = Face((left, top, left + side, top + side), tuple(points), score=1.0)
    about = {
        "id": f"{config.dataset}/{id_of(row)}",
        "dataset": config.dataset,
        "method": "original",
        "label": REAL,
        "identities": [person_of(row)],
        "official_split": None,
        "size_bytes": len(content),
    }
    with atomic_folder(config.output / about["id"]) as folder:
        write_record(
            folder, about, [Frame(0, 0.0, image)], [face], SETTINGS, float(row["face_width_px"])
        )


def id_of(row: dict) -> str:
    name = "/".join(filter(None, (Path(row.get("shard") or "").stem, row["file"])))
    return re.sub(r"[^\w/.-]|\.\.", "_", name)


def run(config: ImportConfig) -> int:
    rows = read_rows(config.faces / "faces.csv")
    config.output.mkdir(parents=True, exist_ok=True)
    failures, done = [], 0
    with only_run(config.output, "extraction-1-of-1", "extraction-*"):
        remove_leftovers(config.output)
        todo = pictures(config.faces, rows)
        for row, content in console.progress(todo, len(rows), "Importing", "pictures"):
            try:
                if isinstance(content, str):
                    raise ValueError(content)
                if not is_current(config.output / config.dataset / id_of(row), SETTINGS):
                    import_one(row, content, config)
                done += 1
            except (ValueError, KeyError) as error:
                failures.append(f"{row.get('shard') or ''}/{row['file']}: {error}")
        registry = collate(config.output, SETTINGS)
    for text in failures[:SHOWN_FAILURES]:
        console.bad(shown(text))
    people = {person for video in registry["videos"] for person in video["identities"]}
    print(f"{done:,} pictures of {len(people):,} people, {len(failures):,} failed")
    if not done:
        console.error("no picture could be imported")
        return 1
    console.good(f"Registry: {shown(config.output / REGISTRY_NAME)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    kept = "what is finished is kept, run the same command to go on"
    return run_script(lambda: run(config), f"interrupted: {kept}")


if __name__ == "__main__":
    sys.exit(main())
