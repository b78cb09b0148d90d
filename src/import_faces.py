"""Bring in faces that somebody cut out and marked already, real and fake, pictures and frames of
videos, by a table faces.csv, as the crops and the registry that 1_extract_frames.py makes."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.labelled_faces import LabelledRecord, Picture, read_records
from datasets.registry import CropSettings, collate, is_current, write_record
from faces.detect import Face
from media.frame import Frame
from utils import console
from utils.config import LABEL_NAMES, REGISTRY_NAME, ImportConfig
from utils.console import GO_ON, Failure, run_script, shown
from utils.files import TEMPORARY_PREFIX, atomic_folder, only_run, remove_leftovers
from utils.flags import add_flags, from_flags
from utils.shards import Place, equal_files, find_files
from utils.workers import Done, FatalError, run_jobs, usable_cores

SETTINGS = CropSettings(frames=1, crop_size_px=256, crop_margin=1.54, detector="yunet")
SHOWN_FAILURES = 20
SHOWN_COPIES = 5
RECORDS_A_JOB = 50  # fewer than that are no work for several processes
SECONDS_A_JOB = 300.0
ORDER = ("train", "val", "test", "no split")


def parse_args(argv: list[str] | None) -> ImportConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, ImportConfig)
    return from_flags(ImportConfig, parser.parse_args(argv))


class Importer:
    """Writes the crops and records of one job after another into output."""

    def __init__(self, output: Path, margin: float):
        cv2.setNumThreads(1)  # the processes share the cores
        self.output, self.margin = output, margin

    def __call__(self, job: list[tuple[LabelledRecord, list[Place | str]]]) -> list[str]:
        """Names of pictures that cannot be used, with the reason. Raises FatalError when writing
        fails. job: records, with the place of each picture, or the reason why it has none."""
        failures = []
        for record, places in job:
            try:
                failures += self._import(record, places)
            except OSError as error:
                raise FatalError(f"cannot write to {self.output}: {error}") from error
        return failures

    def _import(self, record: LabelledRecord, places: list[Place | str]) -> list[str]:
        found = {n: place for n, place in enumerate(places) if isinstance(place, Place)}
        about = record.about | {"size_bytes": sum(place.size for place in found.values())}
        folder = self.output / about["id"]
        reasons = {n: place for n, place in enumerate(places) if n not in found}
        if found and not is_current(folder, about, list(found), SETTINGS):
            frames, faces = [], []
            for number, place in found.items():
                try:
                    image = decode(place.read())
                except (OSError, ValueError) as error:
                    reasons[number] = str(error)
                    continue
                frames.append(Frame(number, float(number), image))
                faces.append(marked_face(image, record.pictures[number], self.margin))
            if frames:
                sides = [record.pictures[frame.index].face_width_px for frame in frames]
                with atomic_folder(folder, flush=False) as temporary:
                    write_record(temporary, about, frames, faces, SETTINGS, sides)
        return [f"{record.pictures[n].name}: {reason}" for n, reason in reasons.items()]


def decode(content: bytes) -> np.ndarray:
    """A picture (H, W, 3) uint8 BGR. Raises ValueError with the reason."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise ValueError("damaged, or not a picture")
    return image


def marked_face(image: np.ndarray, picture: Picture, margin: float) -> Face:
    """The face of a picture whose shorter side is margin times the box of that face."""
    height, width = image.shape[:2]
    side = min(height, width) / margin
    left, top = (width - side) / 2, (height - side) / 2
    return Face((left, top, left + side, top + side), picture.landmarks_xy, score=1.0)


def outcomes(records: list[LabelledRecord], places: dict, config: ImportConfig) -> Iterator[str]:
    """Import records, and give for each of their pictures '', or its name and why it failed."""
    work = [(r, [places[p.shard, p.file] for p in r.pictures]) for r in records]
    jobs = [work[n : n + RECORDS_A_JOB] for n in range(0, len(work), RECORDS_A_JOB)]
    arguments = (config.output, config.margin)
    if len(jobs) == 1:
        ends = [Done(jobs[0], Importer(*arguments)(jobs[0]))]
    else:
        workers = min(usable_cores(), len(jobs))
        ends = run_jobs(Importer, arguments, jobs, workers, SECONDS_A_JOB)
    for end in ends:
        names = [picture.name for record, _ in end.job for picture in record.pictures]
        failures = [f"{name}: {end.failure}" for name in names] if end.failure else end.result
        yield from failures
        yield from [""] * (len(names) - len(failures))


