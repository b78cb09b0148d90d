"""Reading evenly spaced frames from a video, or the one frame of an image."""

import math
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np

from media.frame import Frame, Frames, VideoError, sample_times
from media.frame import sample_indices as sample_indices
from media.packets import Listing, between, demux, list_packets, opened, spans_of
from media.picture import Camera
from media.stills import read_still

# Damaged files are reported by VideoError; OpenCV's messages would land between the lines. PyAV is
# silent unless a level is set, which can also make the threads of its decoders wait for ever.
# OpenCV moved the function between 4.8 and 4.14; 0 is silence.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SPREAD = 0.8  # of a video, over which its clean frames must lie to be preferred
JOINT_SECONDS = 1  # a step back by which the times of a file begin anew
SEEK_GAP_PACKETS = 1000
MAX_BYTES = 4 << 30  # of the frames taken together; more would end the process on small machines


def read_frames(path: Path, count: int, end: int | None = None) -> Frames:
    """Decode at most count evenly spaced frames of a video; an image is a video of one frame.

    Headers are not believed: the packets that are there are counted, and where some cannot be
    decoded, or what comes out is damaged, the indices are spaced anew over the rest. Frames that no
    wanted one depends on are not decoded. With end, only the frames before that index are spaced
    over. Raises VideoError with the reason when nothing can be decoded.
    """
    _check_readable(path)
    try:
        if still := read_still(path, count):
            return still
        listing = list_packets(path)
        needed = _read_needed(path, listing, count, end) if listing.is_sound else None
        return needed or _read_everything(path, listing, count, end)
    except MemoryError:  # FFmpeg's is one of its errors, too, and no fault of the file
        raise
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(f"cannot be decoded ({error})") from error


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


class _Damage:
    """Follows the frames that a decoder gives, in their order, by what it says of them itself."""

    def __init__(self):
        self.goes_on = False

    def in_or_before(self, frame: av.VideoFrame) -> bool:
        """Whether it is damaged, or one since the last key frame was, on which it may depend."""
        self.goes_on = frame.is_corrupt or (self.goes_on and not frame.key_frame)
        return self.goes_on


def _decode(stream, packet: av.Packet | None) -> list[av.VideoFrame]:
    """The frames that come out when packet goes in (None: those held back), if it is sound."""
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        return []


def _read_needed(path: Path, listing: Listing, count: int, end: int | None) -> Frames | None:
    """Decode only what the wanted frames depend on; None where time stamps prove not sound, or one
    of these frames is damaged."""
    packets = listing.packets
    shown = sorted(packet.pts for packet in packets if not packet.is_hidden)
    for _ in range(2):  # again without those that are damaged, as the last of a truncated file
        seconds = [float((pts - shown[0]) * listing.tick_seconds) for pts in shown[:end]]
        wanted = {shown[i]: i for i in sample_times(seconds, count)}
        images, camera = _decode_needed(path, listing, wanted)
        if wanted and len(images) == len(wanted):
            taken = [Frame(i, seconds[i], images[pts]) for pts, i in wanted.items()]
            return _read(taken, listing, camera)
        if not images:
            return None
        shown = [pts for pts in shown if pts in images or pts not in wanted]
    return None


