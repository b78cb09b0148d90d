"""Time what users wait for: `python tests/benchmark.py CLIPS_FOLDER`.

Prints, over the videos in the folder: seconds a video for each stage of an analysis with everything
loaded, seconds for one video from a cold start, videos a second of extraction, and peak memory.
Random weights serve, for the time does not depend on their values.
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

import torch

from utils.analysis import FrameResult, score_and_judge
from utils.checkpoint import save_checkpoint, untrained_checkpoint
from utils.config import MODELS_DIR, VIDEO_SUFFIXES
from utils.device import place
from utils.faces import load_detector, main_faces
from utils.report import write_reports
from utils.video import read_frames

STAGES = ("open and decode", "detect faces", "model and CAM", "PNGs and report")


def analyse(path: Path, detector, checkpoint, folder: Path) -> list[float]:
    """Seconds of each stage for one video, through the functions that script 3 calls."""
    marks = [time.perf_counter()]
    frames = read_frames(path, 10)
    marks.append(time.perf_counter())
    faces = main_faces([detector.detect(frame.image) for frame in frames])
    marks.append(time.perf_counter())
    results = [FrameResult(frame, face) for frame, face in zip(frames, faces, strict=True)]
    analysis = score_and_judge(path, results, checkpoint, torch.device("cpu"))
    marks.append(time.perf_counter())
    write_reports(folder, analysis, {})
    marks.append(time.perf_counter())
    return [end - start for start, end in itertools.pairwise(marks)]


def peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def timed(*command) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--limit", type=int, default=11, help="videos to analyse")
    args = parser.parse_args()
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
