"""Reading evenly spaced frames from a video, or the one frame of an image."""

import math
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, dropwhile
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from media.frame import Frame, VideoError, decode_image, is_image, sample_indices

# Damaged files are reported by VideoError; OpenCV's messages would land between the lines. PyAV is
# silent unless a level is set, which can also make the threads of its decoders wait for ever.
# OpenCV moved the function between 4.8 and 4.14; 0 is silence.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SEEK_GAP_PACKETS = 1000
MAX_BYTES = 4 << 30  # of the frames taken together; more would end the process on small machines
NOT_A_VIDEO = "has no readable video stream: damaged, incomplete, or not a video"


def read_frames(path: Path, count: int, end: int | None = None) -> list[Frame]:
    """Decode at most count evenly spaced frames of a video; an image is a video of one frame.

    Headers are not believed: the packets that are there are counted, and where some cannot be
    decoded, the indices are spaced anew over the rest. Frames that no wanted one depends on are
    not decoded. With end, only the frames before that index are spaced over. Raises VideoError with
    the reason when nothing can be decoded.
    """
    _check_readable(path)
    if is_image(path):
        return [Frame(0, 0.0, decode_image(path.read_bytes()))]
    try:
        return _read_needed(path, count, end) or _read_everything(path, count, end)
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


class _Packet(NamedTuple):
    pts: int  # when to show it
    dts: int | None  # when to decode it
    is_keyframe: bool
    is_hidden: bool  # by an edit list


@contextmanager
def _opened(path: Path):
    """The container in a file and its video stream."""
    try:
        os.fsencode(path).decode()  # the bytes of the name, whatever the locale
        # An absolute path, for FFmpeg reads "a:b.mp4" as a protocol; and files alone, for what is
        # in truth a playlist may name addresses.
        local, name = {"protocol_whitelist": "file"}, os.path.abspath(path)
        container = av.open(name, container_options=local, metadata_errors="replace")
    except UnicodeDecodeError as error:
        raise VideoError("has a name that is not valid UTF-8: rename it") from error
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise VideoError(NOT_A_VIDEO) from error
    with container:
        stream = container.streams.best("video")
        if stream is None or stream.codec_context is None:
            raise VideoError(NOT_A_VIDEO)
        # With more threads, what is made of damaged frames depends on how many there are.
        stream.codec_context.thread_count = 1
        yield container, stream


def _demux(container, stream) -> Iterator[av.Packet]:
    """The packets up to the end, or to where the container is damaged."""
    with suppress(av.FFmpegError):
        while True:
            with suppress(IndexError):  # a packet of a stream that began after PyAV looked
                yield from (packet for packet in container.demux(stream) if packet.size)
                return


def _decode(stream, packet: av.Packet | None) -> list[av.VideoFrame]:
    """The frames that come out when packet goes in (None: those held back), if it is sound."""
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        return []


def _upright(frame: av.VideoFrame) -> np.ndarray:
    image = frame.to_ndarray(format="bgr24", interpolation="BICUBIC")
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def _read_needed(path: Path, count: int, end: int | None) -> list[Frame]:
    """Decode only what the wanted frames depend on; nothing where time stamps are not sound."""
    with _opened(path) as (container, stream):
        demuxed = _demux(container, stream)
        packets = [_Packet(p.pts, p.dts, p.is_keyframe, p.is_discard) for p in demuxed]
        # AVI stores no time of presentation, MPEG-4 may pack two frames into one packet.
        is_doubtful = container.format.name == "avi" or stream.codec_context.name == "mpeg4"
        guessed = is_doubtful and stream.codec_context.has_b_frames
        tick_seconds = stream.time_base
        width, height = stream.codec_context.width, stream.codec_context.height
    times = {packet.pts for packet in packets}
    if guessed or None in times or len(times) < len(packets):
        return []
    shown = sorted(packet.pts for packet in packets if not packet.is_hidden)
    _check_memory(min(count, len(shown)), width, height)
    for _ in range(2):  # again without those that are damaged, as the last of a truncated file
        wanted = {shown[i]: i for i in sample_indices(len(shown[:end]), count)}
        images = _decode_needed(path, packets, wanted)
        if len(images) == len(wanted):
            times = {pts: float((pts - shown[0]) * tick_seconds) for pts in wanted}
            return [Frame(index, times[pts], images[pts]) for pts, index in wanted.items()]
        shown = [pts for pts in shown if pts in images or pts not in wanted]
    return []


