"""Time what users wait for: `python tests/benchmark.py CLIPS_FOLDER`.

Prints, over the videos in the folder: seconds a video for each stage of an analysis with everything
loaded, seconds for one video from a cold start, videos a second of extraction, and peak memory.
Random weights serve, for the time does not depend on their values.

`python tests/benchmark.py --cost VIDEO` prints the seconds of judging 1, 3 and 8 faces, 10, 32 and
100 frames, and 10 s, 5 min and 60 min, the last made of repetitions of the video by ffmpeg.
"""

import argparse
import atexit
import gc
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import cv2
import numpy as np
import torch

from faces.detect import load_detector
from judging.analysis import find_faces, follow_faces, score_and_judge
from judging.demo import camera_motion, portrait_path, write_clip
from judging.summary import report_content
from media.video import read_frames
from network.checkpoint import save_checkpoint, untrained_checkpoint
from network.device import place
from reports.video import write_reports
from utils.config import MODELS_DIR, VIDEO_SUFFIXES

STAGES = ("open and decode", "detect faces", "model and CAM", "PNGs and report")


def analyse(path: Path, detector, checkpoint, folder: Path) -> list[float]:
    """Seconds of each stage for one video, through the functions that script 3 calls."""
    marks = [time.perf_counter()]
    frames = read_frames(path, 10)
    marks.append(time.perf_counter())
    analysis = follow_faces(path, frames, detector)
    marks.append(time.perf_counter())
    score_and_judge(analysis, checkpoint, torch.device("cpu"))
    marks.append(time.perf_counter())
    write_reports(folder, analysis, report_content(analysis, {}))
    marks.append(time.perf_counter())
    return [end - start for start, end in itertools.pairwise(marks)]


def peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def timed(*command) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def seconds_to_judge(path: Path, count: int, detector, checkpoint) -> tuple[float, int]:
    """From opening the file to the verdict, without reports; and the number of faces."""
    start = time.perf_counter()
    analysis = find_faces(path, detector, count)
    score_and_judge(analysis, checkpoint, torch.device("cpu"))
    return time.perf_counter() - start, len(analysis.tracks)


def print_cost(video: Path, folder: Path, detector, checkpoint) -> None:
    portrait = cv2.imread(str(portrait_path()))
    views = [cv2.resize(view, (240, 280)) for view in camera_motion(portrait, 120)]
    print("\nseconds from file to verdict, everything loaded, three runs each")

    def row(name: str, path: Path, count: int) -> None:
        runs = [seconds_to_judge(path, count, detector, checkpoint) for _ in range(3)]
        times = " ".join(f"{seconds:7.2f}" for seconds, _ in runs)
        print(f"  {name:34}{times}   ({runs[0][1]} faces judged)", flush=True)

    for count in (1, 3, 8):
        path = folder / f"faces{count}.mp4"
        # Each copy in a tint of its own, for faces are told apart by their colours.
        tints = np.random.default_rng(0).uniform(0.5, 1.3, (count, 3))
        copies = ([cv2.multiply(view, (*tint, 0)) for tint in tints] for view in views)
        write_clip(path, [np.hstack(each) for each in copies])
        row(f"10 frames, {count} faces a frame", path, 10)
    for count in (10, 32, 100):
        row(f"{count} frames, one face", folder / "faces1.mp4", count)
    frames = read_frames(video, 2)
    for name, seconds in (("10 s", 10), ("5 min", 300), ("60 min", 3600)):
        path = folder / f"long{seconds}.mp4"
        repeats = int(seconds / max(frames[-1].seconds, 0.1)) + 1
        command = f"ffmpeg -v error -stream_loop {repeats} -i".split()
        cut = f"-t {seconds} -c copy -an".split()
        subprocess.run([*command, str(video), *cut, str(path)], check=True)
        height, width = frames[0].image.shape[:2]
        row(f"10 frames of {name}, {width}x{height}", path, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--cost", type=Path, help="a video, for the cost of faces and lengths")
    parser.add_argument("--limit", type=int, default=11, help="videos to analyse")
    args = parser.parse_args()
    if args.cost:
        with tempfile.TemporaryDirectory() as temporary:
            checkpoint = untrained_checkpoint()
            place(checkpoint.model, torch.device("cpu"))
            detector = load_detector("auto", MODELS_DIR)
            print_cost(args.cost, Path(temporary), detector, checkpoint)
        return
    videos = sorted(p for p in args.clips.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    chosen = videos[: args.limit]
    print(
        f"{len(chosen)} of {len(videos)} videos, {os.cpu_count()} cores, torch {torch.__version__}"
    )

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint = untrained_checkpoint()
        save_checkpoint(folder / "model.pth", checkpoint)
        place(checkpoint.model, torch.device("cpu"))
        detector = load_detector("auto", MODELS_DIR)
        analyse(chosen[0], detector, checkpoint, folder)  # warm up
        gc.freeze()  # as script 3 does
        atexit.register(gc.unfreeze)
        rows = [analyse(path, detector, checkpoint, folder) for path in chosen]
        print(f"\nanalysis, warm, seconds a video ({detector.name})   mean   median      max")
        columns = [*zip(*rows, strict=True), [sum(row) for row in rows]]
        for name, column in zip((*STAGES, "total"), columns, strict=True):
            figures = (statistics.mean(column), statistics.median(column), max(column))
            print(f"  {name:44}" + "".join(f"{figure:9.3f}" for figure in figures))
        print(f"  peak memory {peak_mb(resource.RUSAGE_SELF):.0f} MB")

        script = ROOT / "src" / "3_test_video.py"
        flags = ("--model", folder / "model.pth", "--results", folder / "results")
        cold = [timed(script, path, *flags) for path in chosen]
        print("\nanalysis, cold start, seconds a video")
        print(f"  mean {statistics.mean(cold):.2f}, median {statistics.median(cold):.2f}, ", end="")
        print(f"max {max(cold):.2f}; peak memory {peak_mb(resource.RUSAGE_CHILDREN):.0f} MB")

        script = ROOT / "src" / "1_extract_frames.py"
        flags = ("--faceforensics", args.clips, "--output", folder / "crops")
        seconds = timed(script, *flags)
        print(f"\nextraction: {len(videos) / seconds:.2f} videos/s, {seconds:.1f} s in all")
        print(f"  again, with nothing to do: {timed(script, *flags):.2f} s")


if __name__ == "__main__":
    main()
