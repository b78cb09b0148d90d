"""A run over whole data sets: what is to do, what it will take, and doing it, video by video."""

import shutil
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from datasets.catalog import Video, original_name
from datasets.registry import (
    RECORD_NAME,
    CropSettings,
    about_original,
    counts_of,
    detector_used,
    finished_record,
    size_of,
    write_record,
)
from faces.detect import load_detector, whole_image
from faces.footage import faces_of_original
from faces.orientation import detect_upright
from faces.tracks import main_faces
from media.frame import VideoError
from media.sequence import read_sequence
from media.video import read_frames
from utils import console
from utils.config import REAL, ExtractConfig
from utils.console import Failure
from utils.files import atomic_folder, write_json
from utils.workers import FatalError, JobError, run_jobs, usable_cores

KEEP_FREE_BYTES = 500_000_000
CHECK_DISK_EVERY = 50  # videos
BYTES_PER_PIXEL = 0.6  # of a face as JPEG of quality 95, generously
SAMPLE_SIZE = 12


@dataclass
class Plan:
    """Which videos are to do; counts of what is known of every video, by its id.

    outdated: finished ones, with their records, of which the folders now tell something else.
    """

    settings: CropSettings
    videos: list[Video]
    todo: list[Video] = field(default_factory=list)
    recut: int = 0
    outdated: list[tuple[Video, dict]] = field(default_factory=list)
    counts: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    failures: list[tuple[Video, str]] = field(default_factory=list)

    @property
    def expected_bytes(self) -> float:
        pixels = self.settings.crop_size_px**2 * self.settings.frames
        return len(self.todo) * (pixels * BYTES_PER_PIXEL + 4096)


def pick_detector(config: ExtractConfig) -> str:
    """The detector's name; 'auto' never cuts again what a better one has cut.

    Raises Failure where the one used so far is not to be had.
    """
    name = load_detector(config.detector, config.models).name
    before = detector_used(config.output)
    if config.detector == "auto" and before and name != before:
        raise Failure(
            f"{config.output} was cut with {before}, now {name} would be taken: go on with "
            f"--detector {before}, or cut everything again with --detector {name}"
        )
    return name


def make_plan(config: ExtractConfig, videos: list[Video]) -> Plan:
    """Choose this shard's videos and find out which of them are done already."""
    settings = CropSettings(
        config.frames,
        config.crop_size_px,
        config.crop_margin,
        pick_detector(config),
        config.original_boxes,
    )
    if config.original_boxes:
        videos = with_originals(videos)
    part, parts = map(int, config.shard.split("/"))
    plan = Plan(settings, sorted(videos, key=lambda video: video.id)[part - 1 :: parts])
    for video in plan.videos:
        if record := finished_record(video, settings, config.output):
            plan.counts[video.id] = Counter(counts_of(record))
            if any(record.get(name) != value for name, value in video.facts().items()):
                plan.outdated.append((video, record))
        else:
            plan.todo.append(video)
            plan.recut += (config.output / video.id).exists()
    return plan


def with_originals(videos: list[Video]) -> list[Video]:
    """The same videos, each fake with the original that its name tells, where that is among them.

    Of several, as in a tree of several compressions, it is the one in the most alike folders.
    """
    reals = defaultdict(list)
    for video in videos:
        if video.label == REAL:
            reals[video.dataset, video.path.stem].append(video)

    def original_of(fake: Video) -> Video | None:
        named = reals.get((fake.dataset, original_name(fake.dataset, fake.path.stem)), ())
        folders = set(fake.id.split("/"))
        return max(named, key=lambda v: len(folders & set(v.id.split("/"))), default=None)

    return [v if v.label == REAL else replace(v, original=original_of(v)) for v in videos]


def carry_out(plan: Plan, config: ExtractConfig) -> None:
    """Cut every video in plan.todo; adds to its counts and failures.

    Raises FatalError when the disk is, or is about to be, full.
    """
    if plan.todo:
        check_disk(config.output, plan.expected_bytes)
    for video, record in plan.outdated:  # its people, say, by a list or a copy that has come since
        write_json(config.output / video.id / RECORD_NAME, record | video.facts(), None)
    jobs = _jobs(plan.settings, plan.todo, config, config.output)
    try:
        for number, done in enumerate(console.progress(jobs, len(plan.todo), "Extracting"), 1):
            if done.failure is None:
                plan.counts[done.job.id] = Counter(done.result)
            else:
                plan.counts[done.job.id] = Counter({"unreadable": 1})
                plan.failures.append((done.job, done.failure))
            if number % CHECK_DISK_EVERY == 0:
                check_disk(config.output, 0)
    finally:
        jobs.close()
        plan.failures.sort(key=lambda failure: failure[0].id)


def _jobs(settings: CropSettings, videos: list[Video], config: ExtractConfig, output: Path):
    workers = config.workers or usable_cores()
    arguments = (settings, config.models, output)
    return run_jobs(Extractor, arguments, videos, workers, config.timeout_seconds)


def check_disk(folder: Path, needed_bytes: float) -> None:
    """Raise FatalError where folder's disk has less than this and a reserve left."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + KEEP_FREE_BYTES:
        raise FatalError(
            f"{folder} has {free / 1e9:.1f} GB free, about "
            f"{(needed_bytes + KEEP_FREE_BYTES) / 1e9:.1f} GB are needed: make room"
        )


def estimate(plan: Plan, config: ExtractConfig) -> tuple[float, float]:
    """(bytes, seconds) that plan.todo will take, from cutting a sample into a spare folder."""
    step = max(1, len(plan.todo) // SAMPLE_SIZE)
    sample = plan.todo[::step][:SAMPLE_SIZE]
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        for _ in _jobs(plan.settings, sample, config, Path(folder)):
            pass
        seconds = time.monotonic() - start
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    share = len(plan.todo) / max(len(sample), 1)
    return size * share, seconds * share


class Extractor:
    """Cuts the faces of one video after another into output/<video id>/."""

    def __init__(self, settings: CropSettings, models_dir: Path, output: Path):
        cv2.setNumThreads(1)  # the processes share the cores
        self.settings = settings
        self.output = output
        self.detector = load_detector(settings.detector, models_dir)

    def __call__(self, video: Video) -> dict[str, int]:
        """Write crops and record; return the record's counts, as counts_of gives them.

        Raises JobError with the reason for an unreadable video, FatalError when writing fails.
        """
        try:
            if video.is_cut:
                frames = read_sequence(video.path, self.settings.frames)
            else:
                frames = read_frames(video.path, self.settings.frames)
            size_bytes = size_of(video.path)
        except (VideoError, OSError) as error:
            raise JobError(str(error)) from error
        original = about_original(video)
        faces = original and faces_of_original(video.original.path, frames, self.detector)
        boxes_of = "original" if faces else "own"
        if getattr(frames, "caveat", None):  # of a damaged video
            raise VideoError(frames.caveat)
        if not faces:
            frames, found = detect_upright(frames, self.detector)
            faces = main_faces([frame.image for frame in frames], found)
        if video.is_cut:  # the data set's authors found a face where the detector does not
            margin = self.settings.crop_margin
            whole = [whole_image(frame.image, margin) for frame in frames]
            faces = [face or image for face, image in zip(faces, whole, strict=True)]
        about = video.facts()
        about |= {"size_bytes": size_bytes, "boxes_of": boxes_of, "original": original}
        try:
            with atomic_folder(self.output / video.id) as folder:
                record = write_record(folder, about, frames, faces, self.settings)
        except OSError as error:
            raise FatalError(f"cannot write to {self.output}: {error}") from error
        return counts_of(record)
