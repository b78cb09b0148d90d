"""Reading evenly spaced frames from a video, or the one frame of an image."""

import os
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

# Damaged videos are reported by VideoError; FFmpeg's own messages would land between the lines.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from utils.config import IMAGE_SUFFIXES

# OpenCV moved the function between 4.8 and 4.14; 0 is silence.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

# A seek decodes from the key frame before its target, about 150 frames at x264's default interval
# of 250; it pays only when the frames that it jumps over are clearly more than that.
SEEK_GAP_FRAMES = 400


class VideoError(Exception):
    """A file that cannot be read as a video or image; the message is the reason."""


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its number, its own time stamp, and image (H, W, 3) uint8 BGR."""

    index: int
    seconds: float
    image: np.ndarray


def sample_indices(n_frames: int, count: int) -> list[int]:
    """At most count unique indices in [0, n_frames), evenly spaced, first and last included."""
    if n_frames <= count:
        return list(range(n_frames))
    return np.linspace(0, n_frames - 1, count).round().astype(int).tolist()


def is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def read_frames(path: Path, count: int, threads: int = 0) -> list[Frame]:
    """Decode at most count evenly spaced frames of a video; an image is a video of one frame.

    Headers are not believed: where fewer or more frames can be decoded than the header claims, the
    indices are spaced anew over what is there. threads is the decoder's, 0 for its own choice.
    Raises VideoError with the reason when nothing can be decoded.
    """
    _check_readable(path)
    if is_image(path):
        return [Frame(0, 0.0, _read_image(path))]
    try:
        return _read_video_frames(path, count, threads)
    except cv2.error as error:
        raise VideoError(f"cannot be decoded ({error.err})") from error


def read_sequence(path: Path, count: int) -> list[Frame]:
    """At most count evenly spaced images of a folder or tar archive, ordered by name and number.

    Nothing is unpacked to disk. index is the place in that order, seconds is 0 for there are none.
    Raises VideoError.
    """
    try:
        if path.is_dir():
            contents = {p.relative_to(path).as_posix(): p for p in path.rglob("*")}
            names = _image_names(contents)
            wanted = {names[i]: i for i in sample_indices(len(names), count)}
            found = {name: contents[name].read_bytes() for name in wanted}
        else:
            with tarfile.open(path) as archive:
                names = _image_names(member.name for member in archive if member.isfile())
            wanted = {names[i]: i for i in sample_indices(len(names), count)}
            with tarfile.open(path) as archive:
                members = (member for member in archive if member.name in wanted)
                found = {m.name: archive.extractfile(m).read() for m in members}
    except (tarfile.TarError, EOFError, zlib.error, OSError, AttributeError) as error:
        raise VideoError(f"cannot be read ({error})") from error
    if not wanted:
        raise VideoError("holds no images")
    return [Frame(wanted[name], 0.0, _decoded(found[name])) for name in wanted]


def _image_names(names) -> list[str]:
    """The images among names, 2.png before 10.png."""
    images = {name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES}
    return sorted(images, key=lambda n: [p.zfill(12) for p in re.findall(r"\d+|\D+", n)])


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            raise VideoError("is a folder, not a video")
        if not path.exists():
            raise VideoError("file not found")
        if not path.is_file():
            raise VideoError("is not a regular file")
        with open(path, "rb"):
            pass
        if path.stat().st_size == 0:
            raise VideoError("is empty (0 bytes)")
    except PermissionError as error:
        raise VideoError("permission denied") from error
    except (OSError, ValueError) as error:  # a name too long, or with a NUL byte
        raise VideoError(f"cannot be opened ({error})") from error


def _read_image(path: Path) -> np.ndarray:
    return _decoded(path.read_bytes())


def _decoded(content: bytes) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise VideoError("is damaged, or not an image")
    return image


def _open(path: Path, threads: int) -> cv2.VideoCapture:
    # An absolute path, for FFmpeg reads "a:b.mp4" as a protocol; and FFmpeg alone, for OpenCV's
    # other backend takes "004.mp4" for a numbered sequence of images.
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # would end the process, not raise
        raise VideoError("has a name that is not valid UTF-8: rename it") from error
    options = [cv2.CAP_PROP_N_THREADS, threads] if threads else []
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG, options)
    if not capture.isOpened():
        raise VideoError("has no readable video stream: damaged, incomplete, or not a video")
    return capture


def _read_video_frames(path: Path, count: int, threads: int) -> list[Frame]:
    capture = _open(path, threads)
    try:
        claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        claimed = int(claimed) if 0 < claimed < 1e9 else 0
        wanted = sample_indices(claimed, count)
        if claimed > SEEK_GAP_FRAMES * count:
            frames = _read_seeking(capture, wanted)
            if len(frames) == len(wanted) and _ends_soon(capture):
                return frames
            capture.release()
            capture = _open(path, threads)
        frames, decodable = _read_sequentially(capture, wanted)
        if decodable != claimed:
            capture.release()
            capture = _open(path, threads)
            frames, _ = _read_sequentially(capture, sample_indices(decodable, count))
    finally:
        capture.release()
    if not frames:
        raise VideoError("has no decodable frame")
    return frames


def _read_sequentially(capture: cv2.VideoCapture, wanted: list[int]) -> tuple[list[Frame], int]:
    """Grab every frame, convert only the wanted ones. Returns them and the number decodable."""
    frames = []
    remaining = set(wanted)
    index = 0
    while capture.grab():
        if index in remaining:
            frames += _retrieve(capture, index)
        index += 1
    return frames, index


def _read_seeking(capture: cv2.VideoCapture, wanted: list[int]) -> list[Frame]:
    """Jump to each wanted frame; ends early where the video does."""
    frames: list[Frame] = []
    for index in wanted:
        if not capture.set(cv2.CAP_PROP_POS_FRAMES, index) or not capture.grab():
            break
        frame = _retrieve(capture, index)
        # Past the end of a truncated file the decoder may hand out the last frame again.
        if not frame or (frames and frame[0].seconds <= frames[-1].seconds):
            break
        frames += frame
    return frames


def _ends_soon(capture: cv2.VideoCapture) -> bool:
    """Whether the last frame that the header promises is the last, give or take a second."""
    return not all(capture.grab() for _ in range(30))


def _retrieve(capture: cv2.VideoCapture, index: int) -> list[Frame]:
    ok, image = capture.retrieve()
    if not ok or image is None:
        return []
    seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if index > 0 and not seconds > 0:  # no time stamps in this container
        seconds = index / (capture.get(cv2.CAP_PROP_FPS) or 25.0)
    return [Frame(index, max(seconds, 0.0), image)]
