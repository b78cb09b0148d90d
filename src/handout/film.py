"""annotated.mp4: a judged video with its faces followed, their scores and heat, and a timeline."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path

import av
import av.codec.codec
import cv2
import numpy as np

from faces.orientation import rotation_told
from handout.overlay import Overlay
from handout.strip import HEIGHT, Strip
from judging.analysis import Analysis
from media.frame import VideoError
from media.packets import demux, list_packets, opened
from media.video import decode_all
from utils import console
from utils.config import FILM_NAME
from utils.console import shown
from utils.files import atomic_folder

# Without B-frames, for an MP4 with these is too short by its header where the rate varies.
ENCODER, OPTIONS = "libx264", {"preset": "veryfast", "crf": "21", "bf": "0"}
TICKS = 90_000  # a second, so that any frame keeps its time
LONG_PX, SHORT_PX = 1920, 1080  # the film at most, its timeline included
TEXT_PX = 640  # and at least so wide, or its text could not be read
BT601, BT709, LIMITED = 6, 1, 1  # FFmpeg's numbers: OpenCV's matrix and range, and usual colours


def annotate(folder: Path, analysis: Analysis, quietly: bool) -> None:
    """Add annotated.mp4 to the reports in folder, and say where it lies; else why it does not."""
    if analysis.frames.is_image:
        console.warn(f"{shown(analysis.path.name)}: --annotate is for videos, this is an image")
        return
    film = folder / FILM_NAME
    watch = [] if quietly else [partial(console.progress, label="Film", units="frames")]
    try:
        with atomic_folder(folder, keep_others=True) as temporary:
            write_film(temporary / FILM_NAME, analysis, *watch)
    except Exception as error:  # a film is worth no verdict
        reason = getattr(error, "strerror", None) or str(error) or "memory is short"
        console.warn(f"{shown(film)} was not written ({reason}): the verdict stands without it")
    else:
        if not quietly:
            print(f"   Film: {shown(film)}", flush=True)


def write_film(path: Path, analysis: Analysis, watch: Callable = lambda items, total: items):
    """Write the video of analysis, decoded once more, as an H.264 film with its sound.

    watch: passes on the frames that it is given, and may show how far they are. Raises VideoError,
    OSError, or one of FFmpeg's errors.
    """
    try:
        av.codec.Codec(ENCODER, "w")
    except av.codec.codec.UnknownCodecError as error:
        remedy = "install PyAV by pip, whose packages carry it"
        raise VideoError(f"this PyAV has no H.264 encoder ({ENCODER}): {remedy}") from error
    page = _Page(analysis)
    total = len(list_packets(analysis.path).packets)
    movflags = {"movflags": "+faststart"}  # plays before it is loaded whole
    with (
        opened(analysis.path) as (container, stream),
        av.open(os.path.abspath(path), "w", format="mp4", options=movflags) as output,
    ):
        video = _video_stream(output, page.size, stream.guessed_rate)
        sound, last = _Sound(container, output), -1
        for camera, seconds, frame in watch(decode_all(analysis.path), total):
            if last < 0:
                sound.zero = (frame.pts or 0) * camera.stream.time_base
            for packet in sound.until(seconds):
                output.mux(packet)
            image = cv2.cvtColor(page.drawn(camera(frame), seconds), cv2.COLOR_BGR2YUV_I420)
            drawn = av.VideoFrame.from_ndarray(image, format="yuv420p")
            drawn.pts = last = max(round(seconds * TICKS), last + 1)
            drawn.time_base = Fraction(1, TICKS)
            drawn.duration = round((frame.duration or 0) * camera.stream.time_base * TICKS)
            output.mux(video.encode(drawn))
        if last < 0:
            raise VideoError("FFmpeg decodes no frame of it, as of an animated WebP")
        output.mux(video.encode(None))
        for packet in sound.until(math.inf):
            output.mux(packet)


def _video_stream(output, size: tuple[int, int], rate: Fraction | None):
    video = output.add_stream(ENCODER, rate=rate or 25, options=OPTIONS)
    video.width, video.height = size
    video.pix_fmt = "yuv420p"
    context = video.codec_context
    context.time_base = video.time_base = Fraction(1, TICKS)
    context.colorspace, context.color_range = BT601, LIMITED
    context.color_primaries = context.color_trc = BT709
    return video


class _Page:
    """The film's picture: the video above, the timeline below. size: its width and height, even."""

    def __init__(self, analysis: Analysis):
        height, width = max((f.image.shape[:2] for f in analysis.frames), key=np.prod)
        most = (LONG_PX, SHORT_PX) if width >= height else (SHORT_PX, LONG_PX)
        larger = max(1.0, TEXT_PX / width)
        unit = float(np.clip(min(width, height) * larger / 720, 0.8, 1.3))
        scale = min(most[0] / width, (most[1] - HEIGHT * unit) / height, larger)
        # By a little, linear does as well as the mean over areas, in a fifth of the time.
        self.method = cv2.INTER_AREA if scale < 0.75 else cv2.INTER_LINEAR
        self.shown = tuple(max(2, round(side * scale / 2) * 2) for side in (width, height))
        self.rotation = rotation_told(analysis.frames.notes)
        self.overlay = Overlay(analysis, self.shown, unit)
        self.strip = Strip(analysis, self.shown[0], unit)
        self.size = self.shown[0], self.shown[1] + len(self.strip.base)
        self.canvas = np.empty((self.size[1], self.size[0], 3), np.uint8)

    def drawn(self, image: np.ndarray, seconds: float) -> np.ndarray:
        """The page (H, W, 3) uint8 BGR, good until the next call, of a decoded image. One that
        differs from the others in its shape, as none should, is stretched."""
        if self.rotation is not None:
            image = cv2.rotate(image, self.rotation)
        picture = self.canvas[: self.shown[1]]
        cv2.resize(image, self.shown, picture, interpolation=self.method)
        self.overlay.draw(picture, seconds)
        self.strip.draw(self.canvas[self.shown[1] :], seconds)
        return self.canvas


