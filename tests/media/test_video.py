"""Frames: the right ones, at their own time, whatever the header says; and clear refusals."""

import contextlib
import os
import shutil
import subprocess
import sys
import wave

import av
import cv2
import numpy as np
import pytest
from conftest import ROOT, frame_number, numbered_frames, set_avi_frame_count, unprivileged

from judging.demo import write_clip
from media import video
from media.frame import sample_indices
from media.video import VideoError, read_frames


def test_indices_are_unique_even_and_include_both_ends():
    assert sample_indices(100, 10) == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    for n_frames in range(1, 60):
        for count in range(1, 12):
            indices = sample_indices(n_frames, count)
            assert len(indices) == len(set(indices)) == min(n_frames, count)
            assert indices[0] == 0 and (count == 1 or indices[-1] == n_frames - 1)
            gaps = np.diff(indices)
            assert not len(gaps) or gaps.max() - gaps.min() <= 1
    assert sample_indices(0, 5) == []


@pytest.fixture(scope="module")
def numbered_clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("numbered") / "clip.mp4"
    write_clip(path, numbered_frames(100), fps=20)
    return path


def test_the_right_frames_come_with_their_own_time(numbered_clip):
    frames = read_frames(numbered_clip, 10)
    assert [frame.index for frame in frames] == sample_indices(100, 10)
    for frame in frames:
        assert frame_number(frame.image) == frame.index
        assert frame.seconds == pytest.approx(frame.index / 20, abs=0.001)


@pytest.mark.parametrize("claimed", [600, 20])
def test_a_lying_header_is_not_believed(tmp_path, claimed):
    path = tmp_path / "lie.avi"
    write_clip(path, numbered_frames(60), codec="MJPG")
    set_avi_frame_count(path, claimed)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == claimed
    frames = read_frames(path, 6)
    assert [frame.index for frame in frames] == sample_indices(60, 6)
    assert [frame_number(frame.image) for frame in frames] == sample_indices(60, 6)


def test_a_truncated_video_gives_distinct_frames_of_what_is_left(tmp_path):
    path = tmp_path / "cut.avi"
    write_clip(path, numbered_frames(80), codec="MJPG")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    frames = read_frames(path, 6)
    numbers = [frame_number(frame.image) for frame in frames]
    assert len(set(numbers)) == 6 and max(numbers) < 60
    assert numbers == [frame.index for frame in frames]


@pytest.mark.parametrize("length", [1, 2, 8])
def test_short_videos_give_all_their_frames(tmp_path, length):
    path = tmp_path / "short.mp4"
    write_clip(path, numbered_frames(length))
    assert [frame.index for frame in read_frames(path, 10)] == list(range(length))


@pytest.mark.parametrize("end, last", [(31, 30), (1, 0), (60, 59), (99, 59)])
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_an_end_spaces_the_frames_over_what_is_before_it(tmp_path, suffix, end, last):
    path = tmp_path / f"clip.{suffix}"
    write_clip(path, numbered_frames(60), codec="mp4v" if suffix == "mp4" else "MJPG")
    frames = read_frames(path, 4, end)
    assert [frame_number(f.image) for f in frames] == sample_indices(last + 1, 4)
    assert [frame.index for frame in frames] == sample_indices(last + 1, 4)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phone_video_is_turned_upright(tmp_path, degrees):
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    write_clip(plain, numbered_frames(10))
    try:
        ffmpeg("-display_rotation", degrees, "-i", plain, "-c", "copy", turned)
    except subprocess.CalledProcessError:  # an older one
        ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", turned)
    frames = read_frames(turned, 1)
    frame, quarters = frames[0], frames.facts["rotation_degrees"] // 90
    assert quarters == degrees // 90 or quarters == 4 - degrees // 90  # by FFmpeg's version
    stored = read_frames(plain, 1)[0].image
    assert np.abs(np.rot90(stored, -quarters).astype(float) - frame.image).mean() < 1
    assert frame.image.shape == ((48, 64, 3) if degrees == 180 else (64, 48, 3))
    opened = cv2.VideoCapture(str(turned))
    assert np.abs(opened.read()[1].astype(float) - frame.image).mean() < 1


def ffmpeg(*arguments) -> None:
    """Run ffmpeg; skip the test where there is none, or none that knows the encoder."""
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True)
    if b"Unknown encoder" in done.stderr:
        pytest.skip("this ffmpeg lacks the encoder")
    done.check_returncode()


def make_moving_clip(path, *encoder, seconds=8) -> None:
    source = "mandelbrot=s=160x120:r=25:end_scale=0.05,noise=alls=8:allf=t:all_seed=1"
    ffmpeg("-f", "lavfi", "-i", source, "-t", seconds, "-pix_fmt", "yuv420p", *encoder, path)


