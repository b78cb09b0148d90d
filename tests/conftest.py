"""Clips, models and scripts that the tests share. Everything is synthetic and offline."""

import contextlib
import gc
import importlib.util
import json
import os
import struct
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from faces.detect import Face, square_around
from faces.yunet import YUNET_FILE
from judging.analysis import Analysis, Track, View
from judging.attention import inside_share
from judging.demo import camera_motion, portrait_path, write_clip
from media.frame import Frame, Frames
from network.checkpoint import save_checkpoint, untrained_checkpoint
from scoring.verdict import Marks, judge, most_suspicious
from utils.config import FAKE, REAL

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
MARKS = Marks(real_below=0.2, fake_from=4.0, false_alarms=(0.02, 0.01, 0.03))
HANG_SECONDS = 600  # a busy machine is slow and nothing wrong: only what hangs takes this long


def pytest_sessionfinish():
    gc.unfreeze()  # script 3 freezes what torch imported, whose libraries then complain of leaks


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test downloads anything, and none finds a detector file by the user's environment."""
    monkeypatch.setenv("DEEPFAKE_OFFLINE", "1")
    monkeypatch.delenv("YUNET_MODEL", raising=False)


@pytest.fixture
def yunet_file() -> Path:
    for folder in (ROOT / "models", SHARED / "models"):
        if (folder / YUNET_FILE).exists():
            return folder / YUNET_FILE
    pytest.skip("YuNet's file is not here")


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    return cv2.imdecode(np.fromfile(portrait_path(), np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture(scope="session")
def face_views(portrait) -> list[np.ndarray]:
    """24 frames (280, 240, 3) of a face before a moving camera."""
    return [cv2.resize(view, (240, 280)) for view in camera_motion(portrait, 24)]


@pytest.fixture(scope="session")
def face_clip(face_views, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "face.mp4"
    write_clip(path, face_views)
    return path


@pytest.fixture(scope="session")
def empty_clip(tmp_path_factory) -> Path:
    """A clip without any face."""
    path = tmp_path_factory.mktemp("clips") / "empty.mp4"
    ramp = np.tile(np.linspace(40, 200, 240).astype(np.uint8)[None, :, None], (280, 1, 3))
    write_clip(path, [np.roll(ramp, shift, axis=1) for shift in range(12)])
    return path


def numbered_frames(count: int) -> list[np.ndarray]:
    """Frames (48, 64, 3) with their number in eight black or white bars: no codec can blur it."""
    bits = [[number >> bit & 1 for bit in range(8)] for number in range(count)]
    rows = [np.repeat(np.array(row, np.uint8) * 255, 8) for row in bits]
    return [np.tile(row[None, :, None], (48, 1, 3)) for row in rows]


def frame_number(image: np.ndarray) -> int:
    return sum(int(image[24, 8 * bit + 4].mean() > 127) << bit for bit in range(8))


def set_avi_frame_count(path: Path, count: int) -> None:
    """Overwrite the frame counts in an AVI's header (avih dwTotalFrames, strh dwLength)."""
    content = bytearray(path.read_bytes())
    for tag, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        start = content.index(tag) + offset
        content[start : start + 4] = count.to_bytes(4, "little")
    path.write_bytes(content)


def set_display_matrix(path: Path, *numbers: float) -> None:
    """Write these four numbers as the display matrix in the header of an MP4's track."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + (44 if data[data.index(b"tkhd") + 4] == 0 else 56)
    a, b, c, d = (round(number * 65536) for number in numbers)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def biased_model(path: Path, log_odds: float) -> Path:
    """A checkpoint that gives every face about this log-odds of FAKE, posing as a trained one."""
    checkpoint = untrained_checkpoint()
    last = checkpoint.model.head[-1]
    last.weight.data *= 0.01
    last.bias.data[REAL], last.bias.data[FAKE] = -log_odds / 2, log_odds / 2
    checkpoint.metrics["calibration"] = asdict(Marks(real_below=0.5, fake_from=2.0))
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture(scope="session")
def fake_model(tmp_path_factory) -> Path:
    return biased_model(tmp_path_factory.mktemp("models") / "fake.pth", 3.0)


@pytest.fixture(scope="session")
def real_model(tmp_path_factory) -> Path:
    return biased_model(tmp_path_factory.mktemp("models") / "real.pth", -3.0)


def made_analysis(tmp_path, n_frames, size=(640, 480), missing=(), name="clip.mp4", faces=1):
    """An analysis of flat grey frames with faces side by side, heat at the centre of each."""
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(b"video")
    rng = np.random.default_rng(0)
    seconds = [number * 0.4 for number in range(n_frames)]
    images = [np.full((size[1], size[0], 3), 120, np.uint8) for _ in seconds]
    pictures = enumerate(zip(seconds, images, strict=True))
    frames = Frames(Frame(number * 10, second, image) for number, (second, image) in pictures)
    tracks = []
    for letter, place in zip("ABCDEFGH", range(faces), strict=False):
        x, y, side = size[0] * (0.4 + 0.08 * place), size[1] * 0.5, min(size) * 0.3
        face = Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), None, 0.9)
        heat = np.zeros((7, 7), np.float32)
        heat[3, 3] = 1.0
        crop, seen = np.full((256, 256, 3), 120, np.uint8), square_around(face, 1.35)
        scores = rng.uniform(0.55, 1.0, n_frames)
        views = [
            None if n in missing else View(face, crop, seen, float(p), heat)
            for n, p in enumerate(scores)
        ]
        track = Track(letter, views)
        if not track.seen:
            continue
        track.verdict = judge(track.scores, MARKS, seconds)
        track.attention = inside_share(track.seen)
        tracks.append(track)
    analysis = Analysis(path, frames, tracks, [(20.0, 2)], marks=MARKS)
    if tracks:
        verdicts = [track.verdict for track in tracks]
        analysis.lead = tracks[most_suspicious(verdicts, False)]
        analysis.verdict = analysis.lead.verdict
    else:
        analysis.verdict = judge([None] * n_frames, MARKS)
    return analysis


def load_script(name: str):
    """Import src/<name>.py, which no import statement can, for its name starts with a digit."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "src" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script(name: str, *arguments, root=ROOT, **options) -> subprocess.CompletedProcess:
    """Run a script of the checkout in root as a user does, in a process of its own."""
    command = [sys.executable, str(root / "src" / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=HANG_SECONDS, **options)


@contextlib.contextmanager
def unprivileged(folder: Path):
    """Run a block without root's rights, the folder still reachable; skip where impossible."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions")
    if os.geteuid() != 0:
        yield
        return
    for place in (folder, *folder.parents[:2]):  # pytest's folders are closed to others
        place.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def marked_copy(clip: Path, target: Path) -> None:
    """Copy an MP4 with its place in a box behind it that decoders pass over, so that the copies of
    one clip are different files."""
    name = str(target).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(clip.read_bytes() + (8 + len(name)).to_bytes(4, "big") + b"free" + name)


def make_faceforensics(root: Path, clip: Path, pairs: int = 6) -> None:
    """An FF++ c23 archive of 2 reals and 2 fakes a pair of people, all of one clip."""
    for number in range(pairs):
        a, b = f"{2 * number:03d}", f"{2 * number + 1:03d}"
        for folder, stem in (
            ("original", a),
            ("original", b),
            ("Deepfakes", f"{a}_{b}"),
            ("FaceSwap", f"{b}_{a}"),
        ):
            marked_copy(clip, root / folder / f"{stem}.mp4")


@pytest.fixture(scope="session")
def extracted(tmp_path_factory, face_clip) -> Path:
    """A root with data/ as 1_extract_frames.py leaves it: 24 videos, 48 crops, cut by Haar."""
    root = tmp_path_factory.mktemp("extracted")
    make_faceforensics(root / "ff", face_clip)
    (root / "none").mkdir()
    os.environ["DEEPFAKE_OFFLINE"] = "1"
    code = load_script("1_extract_frames").main(
        f"--faceforensics {root}/ff --celeb-df {root}/none --frames 2 --detector haar "
        f"--output {root}/frames --models {root}".split()
    )
    assert code == 0
    return root


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))
