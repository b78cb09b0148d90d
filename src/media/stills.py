"""Pictures, whatever their suffix: one frame of an image, all of an animation."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from PIL import Image

from media.facts import still_facts
from media.frame import Frame, Frames, VideoError, decode_image, sample_indices
from media.picture import Camera
from media.unreadable import PICTURE, named
from utils.config import IMAGE_SUFFIXES

IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*")
BRANDS = {b"avif": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC"}
HEAD_BYTES = 4096
UNREADABLE = "is damaged, or not an image"


def read_still(path: Path, count: int) -> Frames | None:
    """The frame of an image, or at most count frames of an animated WebP; None for what is no
    picture, or one that FFmpeg reads as a video. Raises VideoError for one that cannot be read."""
    with open(path, "rb") as stream:
        head = stream.read(HEAD_BYTES)
    frames = _frames_of(path, head, count)
    if frames:
        height, width = frames[0].image.shape[:2]
        frames.facts = still_facts(path, boxed_kind(head), width, height)
    return frames


def _frames_of(path: Path, head: bytes, count: int) -> Frames | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        # OpenCV gives the first picture alone of an animation, and FFmpeg none.
        is_animated = b"ANIM" in head
        return _animation(path, count) if is_animated else _image(decode_image(path.read_bytes()))
    if head.startswith(b"GIF8") and (frames := _animation(path, 2)).is_image:
        return frames
    if kind := boxed_kind(head):
        return _image(_from_container(path, kind))
    is_meant = path.suffix.lower() in IMAGE_SUFFIXES
    if head.startswith(IMAGES) and b"acTL" not in head:
        # Of JPEGs one after the other, such as a camera sends, FFmpeg makes a video.
        if is_meant or is_single(_ffmpegs_format(path)):
            notes = _other_pages(path) if head[:3] in (b"II*", b"MM\0") else []
            return _image(decode_image(path.read_bytes()), notes)
    elif is_meant and not _ffmpegs_format(path):
        kind = named(head)
        raise VideoError(f"{UNREADABLE}: {kind}" if kind else UNREADABLE)
    return None


def _image(image: np.ndarray, notes: Iterable[str] = ()) -> Frames:
    return Frames([Frame(0, 0.0, image)], notes, is_image=True)


def _other_pages(path: Path) -> Iterator[str]:
    try:
        with Image.open(path) as pages:
            count = pages.n_frames
    except MemoryError:
        raise
    except Exception:  # whatever a damaged page, or one of an unknown kind, makes Pillow raise
        return
    if count > 1:
        yield f"{count} pictures, of which the first alone is judged: save each"


def _ffmpegs_format(path: Path) -> str:
    """What FFmpeg, which looks at the content, takes a file for; '' where it sees no picture."""
    try:
        with open(path, "rb") as stream, av.open(stream) as container:
            # By the name of a file it may presume a picture, which then has no size.
            seen = any(stream.width for stream in container.streams.video)
            return container.format.name if seen else ""
    except (av.FFmpegError, ValueError):
        return ""


def is_single(ffmpegs_format: str) -> bool:
    """Whether a format of FFmpeg's holds a single image."""
    return ffmpegs_format.endswith("_pipe") or ffmpegs_format in ("", "image2")


def boxed_kind(head: bytes) -> str | None:
    """'HEIC' or 'AVIF' for a picture in the boxes of an MP4."""
    if head[4:8] != b"ftyp":
        return None
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[n : n + 4] for n in range(16, size, 4))]
    if head[8:12] in BRANDS:
        return BRANDS[head[8:12]]
    if head[8:12] == b"mif1":  # which says only that it is a picture
        return next((BRANDS[brand] for brand in brands if brand in BRANDS), "HEIF")
    return None


def _from_container(path: Path, kind: str) -> np.ndarray:
    content = path.read_bytes()
    if kind == "AVIF" and cv2.haveImageReader(str(path)):
        return decode_image(content)
    is_grid = b"grid" in content[: 1 << 16]  # of tiles, each of which FFmpeg takes for a picture
    try:
        with av.open(io.BytesIO(content)) as container:
            stream = container.streams.best("video")
            is_grid |= any(s.disposition & Disposition.dependent for s in container.streams)
            if stream is not None and stream.codec_context and not is_grid:
                camera = Camera(stream)
                for frame in container.decode(stream):
                    return camera(frame)
    except (av.FFmpegError, ValueError):
        pass
    raise VideoError(PICTURE.format(kind).replace("it is", "is"))


def _animation(path: Path, count: int) -> Frames:
    try:
        with Image.open(path) as animation:
            frames, seconds = [], 0.0
            wanted = set(sample_indices(animation.n_frames, count))
            for index in range(animation.n_frames):
                animation.seek(index)
                if index in wanted:
                    image = np.asarray(animation.convert("RGB"))[..., ::-1]
                    frames.append(Frame(index, seconds, np.ascontiguousarray(image)))
                animation.load()
                seconds += animation.info.get("duration", 100) / 1000
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise VideoError(f"{UNREADABLE} ({error})") from error
    if len(frames) == 1:
        return _image(frames[0].image)
    return Frames(frames, ["an animated WebP: its frames are judged as a video's"])
