"""What lies in a video file before it is decoded: its streams, its packets, and their times."""

import math
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import dropwhile
from pathlib import Path
from typing import NamedTuple

import av
from av.format import Flags
from av.stream import Disposition

from media.facts import SIGNED_BYTES, video_facts
from media.frame import VideoError
from media.unreadable import ENCRYPTED, why_unreadable

# From where FFmpeg, too, takes a step back or a leap for a new clock.
BACK_SECONDS, LEAP_SECONDS = Fraction(1, 10), 10
SEEK_GAP_PACKETS = 1000
MISSING_SHARE, MISSING_SECONDS = 0.05, 1.0  # of the length promised, before it is worth a word
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails


class Packet(NamedTuple):
    pts: int  # when to show it
    dts: int | None  # when to decode it
    is_keyframe: bool
    is_left_out: bool  # by an edit list
    is_damaged: bool  # as the last of a file that is cut off


class Listing(NamedTuple):
    """The packets of a video stream, in the order of decoding.

    is_sound: whether their times can be trusted. jumps: whether they were put on one clock. facts:
    what the file says of itself. format: as FFmpeg calls that of the container.
    """

    packets: list[Packet]
    tick_seconds: Fraction
    is_sound: bool
    jumps: bool
    size: tuple[int, int]
    notes: list[str]
    facts: dict
    format: str


@contextmanager
def opened(path: Path):
    """The container in a file and its video stream. Raises VideoError."""
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
        raise VideoError(why_unreadable(path)) from error
    with container:
        stream = container.streams.best("video")
        if stream not in (films := films_of(container)):
            stream = films[0] if films else None
        if stream is None:
            raise VideoError(why_unreadable(path, [each.type for each in container.streams]))
        # With more threads, what is made of damaged frames depends on how many there are.
        stream.codec_context.thread_count = 1
        yield container, stream


def films_of(container) -> list:
    """The video streams that can be decoded, without covers and thumbnails."""
    streams = [stream for stream in container.streams.video if stream.codec_context]
    streams = [stream for stream in streams if not stream.disposition & NO_FILM]
    # An animated AVIF has its first picture as a stream of its own, too.
    return [stream for stream in streams if stream.frames != 1 or stream.duration] or streams


class Clock:
    """Puts the packets of a stream on one clock, where its format allows of jumps, as MPEG-TS does:
    after a step back, or a leap of LEAP_SECONDS, their times go on from those before."""

    def __init__(self, container, stream):
        self.is_needed = bool(container.format.flags & Flags.ts_discont.value)
        self.back, self.leap = BACK_SECONDS / stream.time_base, LEAP_SECONDS / stream.time_base
        self.offset = 0
        self._last, self._latest, self._step = None, 0, 1

    def set(self, packet: av.Packet) -> None:
        if not self.is_needed or packet.dts is None:
            return
        dts, last = packet.dts + self.offset, self._last
        if last is not None and not last - self.back < dts < last + self.leap:
            self.offset += self._latest + self._step - dts
            dts = self._latest + self._step
        elif last is not None and dts > last:
            self._step = dts - last
        if packet.pts is not None and abs(packet.pts - packet.dts) > self.leap:
            packet.pts = self._latest + self._step  # MPEG-PS has it from behind the joint
        elif packet.pts is not None:
            packet.pts += self.offset
        packet.dts = dts
        self._last = dts
        self._latest = max(dts, dts if packet.pts is None else packet.pts, self._latest)


def demux(container, stream=None, clock: Clock | None = None) -> Iterator[av.Packet]:
    """The packets of a stream, or of all, up to the end or to where the container is damaged."""
    clock = clock or (stream and Clock(container, stream))
    with suppress(av.FFmpegError):
        while True:
            with suppress(IndexError):  # a packet of a stream that began after PyAV looked
                for packet in container.demux(*([stream] if stream else [])):
                    if packet.size:
                        if clock:
                            clock.set(packet)
                        yield packet
                return