class _Sound:
    """The sound of a file: AAC as it is, anything else encoded to it, or none.

    zero: the second of the file at which the film begins; to be set before it is asked.
    """

    zero = 0.0

    def __init__(self, container, output):
        """Add a stream to output, where container has sound that can be decoded."""
        self.packets, self.waiting = iter(()), None
        source = container.streams.best("audio")
        if source is None or not source.codec_context:
            return
        if source.codec_context.name == "aac":
            target = output.add_stream_from_template(source)
            self.packets = self._copied(demux(container, source), target)
        else:
            rates = av.codec.Codec("aac", "w").audio_rates
            target = output.add_stream("aac", rate=source.rate if source.rate in rates else 48_000)
            target.layout = "mono" if source.channels == 1 else "stereo"
            self.packets = self._encoded(demux(container, source), source, target)

    def until(self, seconds: float) -> Iterator[av.Packet]:
        """What is heard before these seconds of the film, as far as it was not given before."""
        while packet := self.waiting or next(self.packets, None):
            self.waiting = packet
            if packet.pts * packet.time_base > seconds:
                return
            self.waiting = None
            yield packet

    def _copied(self, packets: Iterator[av.Packet], target) -> Iterator[av.Packet]:
        last = -math.inf
        for packet in packets:
            time = packet.pts if packet.dts is None else packet.dts
            if time is None or time <= last:
                continue
            last = time
            packet.pts = packet.dts = time - round(self.zero / packet.time_base)
            packet.stream = target
            yield packet

    def _encoded(self, packets: Iterator[av.Packet], source, target) -> Iterator[av.Packet]:
        for packet in chain(packets, [None]):
            frames = []
            with suppress(av.FFmpegError):  # of what is damaged, the rest is kept
                frames = source.codec_context.decode(packet)
            for frame in frames:
                if frame.pts is not None:  # what comes out last has no base of its own
                    frame.pts -= round(self.zero / (frame.time_base or source.time_base))
                with suppress(ValueError):  # of another layout or rate than the first
                    yield from target.encode(frame)
        yield from target.encode(None)
