"""Time extraction against the limit of decoding: `python tests/benchmark_extraction.py`.

Makes clips like FaceForensics++ c23 with ffmpeg (H.264, crf 23, a key frame every 250 frames,
640x480 to 1920x1080, 300 to 750 frames), then prints, interleaved over the rounds, the seconds for:
ffmpeg decoding them to nowhere, a straightforward loop that seeks to six frames a clip and reads
them, script 1 with one worker and with one a core, and the same with as many fakes of them, by
their own boxes and by their originals'. Also the peak memory of a worker, and how long cataloguing,
skipping and collating 25,048 videos takes.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from datasets.catalog import discover_faceforensics
from datasets.extraction import make_plan
from datasets.registry import RECORD_NAME, VERSION, CropSettings, collate
from judging.demo import portrait_path
from media.frame import sample_indices
from utils.config import VIDEO_SUFFIXES, ExtractConfig

SIZES = ((640, 480), (854, 480), (1280, 720), (1920, 1080))
LENGTHS = (300, 400, 500, 750)
FULL_SIZE = 25_048


def make_clips(folder: Path, count: int) -> None:
    """Clips of the demonstration portrait before a moving camera, with a little sensor noise."""
    folder.mkdir(parents=True)
    for number in range(count):
        width, height = SIZES[number % 4]
        length = LENGTHS[number // 4 % 4]
        motion = (
            f"scale={width}*1.2:-1,crop={width}:{height}:(iw-ow)/2*(1+sin(n/40)):"
            f"(ih-oh)/2*(0.6+0.2*cos(n/55)),noise=alls=6:allf=t,format=yuv420p"
        )
        command = ["ffmpeg", "-v", "error", "-loop", "1", "-r", "25", "-i", portrait_path()]
        command += ["-vf", motion, "-frames:v", length, "-c:v", "libx264", "-crf", "23"]
        command += ["-preset", "veryfast", "-g", "250", folder / f"{number:03d}.mp4"]
        subprocess.run([*map(str, command)], check=True)


def decode_with_ffmpeg(clips: list[Path]) -> None:
    for clip in clips:
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-f", "null", "-"], check=True)


def seek_and_read(clips: list[Path]) -> None:
    for clip in clips:
        capture = cv2.VideoCapture(str(clip))
        for index in sample_indices(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 6):
            capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            assert capture.read()[0]


def extract(root: Path, output: Path, workers: int, *more: str) -> None:
    shutil.rmtree(output, ignore_errors=True)
    script = ROOT / "src" / "1_extract_frames.py"
    command = [sys.executable, script, "--faceforensics", root, "--output", output]
    command += ["--results", output, "--workers", workers, *more]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)


def timed(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def at_full_size(folder: Path) -> None:
    """Catalogue, skip and collate as many videos as FaceForensics++ and Celeb-DF hold, doubled."""
    settings = CropSettings(6, 256, 1.54, "haar")
    frame = {"index": 0, "seconds": 0.0, "crop": "000000.jpg", "face_side_px": 100.0, "score": 1.0}
    frame |= {"box_in_crop_xyxy": [45.2, 40.1, 210.3, 215.0], "sharpness": 80.0, "turn": 0.01}
    frame |= {
        "skin_lab": [150.0, 140.0, 140.0],
        "landmarks_in_crop_xy": [[100.1, 100.1]] * 5,
        "flags": [],
    }
    for number in range(FULL_SIZE):
        method = "original" if number % 6 == 0 else "Deepfakes"
        video = folder / "ff" / method / f"{number:06d}.mp4"
        record = folder / "out" / "faceforensics" / method / video.name / RECORD_NAME
        for path in (video, record):
            path.parent.mkdir(parents=True, exist_ok=True)
        video.touch()
        content = {"version": VERSION, "id": f"faceforensics/{method}/{video.name}", "label": 0}
        content |= {"dataset": "faceforensics", "method": method, "identities": [f"ff:{number}"]}
        content |= {"size_bytes": 0, "settings": settings.__dict__, "frames": [frame] * 6}
        record.write_text(json.dumps(content))
    start = time.perf_counter()
    videos = discover_faceforensics(folder / "ff")
    print(f"  catalogue {len(videos):,} videos: {time.perf_counter() - start:.1f} s")
    config = ExtractConfig(output=folder / "out", detector="haar")
    start = time.perf_counter()
    assert not make_plan(config, videos).todo
    print(f"  find that all are done:     {time.perf_counter() - start:.1f} s")
    print(f"  collate their records:      {timed(collate, folder / 'out', settings):.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=16, help="how many to make")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="use these videos instead of making some")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        root = args.folder or folder / "ff"
        if not args.folder:
            make_clips(root / "original", args.clips)
        clips = sorted(p for p in root.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
        cores = os.cpu_count()
        if not args.folder:
            pairs = folder / "pairs"
            shutil.copytree(root / "original", pairs / "original")
            for clip in clips:  # a copy takes as long to decode as a fake
                (pairs / "Deepfakes").mkdir(exist_ok=True)
                shutil.copy(clip, pairs / "Deepfakes" / f"{clip.stem}_999.mp4")
        ways = {
            "ffmpeg, decoding alone": (decode_with_ffmpeg, clips),
            "seek and read 6 frames": (seek_and_read, clips),
            "script 1, 1 worker": (extract, root, folder / "out", 1),
            f"script 1, {cores} workers": (extract, root, folder / "out", cores),
        }
        if not args.folder:
            own = (extract, pairs, folder / "out", cores, "--no-original-boxes")
            ways["and their fakes, own boxes"] = own
            ways["and their fakes"] = own[:-1]
        seconds = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, (function, *arguments) in ways.items():
                seconds[name].append(timed(function, *arguments))
        limit = statistics.median(seconds["ffmpeg, decoding alone"])
        print(f"{len(clips)} clips, {cores} cores, medians of {args.rounds} interleaved rounds")
        for name, times in seconds.items():
            median = statistics.median(times)
            count = len(clips) * (2 if "fakes" in name else 1)
            rate = f"{count / median:6.2f} videos/s"
            print(f"  {name:26} {median:7.2f} s {rate}  {median / limit:5.2f} x ffmpeg")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"  largest process, ffmpeg or worker: {peak:.0f} MB")
    print("At full size:")
    with tempfile.TemporaryDirectory() as temporary:
        at_full_size(Path(temporary))


if __name__ == "__main__":
    main()