def list_packets(path: Path) -> Listing:
    """Read a file once without decoding it. Raises VideoError."""
    with opened(path) as (container, stream):
        clock = Clock(container, stream)
        packets, begin, end, first = [], math.inf, -math.inf, b""
        for packet in demux(container, stream, clock):
            if packet.has_sidedata("encryption_info"):
                raise VideoError(ENCRYPTED)
            first = first or bytes(memoryview(packet)[:SIGNED_BYTES])
            pts, dts = packet.pts, packet.dts
            packets.append(
                Packet(pts, dts, packet.is_keyframe, packet.is_discard, packet.is_corrupt)
            )
            shown = dts if pts is None else pts
            if shown is not None:
                begin, end = min(begin, shown), max(end, shown + (packet.duration or 0))
        # AVI stores no time of presentation, MPEG-4 may pack two frames into one packet.
        context = stream.codec_context
        is_doubtful = container.format.name == "avi" or context.name == "mpeg4"
        times = {packet.pts for packet in packets}
        is_sound = not (is_doubtful and context.has_b_frames)
        is_sound = is_sound and None not in times and len(times) == len(packets)
        notes = [*_other_streams(container, stream)]
        if clock.offset:
            notes.append("its clock jumps, as where recordings are joined: times are counted on")
        elif end > begin:
            notes += _missing(path, container, stream, float((end - begin) * stream.time_base))
        return Listing(
            packets=packets,
            tick_seconds=stream.time_base,
            is_sound=is_sound,
            jumps=bool(clock.offset),
            size=(context.width, context.height),
            notes=notes,
            facts=video_facts(path, container, stream, first),
            format=container.format.name,
        )


def _other_streams(container, stream) -> Iterator[str]:
    films = films_of(container)
    if len(films) > 1:
        number = films.index(stream) + 1
        yield (
            f"{len(films)} video streams, of which number {number} alone is judged "
            f"({stream.width}x{stream.height}): take the others out with ffmpeg -map 0:v:N"
        )


def _missing(path: Path, container, stream, seconds: float) -> Iterator[str]:
    """Whether the packets end long before what the file's head promises."""
    promised = float((stream.duration or 0) * stream.time_base)
    if container.format.name == "avi" and stream.guessed_rate:  # whose length is cut to the file's
        promised = max(promised, float(stream.frames / stream.guessed_rate))
    elif not stream.duration and container.duration:  # of the longest stream, sound perhaps
        promised = container.duration / av.time_base
        if len(container.streams) > 1 and _is_short(seconds, promised):
            seconds = max(seconds, _length(path))
    if _is_short(seconds, promised):
        share = f"{1 - seconds / promised:.0%} is missing"
        yield f"{seconds:.1f} of {promised:.1f} s are in the file: {share}"


def _is_short(seconds: float, promised: float) -> bool:
    return promised - seconds > max(MISSING_SECONDS, MISSING_SHARE * promised)


def _length(path: Path) -> float:
    """Seconds from the first packet of any stream to the last."""
    with opened(path) as (container, _):
        packets = (p for p in demux(container) if p.dts is not None)
        times = [float(packet.dts * packet.time_base) for packet in packets]
        return max(times) - min(times)


def decoded_parts(
    container, stream, listing: Listing, wanted: Container
) -> Iterator[tuple[int, Iterator[av.Packet | None]]]:
    """The parts of a video that have to be decoded for the frames with these time stamps: of each
    the time stamp of its key frame, and its packets in the order of decoding, and then None."""
    demuxed, place = demux(container, stream), 0
    for first, last in spans_of(listing.packets, wanted):
        start, end = listing.packets[first], listing.packets[last]
        # Reading over fewer packets is about as quick as a seek, and cannot land elsewhere.
        if first - place > SEEK_GAP_PACKETS and not listing.jumps:
            with suppress(av.FFmpegError):  # otherwise it reads on from where it is
                container.seek(start.dts or start.pts, stream=stream)
            demuxed = demux(container, stream)
        place = last
        yield start.pts, _between(demuxed, start.pts, end.pts)


def spans_of(packets: list[Packet], wanted: Container) -> list[tuple[int, int]]:
    """Places of the packets to decode: from a key frame to the last wanted one that needs it."""
    spans: list[tuple[int, int]] = []
    keys = [0]
    for place, packet in enumerate(packets):
        if packet.is_keyframe:
            keys.append(place)
        if packet.pts in wanted:
            # What follows a key frame but is shown before it may depend on the one before.
            first = next((key for key in reversed(keys) if packets[key].pts <= packet.pts), 0)
            while spans and first <= spans[-1][1]:
                first = min(first, spans.pop()[0])
            spans.append((first, place))
    return spans


def _between(demuxed: Iterator[av.Packet], start: int, end: int) -> Iterator[av.Packet | None]:
    for packet in dropwhile(lambda packet: packet.pts != start, demuxed):
        yield packet
        if packet.pts == end:
            break
    yield None
