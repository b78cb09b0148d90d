"""Cut the faces out of whole data sets: videos in, crops and registry out."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys

from datasets.catalog import DATA_SETS, Video
from datasets.extraction import Plan, carry_out, estimate, make_plan
from datasets.registry import collate
from utils import console
from utils.config import REGISTRY_NAME, ExtractConfig
from utils.console import GO_ON, Failure, run_script, shown
from utils.files import only_run, remove_leftovers
from utils.flags import add_flags, from_flags
from utils.search import passed_over, without_copies
from utils.workers import FatalError

SHOWN_FAILURES = 20


def parse_args(argv: list[str] | None) -> ExtractConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, ExtractConfig)
    return from_flags(ExtractConfig, parser.parse_args(argv))


def find_videos(config: ExtractConfig) -> tuple[list[Video], list]:
    """The videos of all data sets, each once, and their copies as without_copies gives them."""
    console.heading("📂 DATA SETS")
    videos = []
    for name, option, discover in DATA_SETS:
        root = getattr(config, option)
        if not root.exists() and root != getattr(ExtractConfig, option):
            raise FileNotFoundError(f"{root} not found: check --{option.replace('_', '-')}")
        found = discover(root)
        videos += found
        if found:
            console.good(f"{name}: {len(found):,} videos in {shown(root)}")
            if option == "own" and (text := passed_over(root)):
                console.warn(text)
        elif root.exists() or option in ("faceforensics", "celeb_df"):
            console.warn(f"{name}: no videos in {shown(root)}")
    kept, copies = without_copies(videos)
    if copies:
        console.warn(f"{len(copies):,} of them are copies of others, and are left out")
    return kept, copies


def print_plan(plan: Plan, config: ExtractConfig) -> None:
    console.heading("🎬 EXTRACTION")
    done = len(plan.videos) - len(plan.todo)
    print(f"{len(plan.todo):,} videos to do, {done:,} already done")
    cut = plan.settings
    size = f"{cut.crop_size_px} px, {cut.crop_margin:g} x the face"
    print(f"{cut.frames} frames a video; crops of {size}; detector: {cut.detector}")
    if fakes := sum(video.original is not None for video in plan.videos):
        print(f"{fakes:,} fakes are cut where the face of their original is")
    if plan.recut:
        console.warn(f"{plan.recut:,} of them were cut with other settings and are cut again")
    if config.shard != "1/1":
        print(f"Shard {config.shard}: the others' videos are left to them")


def print_summary(plan: Plan, report_folder) -> None:
    from reports.extraction import COLUMNS, summary_rows

    console.heading("📊 SUMMARY")
    print(f"{'data set':14} {'method':16} {'class':5}" + "".join(f"{c:>11}" for c in COLUMNS))
    for dataset, method, label, counts in summary_rows(plan):
        row = "".join(f"{counts[column]:>11,}" for column in COLUMNS)
        print(f"{dataset:14} {method:16} {label:5}{row}")
    print("videos: with a record; no face: frames in which none was found;")
    print("flagged: crops that are tiny, blurred or of an extreme pose; unreadable: videos")
    if own := sum(counts["own boxes"] for counts in plan.counts.values()):
        print(f"{own:,} fakes differ from their original in size, length or scene: own boxes")
    for video, reason in plan.failures[:SHOWN_FAILURES]:
        console.bad(f"{shown(video.path)}: {shown(reason)}")
    if len(plan.failures) > SHOWN_FAILURES:
        more = len(plan.failures) - SHOWN_FAILURES
        console.bad(f"and {more:,} more, in {shown(report_folder / 'failures.csv')}")


def print_copies(copies: list[tuple[Video, Video | None]], report_folder) -> None:
    for copy, original in copies[:SHOWN_FAILURES]:
        if original:
            console.warn(f"{shown(copy.path)}: the same file as {shown(original.path)}")
        else:
            console.bad(f"{shown(copy.path)}: the same file is here as real and as fake")
    if len(copies) > SHOWN_FAILURES:
        more = len(copies) - SHOWN_FAILURES
        console.warn(f"and {more:,} more copies, in {shown(report_folder / 'copies.csv')}")


def dry_run(plan: Plan, config: ExtractConfig) -> int:
    for video in plan.todo:
        print(f"   {shown(video.id)}")
    size, seconds = estimate(plan, config)
    print(
        f"About {size / 1e9:.2f} GB and {seconds / 60:.1f} minutes, judging by a sample; "
        "nothing was done"
    )
    return 0


def extract(config: ExtractConfig, videos: list[Video], copies: list) -> int:
    if config.shard == "1/1":
        remove_leftovers(config.output)
    plan = make_plan(config, videos)
    print_plan(plan, config)
    if config.dry_run:
        return dry_run(plan, config)
    try:
        carry_out(plan, config)
    finally:  # an interrupted run, too, leaves a registry of what it finished
        registry = collate(config.output, plan.settings, {video.id for video, _ in copies})
    folder = config.results / "extraction"
    from reports.extraction import write_pictures, write_tables

    write_tables(folder, plan, copies)
    print_summary(plan, folder)
    print_copies(copies, folder)
    if not any(plan.counts[video.id]["crops"] for video in plan.videos):
        console.error("no face could be extracted from any video")
        return 1
    write_pictures(folder, plan, config.output, registry)
    console.good(f"Registry: {shown(config.output / REGISTRY_NAME)}")
    console.good(f"Tables, counts and contact sheet: {shown(folder)}")
    return 0


def run(config: ExtractConfig) -> int:
    videos, copies = find_videos(config)
    if not videos and not copies:
        console.error("no videos found: name their folders with --faceforensics, --celeb-df, ...")
        return 1
    config.output.mkdir(parents=True, exist_ok=True)
    name = "extraction-" + config.shard.replace("/", "-of-")
    # Shards run beside each other, but a run without shards does all of their work.
    rivals = "extraction-*" if config.shard == "1/1" else "extraction-1-of-1"
    with only_run(config.output, name, rivals):
        try:
            return extract(config, videos, copies)
        except FatalError as error:
            raise Failure(f"{error}; {GO_ON}") from error


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run(config), f"interrupted: {GO_ON}")


if __name__ == "__main__":
    sys.exit(main())
