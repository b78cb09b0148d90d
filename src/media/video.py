"""Reading evenly spaced frames from a video, or the one frame of an image."""

import math
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from media.frame import Frame, Frames, VideoError, sample_times
from media.packets import Listing, decoded_parts, demux, list_packets, opened
from media.picture import Camera
from media.stills import is_single, read_still

# Damaged files are reported by VideoError; OpenCV's messages would land between the lines. PyAV is
# silent unless a level is set, which can also make the threads of its decoders wait for ever.
# OpenCV moved the function between 4.8 and 4.14; 0 is silence.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SOUND_SHARE = 0.25  # of a video's frames, without which there is no verdict
JOINT_SECONDS = 1  # a step back by which the times of a file begin anew
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
    """What a decoder, and the container, say of the frames that come out, in their order."""

    def __init__(self):
        self._lost: set[int] = set()  # time stamps of packets that are damaged
        self._goes_on = False
        self._seen: list[tuple[bool, bool]] = []  # of each frame: is it spoilt, is it a B-frame

    def decode(self, context, packet: av.Packet | None) -> Iterator[av.VideoFrame]:
        """The frames that come out when packet goes in (None: those held back)."""
        try:
            frames = context.decode(packet)
            is_lost = packet is not None and packet.is_corrupt
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            frames, is_lost = [], True
        if is_lost and packet is not None and packet.pts is not None:
            self._lost.add(packet.pts)
        elif is_lost:
            self._goes_on = True
        for frame in frames:
            self._see(frame)
            yield frame

    def _see(self, frame: av.VideoFrame) -> None:
        """A frame may depend on damage since the last key frame."""
        pts = math.inf if frame.pts is None else frame.pts
        earlier = {lost for lost in self._lost if lost < pts}
        is_hit = frame.is_corrupt or pts in self._lost
        self._goes_on = is_hit or ((self._goes_on or bool(earlier)) and not frame.key_frame)
        self._lost -= earlier
        self._seen.append((self._goes_on, frame.pict_type == PictureType.B))

    def sound(self) -> list[bool]:
        """Whether a frame is neither damaged nor may be made from one that is, in their order."""
        sound, is_spoilt = [], False
        for goes_on, is_b in reversed(self._seen):
            is_spoilt = goes_on or (is_b and is_spoilt)  # B-frames need the one after them, too
            sound.append(not is_spoilt)
        return sound[::-1]


def _read_needed(path: Path, listing: Listing, count: int, end: int | None) -> Frames | None:
    """Decode only what the wanted frames depend on; None where that does not give them."""
    packets = sorted(packet for packet in listing.packets if not packet.is_left_out)
    ticks, per = listing.tick_seconds.as_integer_ratio()
    seconds = [(packet.pts - packets[0].pts) * ticks / per for packet in packets]
    places = [place for place, packet in enumerate(packets[:end]) if not packet.is_damaged]
    for _ in range(2):  # again without those of which the decoder makes no frame
        chosen = _chosen(places, seconds, count)
        wanted = {packets[place].pts: place for place in chosen}
        images, camera = _decode_needed(path, listing, wanted)
        if wanted and len(images) == len(wanted):
            taken = [Frame(place, seconds[place], images[pts]) for pts, place in wanted.items()]
            damaged = sum(packet.is_damaged for packet in packets)
            return _frames(taken, listing, camera, damaged, len(packets))
        if not images:
            return None
        places = [p for p in places if packets[p].pts in images or p not in chosen]
    return None


def _chosen(places: Sequence[int], seconds: list[float], count: int) -> list[int]:
    """At most count of these places of frames, evenly spaced."""
    return [places[i] for i in sample_times([seconds[place] for place in places], count)]


def _decode_needed(
    path: Path, listing: Listing, wanted: Container
) -> tuple[dict[int, np.ndarray], Camera]:
    """Time stamp -> image of the wanted ones, none where one of them is not sound, or times or key
    frames prove false; and what made them pictures."""
    images: dict[int, np.ndarray] = {}
    with opened(path) as (container, stream):
        camera = Camera(stream)
        _check_memory(len(wanted), *camera.shown_size(*listing.size))
        for start, packets in decoded_parts(container, stream, listing, wanted):
            found = _decode_part(stream, start, packets, wanted, camera)
            if found is None:
                return {}, camera
            images |= found
            stream.codec_context.flush_buffers()
    return images, camera


