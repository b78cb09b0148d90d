"""Frames: the right ones, at their own time, whatever the header says; and clear refusals."""

import os
import shutil
import subprocess
import wave

import cv2
import numpy as np
import pytest
from conftest import frame_number, numbered_frames, set_avi_frame_count, unprivileged

from utils import video
from utils.demo import write_clip
from utils.video import VideoError, read_frames, sample_indices


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


def test_seeking_gives_the_same_frames_as_reading_on(numbered_clip, monkeypatch):
    sequential = read_frames(numbered_clip, 7)
    monkeypatch.setattr(video, "SEEK_GAP_FRAMES", 1)
    used = []
    original = video._read_seeking
    monkeypatch.setattr(video, "_read_seeking", lambda *a: used.append(1) or original(*a))
    seeking = read_frames(numbered_clip, 7)
    assert used
    for one, other in zip(sequential, seeking, strict=True):
        assert (one.index, one.seconds) == (other.index, other.seconds)
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("claimed", [600, 20])
@pytest.mark.parametrize("gap", [1, 400])
def test_a_lying_header_is_not_believed(tmp_path, monkeypatch, claimed, gap):
    monkeypatch.setattr(video, "SEEK_GAP_FRAMES", gap)
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


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_a_phone_video_is_turned_upright(tmp_path):
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    write_clip(plain, numbered_frames(10))
    command = f"ffmpeg -v error -display_rotation 90 -i {plain} -c copy {turned}".split()
    if subprocess.run(command, capture_output=True).returncode:
        command = f"ffmpeg -v error -i {plain} -c copy -metadata:s:v rotate=90 {turned}".split()
        subprocess.run(command, check=True)
    assert read_frames(turned, 1)[0].image.shape == (64, 48, 3)


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
    content = numbered_clip.read_bytes()  # OpenCV writes the index last: half of it is unreadable
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
