"""Cut the faces out of FaceForensics++ and Celeb-DF: videos in, crops and registry out."""

import argparse
import os
import sys
from collections import Counter, defaultdict

from utils import console
from utils.catalog import Video, discover_celeb_df, discover_faceforensics
from utils.config import LABEL_NAMES, REGISTRY_NAME, ExtractConfig, add_flags, from_flags
from utils.console import shown
from utils.faces import load_detector
from utils.files import remove_leftovers
from utils.registry import (
    CropSettings,
    Extractor,
    RegistryError,
    collate,
    finished_record,
    load_registry,
)
from utils.workers import FatalError, run_jobs


def parse_args(argv: list[str] | None) -> ExtractConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, ExtractConfig)
    return from_flags(ExtractConfig, parser.parse_args(argv))


def find_videos(config: ExtractConfig) -> list[Video]:
    console.heading("📂 DATA SETS")
    videos = []
    for name, root, discover in (
        ("FaceForensics++", config.faceforensics, discover_faceforensics),
        ("Celeb-DF", config.celeb_df, discover_celeb_df),
    ):
        found = discover(root)
        videos += found
        if found:
            console.good(f"{name}: {len(found)} videos in {shown(root)}")
        else:
            console.warn(f"{name}: no videos in {shown(root)}")
    return videos


def pick_detector(config: ExtractConfig) -> str:
    """The detector's name; 'auto' never cuts again what a better one has cut.

    Raises RegistryError where the one used so far is not to be had.
    """
    name = load_detector(config.detector, config.models).name
    try:
        before = load_registry(config.output)["settings"]["detector"]
    except (RegistryError, KeyError, TypeError):
        return name
    if config.detector == "auto" and name != before:
        raise RegistryError(
            f"{config.output} was cut with {before}, and now there is only {name}: "
            f"restore {before}, or cut everything again with --detector {name}"
        )
    return name


def print_summary(videos: list[Video], counts: dict[str, Counter]) -> None:
    """A table by data set, method and class; counts maps a video's id to its counts."""
    table: dict[tuple, Counter] = defaultdict(Counter)
    for video in videos:
        table[video.dataset, video.method, LABEL_NAMES[video.label]] += counts[video.id]
    columns = ("videos", "crops", "no face", "unreadable")
    console.heading("📊 SUMMARY")
    print(f"{'data set':14} {'method':16} {'class':5}" + "".join(f"{c:>11}" for c in columns))
    total = Counter()
    for key, row in sorted(table.items()):
        total += row
        print("{:14} {:16} {:5}".format(*key) + "".join(f"{row[c]:>11,}" for c in columns))
    print(f"{'total':37}" + "".join(f"{total[c]:>11,}" for c in columns))
    print("videos: with a record; crops: faces cut out; no face: frames in which none was found")


def run(config: ExtractConfig) -> int:
    videos = find_videos(config)
    if not videos:
        console.error("no videos found: name their folders with --faceforensics and --celeb-df")
        return 1

    detector = pick_detector(config)
    settings = CropSettings(config.frames, config.crop_size_px, config.crop_margin, detector)
    config.output.mkdir(parents=True, exist_ok=True)
    remove_leftovers(config.output)

    counts: dict[str, Counter] = defaultdict(Counter)
    todo = []
    for video in videos:
        if record := finished_record(video, settings, config.output):
            crops = sum(frame["crop"] is not None for frame in record["frames"])
            no_face = len(record["frames"]) - crops
            counts[video.id] = Counter({"videos": 1, "crops": crops, "no face": no_face})
        else:
            todo.append(video)
    console.heading("🎬 EXTRACTION")
    print(f"{len(todo)} videos to do, {len(videos) - len(todo)} already done; detector: {detector}")

    failures = []
    arguments = (settings, config.models, config.output)
    workers = config.workers or os.cpu_count() or 1
    jobs = run_jobs(Extractor, arguments, todo, workers, config.timeout_seconds)
    try:
        for done in console.progress(jobs, len(todo), "Extracting"):
            if done.failure is not None:
                failures.append((done.job, done.failure))
                counts[done.job.id]["unreadable"] = 1
            else:
                result = {"crops": done.result["crops"], "no face": done.result["no_face"]}
                counts[done.job.id] = Counter({"videos": 1} | result)
    finally:  # an interrupted run, too, leaves a registry of what it finished
        jobs.close()
        registry = collate(config.output, settings)

    print_summary(videos, counts)
    for video, reason in sorted(failures, key=lambda failure: failure[0].id):
        console.bad(f"{shown(video.path)}: {reason}")
    if not any(frame["crop"] for record in registry["videos"] for frame in record["frames"]):
        console.error("no face could be extracted from any video")
        return 1
    console.good(f"Registry: {shown(config.output / REGISTRY_NAME)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    try:
        return run(config)
    except KeyboardInterrupt:
        console.error("interrupted: what is finished is kept, run the same command to go on")
        return 130
    except FatalError as error:
        console.error(f"{shown(error)}: what is finished is kept, run the same command to go on")
        return 1
    except (RegistryError, OSError) as error:
        console.error(shown(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