def _decode_needed(
    path: Path, listing: Listing, wanted: Container
) -> tuple[dict[int, np.ndarray], Camera]:
    """Time stamp -> image of the wanted ones, none where time stamps or key frames prove false or a
    frame is damaged; and what made them pictures."""
    packets = listing.packets
    images: dict[int, np.ndarray] = {}
    with opened(path) as (container, stream):
        context = stream.codec_context
        camera = Camera(stream)
        _check_memory(len(wanted), *camera.shown_size(context.width, context.height))
        # Only H.264 marks frames on which no other depends: HEVC does within a temporal layer, and
        # a VP9 frame that is no reference may hand its probabilities on.
        unwanted = "NONREF" if context.name == "h264" else "DEFAULT"
        demuxed = demux(container, stream)
        place = 0
        for first, last in spans_of(packets, wanted):
            # Reading over fewer packets is about as quick as a seek, and cannot land elsewhere.
            if first - place > SEEK_GAP_PACKETS and not listing.jumps:
                with suppress(av.FFmpegError):  # otherwise it reads on from where it is
                    container.seek(packets[first].dts or packets[first].pts, stream=stream)
                demuxed = demux(container, stream)
            place = last
            start, latest, damage = packets[first].pts, -math.inf, _Damage()
            for packet in between(demuxed, start, packets[last].pts):
                is_wanted = packet is None or packet.pts in wanted
                context.skip_frame = "DEFAULT" if is_wanted else unwanted
                for frame in _decode(stream, packet):
                    pts = frame.pts
                    if pts is None or pts <= latest or (pts == start and not frame.key_frame):
                        return {}, camera
                    latest = pts
                    is_damaged = damage.in_or_before(frame)
                    if pts in wanted and is_damaged:
                        return {}, camera
                    if pts in wanted:
                        images[pts] = camera(frame)
            context.flush_buffers()
    return images, camera


def _check_memory(count: int, width: int, height: int) -> None:
    if (size := count * width * height * 3) > MAX_BYTES:
        raise VideoError(
            f"{count:,} frames of {width}x{height} take {size / 1e9:.1f} GB: try fewer"
        )


def _read_everything(path: Path, listing: Listing, count: int, end: int | None) -> Frames:
    """Decode all frames, once to count them and once for the wanted ones."""
    seconds, sizes, sound, clean, damage = [], [], [], [], _Damage()
    for index, (camera, second, frame) in enumerate(_decode_all(path)):
        seconds.append(second)
        sizes.append(camera.shown_size(frame.width, frame.height))
        clean += [] if damage.in_or_before(frame) else [index]
        sound += [] if frame.is_corrupt else [index]
    if not sizes:
        raise VideoError("has no decodable frame")
    # Best are those that no damaged one can have spoilt, if they lie all over the video.
    is_spread = len(clean) >= count and clean[-1] - clean[0] >= SPREAD * len(sizes)
    places = clean if is_spread else sound or range(len(sizes))
    places = places if end is None else [i for i in places if i < end]
    wanted = {places[i] for i in sample_times([seconds[i] for i in places], count)}
    _check_memory(len(wanted), *max(sizes, key=math.prod))
    frames = []
    for index, (camera, second, frame) in enumerate(_decode_all(path)):
        if index in wanted:
            frames.append(Frame(index, second, camera(frame)))
    damaged, notes = len(sizes) - len(sound), []
    if damaged and sound:
        notes.append(f"{damaged} of {len(sizes)} frames are damaged and were left out")
    elif damaged:
        notes.append(f"all {damaged} frames are damaged: mistrust this verdict")
    return _read(frames, listing, camera, notes)


def _read(frames: list[Frame], listing: Listing, camera: Camera, notes: Iterable[str] = ()):
    facts = listing.facts | {"rotation_degrees": camera.rotation}
    return Frames(frames, [*listing.notes, *camera.notes, *notes], facts=facts)


def _decode_all(path: Path) -> Iterator[tuple[Camera, float, av.VideoFrame]]:
    """Every frame with its time since the first, and what makes a picture of it."""
    with opened(path) as (container, stream):
        camera = Camera(stream)
        has_times = container.format.name != "avi"
        packets = chain(demux(container, stream), [None])
        start, seconds, offset = None, 0.0, 0.0
        for index, frame in enumerate(f for packet in packets for f in _decode(stream, packet)):
            start = frame.pts if start is None else start
            if frame.pts is None or not has_times:
                seconds = float(index / (stream.guessed_rate or 25))
            else:
                now = float((frame.pts - start) * stream.time_base) + offset
                if now < seconds - JOINT_SECONDS:  # of two recordings in one file
                    offset += seconds - now
                seconds = max(seconds, now)
            yield camera, seconds, frame