def equal_pictures(records: list[LabelledRecord], places: dict) -> list[str]:
    """Names of pictures of different records that are equal, byte for byte.

    One that has another label or split than the first of its kind loses its place.
    """
    found = [
        (record.about, picture)
        for record in records
        for picture in record.pictures
        if isinstance(places[picture.shard, picture.file], Place)
    ]
    texts = []
    for numbers in equal_files([places[p.shard, p.file] for _, p in found]):
        (first, kept), *others = (found[n] for n in numbers)
        if any(about["id"] != first["id"] for about, _ in others):
            texts.append(" = ".join(found[n][1].name for n in numbers))
        for about, picture in others:
            if any(about[key] != first[key] for key in ("label", "official_split")):
                reason = f"the same picture as {kept.name}, which has another label or split"
                places[picture.shard, picture.file] = reason
    return texts


def import_all(
    records: list[LabelledRecord], config: ImportConfig
) -> tuple[dict, list[str], list[str]]:
    """The registry, the names of pictures that failed with the reason, and those of equal ones."""
    wanted = [(p.shard, p.file) for record in records for p in record.pictures]
    config.output.mkdir(parents=True, exist_ok=True)
    with only_run(config.output, "extraction-1-of-1", "extraction-*"):
        remove_leftovers(config.output)
        with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=config.output) as scratch:
            places = find_files(config.faces, wanted, Path(scratch))
            equal = equal_pictures(records, places)
            results = outcomes(records, places, config)
            try:
                texts = console.progress(results, len(wanted), "Importing", "pictures")
                failures = [text for text in texts if text]
            except FatalError as error:
                raise Failure(f"{error}; {GO_ON}") from error
        return collate(config.output, SETTINGS), failures, equal


def summarise(records: list[LabelledRecord], registry: dict) -> None:
    """Print what of the records is in the registry, by split and label."""
    is_video = {record.about["id"]: record.is_video for record in records}
    entries = [entry for entry in registry["videos"] if entry["id"] in is_video]
    pictures, videos = Counter(), Counter()
    for entry in entries:
        key = entry["official_split"] or "no split", LABEL_NAMES[entry["label"]]
        pictures[key] += len(entry["frames"])
        videos[key] += is_video[entry["id"]]
    for split in sorted({split for split, _ in pictures}, key=ORDER.index):
        counts = [
            f"{pictures[split, label]:7,} {label} ({videos[split, label]:,} videos)"
            for label in LABEL_NAMES
        ]
        print(f"   {split:8} {' '.join(counts)}")
    sources = {entry.get("source") for entry in entries} - {None}
    pairs = {entry.get("pair") for entry in entries} - {None}
    print(f"   {len(sources):,} sources, {videos.total():,} videos, {len(pairs):,} pairs")


def warn_of_others(ids: set[str], registry: dict, config: ImportConfig) -> None:
    """Say which records of this data set the table does not name, or no longer."""
    others = [
        video["id"]
        for video in registry["videos"]
        if video["dataset"] == config.dataset and video["id"] not in ids
    ]
    if others:
        console.warn(
            f"{len(others):,} records of {config.dataset} are not in the table and stay in the "
            f"registry: delete their folders, such as {shown(config.output / others[0])}, and run "
            "this again"
        )


def run(config: ImportConfig) -> int:
    records = read_records(config.faces / "faces.csv", config.dataset)
    registry, failures, equal = import_all(records, config)
    for text in failures[:SHOWN_FAILURES]:
        console.bad(shown(text))
    if equal:
        examples = ", ".join(map(shown, equal[:SHOWN_COPIES]))
        console.warn(f"{len(equal):,} pictures are there more than once, such as {examples}")
    warn_of_others({record.about["id"] for record in records}, registry, config)
    people = {person for video in registry["videos"] for person in video["identities"]}
    done = sum(len(record.pictures) for record in records) - len(failures)
    print(f"{done:,} pictures of {len(people):,} people, {len(failures):,} failed")
    if not done:
        console.error("no picture could be imported")
        return 1
    summarise(records, registry)
    console.good(f"Registry: {shown(config.output / REGISTRY_NAME)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run(config), f"interrupted: {GO_ON}")


if __name__ == "__main__":
    sys.exit(main())