def decode_fully(path) -> list[tuple[float, np.ndarray]]:
    """Seconds and image of all frames, decoded one after the other without leaving anything out."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        decoded = []
        for packet in container.demux(stream):
            with contextlib.suppress(av.FFmpegError):  # a damaged packet
                decoded += packet.decode()
    start = decoded[0].time
    return [
        (frame.time - start, frame.to_ndarray(format="bgr24", interpolation="BICUBIC"))
        for frame in decoded
    ]


X264 = ["-c:v", "libx264", "-preset", "veryfast"]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params"]
PYRAMID = "b-pyramid=normal:b-adapt=0:scenecut=0:ref=5"
ENCODERS = {
    "long-gop.mp4": [*X264, "-bf", "5", "-g", "250", "-x264-params", PYRAMID],
    "open-gop.mp4": [*X264, "-bf", "3", "-g", "20", "-x264-params", f"{PYRAMID}:open-gop=1"],
    "open-gop.mkv": [*X264, "-bf", "3", "-g", "20", "-x264-params", f"{PYRAMID}:open-gop=1"],
    "stream.flv": [*X264, "-g", "30"],
    "intra-refresh.mp4": [*X264, "-bf", "0", "-g", "30", "-x264-params", "intra-refresh=1"],
    "interlaced.mp4": [*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"],
    "variable-rate.mp4": [*X264, "-vf", "select='not(mod(n,3))+lt(mod(n,50),20)'", "-vsync", "vfr"],
    "b-frames.avi": [*X264, "-bf", "3", "-g", "30"],
    "hevc.mp4": [*X265, "log-level=none:bframes=4:keyint=50:open-gop=1"],
    "layers.mp4": [*X265, "log-level=none:bframes=4:keyint=50:temporal-layers=3"],
    "vp8.webm": ["-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "25", "-g", "60"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-g", "50"],
    "xvid.avi": ["-c:v", "libxvid", "-bf", "2", "-g", "60"],
    "xvid.mkv": ["-c:v", "libxvid", "-bf", "2", "-g", "60"],
    "motion-jpeg.avi": ["-c:v", "mjpeg"],
    "program.mpg": ["-c:v", "mpeg2video", "-bf", "2"],
    "windows.wmv": ["-c:v", "wmv2"],
}


@pytest.mark.parametrize("gap", [1, 1000])
@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_left_out_does_not_change_the_rest(name, gap, tmp_path_factory, monkeypatch):
    path = tmp_path_factory.getbasetemp() / name
    if not path.exists():
        make_moving_clip(path, *ENCODERS[name])
    monkeypatch.setattr("media.packets.SEEK_GAP_PACKETS", gap)
    decoded = decode_fully(path)
    frames = read_frames(path, 7)
    assert [frame.index for frame in frames] == sample_indices(len(decoded), 7)
    for frame in frames:
        seconds, image = decoded[frame.index]
        assert np.array_equal(frame.image, image)
        if name == "xvid.mkv":  # two frames in one packet share its time
            assert frame.seconds == pytest.approx(seconds, abs=0.1)
        elif path.suffix != ".avi":
            assert frame.seconds == pytest.approx(seconds, abs=0.001)
        else:
            assert frame.seconds == pytest.approx(frame.index / 25, abs=0.001)


def test_few_frames_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    make_moving_clip(path, *X264, "-bf", "3", "-g", "25", "-x264-params", PYRAMID)
    came_out = []
    see = video._Damage._see
    monkeypatch.setattr(video._Damage, "_see", lambda *a: came_out.append(a) or see(*a))
    assert len(read_frames(path, 4)) == 4
    assert len(came_out) < 60  # of 200; 4 of the 8 groups hold a wanted frame


def test_a_truncated_stream_is_sampled_to_where_it_ends(tmp_path):
    path = tmp_path / "cut.mp4"
    make_moving_clip(path, *X264, "-movflags", "faststart")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    frames = read_frames(path, 10)
    assert len({frame.index for frame in frames}) == 10
    assert 3 < frames[-1].seconds < 6
    decoded = decode_fully(path)
    assert frames[-1].seconds == pytest.approx(decoded[-1][0], abs=0.2)


def test_an_edit_list_hides_frames(tmp_path):
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    make_moving_clip(whole, *ENCODERS["long-gop.mp4"])
    ffmpeg("-ss", 1.3, "-i", whole, "-c", "copy", cut)
    decoded = decode_fully(cut)
    assert len(decoded) < 180
    frames = read_frames(cut, 5)
    assert [frame.index for frame in frames] == sample_indices(len(decoded), 5)
    assert frames[0].seconds == 0.0
    assert all(np.array_equal(frame.image, decoded[frame.index][1]) for frame in frames)


def test_time_stamps_in_the_wrong_order_are_not_trusted(tmp_path):
    """B-frames that were copied out of an AVI carry the times of decoding."""
    avi, mkv = tmp_path / "clip.avi", tmp_path / "clip.mkv"
    make_moving_clip(avi, *ENCODERS["b-frames.avi"])
    ffmpeg("-fflags", "+genpts", "-i", avi, "-c", "copy", mkv)
    decoded = decode_fully(avi)
    for frame in read_frames(mkv, 9):
        assert np.array_equal(frame.image, decoded[frame.index][1])


@pytest.mark.parametrize("tags", [[], ["-colorspace", "bt709"], ["-pix_fmt", "yuvj420p"]])
def test_colours_are_those_of_opencv(tmp_path, tags):
    path = tmp_path / "clip.mp4"
    make_moving_clip(path, *X264, *tags, seconds=1)
    (frame,) = read_frames(path, 1)
    opened = cv2.VideoCapture(str(path))
    assert np.abs(opened.read()[1].astype(float) - frame.image).mean() < 1


def test_a_playlist_is_not_followed(tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        read_frames(path, 3)


def test_an_image_is_a_video_of_one_frame(tmp_path):
    path = tmp_path / "ünï.png"
    path.write_bytes(cv2.imencode(".png", np.full((20, 30, 3), 77, np.uint8))[1])
    (frame,) = read_frames(path, 10)
    assert frame.image.shape == (20, 30, 3) and (frame.image == 77).all()
    assert (frame.index, frame.seconds) == (0, 0.0)


NAMES = ["two words.mp4", "(1).mp4", 'it\'s "q".mp4', "視頻.mp4", "new\nline.mp4", "a:b.mp4"]


@pytest.mark.parametrize("name", [*NAMES, "%03d.mp4", "-i.mp4", "[1].MP4", "004.mp4"])
def test_any_file_name_is_read(tmp_path, numbered_clip, name, monkeypatch):
    shutil.copy(numbered_clip, tmp_path / name)
    assert len(read_frames(tmp_path / name, 3)) == 3
    monkeypatch.chdir(tmp_path)
    assert len(read_frames(video.Path(name), 3)) == 3


def test_each_unreadable_file_is_refused_with_its_reason(tmp_path, numbered_clip):
    def refusal(path) -> str:
        with pytest.raises(VideoError) as caught:
            read_frames(path, 3)
        return str(caught.value)

    path = tmp_path / "x.mp4"
    assert refusal(path) == "file not found"
    path.touch()
    assert "empty" in refusal(path)
    path.write_text("not a video " * 100)
    assert "no readable video stream" in refusal(path)
    content = numbered_clip.read_bytes()  # the index comes last: half of it is unreadable
    path.write_bytes(content[: len(content) // 2])
    assert "no readable video stream" in refusal(path)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    assert "no readable video stream" in refusal(path)
    assert "folder" in refusal(tmp_path)
    (tmp_path / "x.png").write_text("not an image")
    assert "not an image" in refusal(tmp_path / "x.png")
    assert refusal(tmp_path / ("x" * 300 + ".mp4"))
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "regular file" in refusal(tmp_path / "pipe.mp4")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_not_utf8_is_refused(tmp_path, numbered_clip):
    name = os.fsencode(tmp_path) + b"/bad\xff.mp4"
    shutil.copy(numbered_clip, name)
    with pytest.raises(VideoError, match="not valid UTF-8: rename it"):
        read_frames(video.Path(os.fsdecode(name)), 3)


def test_a_file_without_permission_is_refused(tmp_path, numbered_clip):
    path = tmp_path / "secret.mp4"
    shutil.copy(numbered_clip, path)
    path.chmod(0)
    with unprivileged(tmp_path), pytest.raises(VideoError, match="permission denied"):
        read_frames(path, 3)


def test_damaged_files_print_nothing_of_their_own(tmp_path, capfd):
    (tmp_path / "x.mp4").write_text("not a video " * 100)
    with pytest.raises(VideoError):
        read_frames(tmp_path / "x.mp4", 3)
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


def test_more_frames_than_memory_should_hold_are_refused_with_the_remedy(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    write_clip(path, numbered_frames(10))
    monkeypatch.setattr("media.video.MAX_BYTES", 5 * 48 * 64 * 3)
    assert len(read_frames(path, 5)) == 5
    with pytest.raises(VideoError, match=r"^6 frames of 64x48 take 0.0 GB: try fewer$"):
        read_frames(path, 6)
    avi = tmp_path / "clip.avi"
    write_clip(avi, numbered_frames(10), codec="MJPG")
    with pytest.raises(VideoError, match="10 frames of 64x48"):
        read_frames(avi, 100)


def test_a_name_is_read_under_an_ascii_locale(tmp_path, numbered_clip):
    shutil.copy(numbered_clip, tmp_path / "视频.mp4")
    code = (
        "import os, pathlib, sys; sys.path.insert(0, sys.argv[1]); "
        "from media.video import read_frames; "
        "assert sys.getfilesystemencoding() == 'ascii' or sys.platform != 'linux'; "
        "print(len(read_frames(pathlib.Path(sys.argv[2]), 3)))"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code, str(ROOT / "src"), str(tmp_path / "视频.mp4")]
    done = subprocess.run(command, env=os.environ | plain, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_short_memory_is_not_the_files_fault(tmp_path, numbered_clip, monkeypatch):
    def refuse(*args, **options):
        raise av.error.MemoryError(12, "Cannot allocate memory")

    monkeypatch.setattr(video.av, "open", refuse)
    with pytest.raises(MemoryError):
        read_frames(numbered_clip, 3)
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))

    def full(*args):
        error = cv2.error("Insufficient memory")
        error.code = cv2.Error.StsNoMem
        raise error

    monkeypatch.setattr(cv2, "imdecode", full)
    with pytest.raises(MemoryError):
        read_frames(picture, 1)