def _decode_needed(path: Path, packets: list[_Packet], wanted: Container) -> dict:
    """Time stamp -> image of the wanted ones; none where time stamps or key frames prove false."""
    images = {}
    with _opened(path) as (container, stream):
        context = stream.codec_context
        # Only H.264 marks frames on which no other depends: HEVC does within a temporal layer, and
        # a VP9 frame that is no reference may hand its probabilities on.
        unwanted = "NONREF" if context.name == "h264" else "DEFAULT"
        demuxed = _demux(container, stream)
        place = 0
        for first, last in _spans(packets, wanted):
            # Reading over fewer packets is about as quick as a seek, and cannot land elsewhere.
            if first - place > SEEK_GAP_PACKETS:
                with suppress(av.FFmpegError):  # otherwise it reads on from where it is
                    container.seek(packets[first].dts or packets[first].pts, stream=stream)
                demuxed = _demux(container, stream)
            place = last
            start, latest = packets[first].pts, -math.inf
            for packet in _between(demuxed, start, packets[last].pts):
                is_wanted = packet is None or packet.pts in wanted
                context.skip_frame = "DEFAULT" if is_wanted else unwanted
                for frame in _decode(stream, packet):
                    pts = frame.pts
                    if pts is None or pts <= latest or (pts == start and not frame.key_frame):
                        return {}
                    latest = pts
                    if pts in wanted:
                        images[pts] = _upright(frame)
            context.flush_buffers()
    return images


def _spans(packets: list[_Packet], wanted: Container) -> list[tuple[int, int]]:
    """Places of the packets to decode: from a key frame to the last wanted one that needs it."""
    spans: list[tuple[int, int]] = []
    keys = [0]
    for place, packet in enumerate(packets):
        if packet.is_keyframe:
            keys.append(place)
        if packet.pts in wanted:
            # What follows a key frame but is shown before it may depend on the one before.
            first = next((key for key in reversed(keys) if packets[key].pts <= packet.pts), 0)
            if spans and first <= spans[-1][1]:
                first, _ = spans.pop()
            spans.append((first, place))
    return spans


def _between(demuxed: Iterator[av.Packet], start: int, end: int) -> Iterator[av.Packet | None]:
    """The packets from time stamp start to end, in the order of decoding, and then None."""
    for packet in dropwhile(lambda packet: packet.pts != start, demuxed):
        yield packet
        if packet.pts == end:
            break
    yield None


def _check_memory(count: int, width: int, height: int) -> None:
    if (size := count * width * height * 3) > MAX_BYTES:
        raise VideoError(
            f"{count:,} frames of {width}x{height} take {size / 1e9:.1f} GB: try fewer"
        )


def _read_everything(path: Path, count: int, end: int | None) -> list[Frame]:
    """Decode all frames, once to count them and once for the wanted ones."""
    shapes = [(frame.width, frame.height) for _, frame in _decode_all(path)]
    if not shapes:
        raise VideoError("has no decodable frame")
    wanted = set(sample_indices(len(shapes[:end]), count))
    _check_memory(len(wanted), *shapes[0])
    frames = enumerate(_decode_all(path))
    return [Frame(i, seconds, _upright(f)) for i, (seconds, f) in frames if i in wanted]


def _decode_all(path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    """Every frame with its time since the first."""
    with _opened(path) as (container, stream):
        has_times = container.format.name != "avi"
        packets = chain(_demux(container, stream), [None])
        start, seconds = None, 0.0
        for index, frame in enumerate(f for packet in packets for f in _decode(stream, packet)):
            start = frame.pts if start is None else start
            if frame.pts is None or not has_times:
                seconds = float(index / (stream.guessed_rate or 25))
            else:
                seconds = max(seconds, float((frame.pts - start) * stream.time_base))
            yield seconds, frame
