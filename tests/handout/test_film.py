"""The annotated film: the video's times and sound, faces where the line says, a mark that runs."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from conftest import set_display_matrix

from faces.detect import Face, square_around
from faces.orientation import NOTES
from handout import film
from handout.film import write_film
from handout.strip import BOTTOM, HEIGHT, MARGIN
from judging.analysis import Analysis, Track, View
from judging.demo import write_clip
from media.frame import VideoError
from media.video import read_frames
from scoring.verdict import Marks, judge

WIDTH, HEIGHT_PX, FPS, COUNT = 320, 240, 25, 50
SCALE, UNIT = 2, 0.8  # of a film that is made of such a small clip
GROUND = 120
TOP_LEFT, TOP_RIGHT = (0, 0, 220), (0, 220, 0)


def make_clip(path: Path, sound: str | None = "aac", times=range(COUNT), blue=()) -> Path:
    """A grey clip, blue in some frames, its frames at times / FPS, with a tone."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS, options={"crf": "5"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT_PX, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        if sound:
            audio = output.add_stream(sound, rate=44_100)
            audio.layout = "mono"
        for number, time in enumerate(times):
            image = np.full((HEIGHT_PX, WIDTH, 3), GROUND, np.uint8)
            image[..., 1:] = 10 if number in blue else GROUND
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, FPS)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if sound:
            tone = np.sin(np.arange(44_100 * COUNT // FPS) * 0.06).astype(np.float32)[None] / 4
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.rate, frame.pts = 44_100, 0
            output.mux(audio.encode(frame))
            output.mux(audio.encode(None))
    return path


def analysed(path: Path, lefts: list[float | None], notes=()) -> Analysis:
    """An analysis of evenly spaced frames, with a face of 40 x 60 px whose left is given, or none
    where it is None; all vote FAKE with 0.9."""
    frames = read_frames(path, len(lefts))
    views = []
    for left in lefts:
        face = left is not None and Face((left, 80, left + 40, 140), None, 0.9)
        crop, heat = np.zeros((256, 256, 3), np.uint8), np.zeros((7, 7), np.float32)
        views.append(View(face, crop, square_around(face, 1.35), 0.9, heat) if face else None)
    seconds = [frame.seconds for frame in frames]
    marks = Marks(real_below=0.5, fake_from=2.0)
    track = Track("A", views)
    verdict = track.verdict = judge(track.scores, marks, seconds)
    tracks, lead = ([track], track) if track.seen else ([], None)
    frames.notes += tuple(notes)
    return Analysis(path, frames, tracks, [], verdict, lead, marks)


def film_of(tmp_path: Path, analysis: Analysis) -> list[np.ndarray]:
    """The frames (H, W, 3) uint8 BGR of the film that is made of it."""
    write_film(tmp_path / "film.mp4", analysis)
    with av.open(str(tmp_path / "film.mp4")) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [p for p in container.demux(container.streams.best(kind)) if p.size]


def has_line(picture: np.ndarray, x: int) -> bool:
    """Whether a dashed upright line runs at x, along a face that is in the film from y = 160 on."""
    line = picture[180:260, x - 1 : x + 2].astype(int).mean(axis=2)
    return line.min() < GROUND - 60 and line.max() > GROUND + 60


@pytest.mark.parametrize("sound, suffix", [("aac", "mp4"), ("flac", "mkv"), (None, "mp4")])
def test_length_and_sound_are_those_of_the_video(tmp_path, sound, suffix):
    clip = make_clip(tmp_path / f"clip.{suffix}", sound)
    write_film(tmp_path / "film.mp4", analysed(clip, [100.0] * 5))
    content = (tmp_path / "film.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / "film.mp4")) as container:
        (video,) = container.streams.video
        context = video.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.width == WIDTH * SCALE and context.height % 2 == 0
        assert abs(float(video.duration * video.time_base) - COUNT / FPS) < 1 / FPS
        assert [s.codec_context.name for s in container.streams.audio] == ["aac"] * bool(sound)
        samples = sum(frame.samples for frame in container.decode(audio=0)) if sound else 0
    assert not sound or abs(samples / 44_100 - COUNT / FPS) < 0.1
    if sound == "aac":
        before, after = (packets_of(p, "audio") for p in (clip, tmp_path / "film.mp4"))
        assert [bytes(packet) for packet in before] == [bytes(packet) for packet in after]


def test_frames_of_a_variable_rate_keep_their_times(tmp_path):
    times = [0, 1, 2, 5, 6, 12, 13, 14, 30, 31]
    clip = make_clip(tmp_path / "clip.mkv", None, times)
    write_film(tmp_path / "film.mp4", analysed(clip, [100.0] * 3))
    packets = packets_of(tmp_path / "film.mp4", "video")
    shown = sorted(p.pts * p.time_base for p in packets)
    with av.open(str(tmp_path / "film.mp4")) as container:
        length = container.streams.video[0].duration * packets[0].time_base
    assert 31 / FPS < length <= 33 / FPS
    assert np.allclose(np.array(shown, float), np.array(times) / FPS, atol=0.001)


def test_a_face_is_followed_on_the_line_between_its_frames_and_nowhere_else(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4")
    seconds = [f.seconds for f in read_frames(clip, 5)]
    assert [round(s * FPS) for s in seconds] == [0, 12, 24, 37, 49]
    frames = film_of(tmp_path, analysed(clip, [40.0, 88.0, 136.0, None, None]))
    for number in (3, 7, 18, 21):
        assert has_line(frames[number], SCALE * (40 + 4 * number)), number
        assert not has_line(frames[number], SCALE * (40 + 4 * number) + 30), number
    for number in (33, 37, 45, 49):
        assert np.abs(frames[number][: SCALE * HEIGHT_PX].astype(int) - GROUND).max() < 12, number


def test_the_scored_frame_alone_has_a_solid_box(tmp_path):
    frames = film_of(tmp_path, analysed(make_clip(tmp_path / "clip.mp4"), [100.0] * 5))
    orange = np.array([0, 94, 213])
    solid = []
    for number, frame in enumerate(frames):
        line = frame[180:260, SCALE * 100].astype(int)
        solid += [number] if np.abs(line - orange).max() < 60 else []
    assert solid == [0, 12, 24, 37, 49]


def test_no_box_is_drawn_in_another_shot(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", blue=range(10, 20))
    frames = film_of(tmp_path, analysed(clip, [100.0] * 3))
    assert has_line(frames[8], SCALE * 100) and has_line(frames[21], SCALE * 100)
    shot = frames[14][: SCALE * HEIGHT_PX].astype(int)
    assert np.ptp(shot.reshape(-1, 3), axis=0).max() < 20


def test_a_mark_runs_along_the_timeline(tmp_path):
    frames = film_of(tmp_path, analysed(make_clip(tmp_path / "clip.mp4"), [None] * 3))
    row = SCALE * HEIGHT_PX + round(BOTTOM * UNIT) + 2  # below the plot there is the mark alone
    assert len(frames[0]) == SCALE * HEIGHT_PX + round(HEIGHT * UNIT) // 2 * 2
    left = MARGIN * UNIT
    for number in (0, 10, 25, 49):
        due = left + (SCALE * WIDTH - 2 * left) * number / 49
        assert abs(int(frames[number][row].mean(axis=1).argmin()) - due) <= 2


def turned_clip(path: Path) -> Path:
    """A clip that players turn clockwise, then red at the top right and green below it."""
    image = np.full((240, 320, 3), GROUND, np.uint8)
    image[:120, :160], image[:120, 160:] = TOP_LEFT, TOP_RIGHT
    write_clip(path, [image] * 6)
    set_display_matrix(path, 0, 1, -1, 0)
    return path


def test_a_phone_video_stands(tmp_path):
    frame = film_of(tmp_path, analysed(turned_clip(tmp_path / "clip.mp4"), [None]))[3]
    assert frame.shape[1] == 640 and len(frame) > 853
    assert np.abs(frame[100, 500].astype(int) - TOP_LEFT).max() < 50
    assert np.abs(frame[700, 500].astype(int) - TOP_RIGHT).max() < 50


def test_what_the_analysis_turned_is_turned(tmp_path):
    clip = turned_clip(tmp_path / "clip.mp4")
    analysis = analysed(clip, [None], notes=[NOTES[90]])
    turned = cv2.rotate(analysis.frames[0].image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    object.__setattr__(analysis.frames[0], "image", turned)
    frame = film_of(tmp_path, analysis)[3]
    assert np.abs(frame[100, 100].astype(int) - TOP_LEFT).max() < 50
    assert np.abs(frame[100, 500].astype(int) - TOP_RIGHT).max() < 50


def test_a_large_video_becomes_1080p(tmp_path):
    clip = tmp_path / "clip.mp4"
    write_clip(clip, [np.full((1440, 2560, 3), GROUND, np.uint8)] * 3)
    height, width = film_of(tmp_path, analysed(clip, [1000.0, 1100.0, 1200.0]))[0].shape[:2]
    assert width <= 1920 and height == 1080


def test_without_an_encoder_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(film, "ENCODER", "libnothing")
    with pytest.raises(VideoError, match=r"no H\.264 encoder"):
        write_film(tmp_path / "film.mp4", analysed(make_clip(tmp_path / "clip.mp4"), [None]))