def _decode_part(
    stream, start: int, packets: Iterable, wanted: Container, camera: Camera
) -> dict[int, np.ndarray] | None:
    # Only H.264 marks frames on which no other depends: HEVC does within a temporal layer, and a
    # VP9 frame that is no reference may hand its probabilities on.
    unwanted = "NONREF" if stream.codec_context.name == "h264" else "DEFAULT"
    context, damage, images, times = stream.codec_context, _Damage(), {}, []
    for packet in packets:
        is_wanted = packet is None or packet.pts in wanted
        context.skip_frame = "DEFAULT" if is_wanted else unwanted
        for frame in damage.decode(context, packet):
            pts = frame.pts
            is_late = pts is None or (times and pts <= times[-1])
            if is_late or (pts == start and not frame.key_frame):
                return None
            times.append(pts)
            if pts in wanted:
                images[pts] = camera(frame)
    sound = dict(zip(times, damage.sound(), strict=True))
    return images if all(sound[pts] for pts in images) else None


def _check_memory(count: int, width: int, height: int) -> None:
    if (size := count * width * height * 3) > MAX_BYTES:
        raise VideoError(
            f"{count:,} frames of {width}x{height} take {size / 1e9:.1f} GB: try fewer"
        )


def _read_everything(path: Path, listing: Listing, count: int, end: int | None) -> Frames:
    """Decode all frames, once to count them and once for the wanted ones."""
    seconds, sizes, damage = [], [], _Damage()
    for camera, second, frame in decode_all(path, damage):
        seconds.append(second)
        sizes.append(camera.shown_size(frame.width, frame.height))
    if not sizes:
        raise VideoError("has no decodable frame")
    sound = [place for place, is_sound in enumerate(damage.sound()) if is_sound]
    places = [place for place in sound or range(len(sizes)) if end is None or place < end]
    wanted = set(_chosen(places, seconds, count))
    _check_memory(len(wanted), *max(sizes, key=math.prod))
    taken = []
    for index, (camera, second, frame) in enumerate(decode_all(path)):
        if index in wanted:
            taken.append(Frame(index, second, camera(frame)))
    return _frames(taken, listing, camera, len(sizes) - len(sound), len(sizes))


def _frames(
    taken: list[Frame], listing: Listing, camera: Camera, spoilt: int, total: int
) -> Frames:
    """What was taken of a video of that many frames, spoilt ones among them, with what is known."""
    which = f"{spoilt} of {total} frames are damaged, or made from damaged ones"
    notes = [*listing.notes, *camera.notes]
    if spoilt:
        notes.append(f"{which}, and were left out" if spoilt < total else which)
    facts = listing.facts | {"rotation_degrees": camera.rotation}
    is_enough = total - spoilt >= SOUND_SHARE * total
    caveat = None if is_enough else f"{which}: get a sound copy"
    return Frames(taken, notes, is_single(listing.format), facts, caveat)


def decode_all(
    path: Path, damage: _Damage | None = None
) -> Iterator[tuple[Camera, float, av.VideoFrame]]:
    """Every frame with its time since the first, and what makes a picture of it."""
    damage = damage or _Damage()
    with opened(path) as (container, stream):
        camera = Camera(stream)
        has_times = container.format.name != "avi"
        packets = chain(demux(container, stream), [None])
        start, seconds, offset = None, 0.0, 0.0
        decoded = (f for packet in packets for f in damage.decode(stream.codec_context, packet))
        for index, frame in enumerate(decoded):
            start = frame.pts if start is None else start
            if frame.pts is None or not has_times:
                seconds = float(index / (stream.guessed_rate or 25))
            else:
                now = float((frame.pts - start) * stream.time_base) + offset
                if now < seconds - JOINT_SECONDS:  # of two recordings in one file
                    offset += seconds - now
                seconds = max(seconds, now)
            yield camera, seconds, frame
