"""Files as the field has them: damaged, cut off, joined, of several streams, of uneven times."""

import re
from itertools import product

import numpy as np
import pytest
from conftest import frame_number, numbered_frames
from test_video import PYRAMID, X264, ffmpeg, make_moving_clip

from judging.demo import write_clip
from media.frame import sample_indices, sample_times
from media.video import VideoError, read_frames


def moving_clip(path, *encoder, seconds=4):
    make_moving_clip(path, *X264, *encoder, seconds=seconds)
    return path


def damaged(path, shares, length=400):
    """Overwrite length bytes of a file at these shares of it."""
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    for share in shares:
        start = round(share * len(data))
        data[start : start + length] = rng.bytes(length)
    path.write_bytes(data)


def images_by_time(path) -> dict:
    return {round(frame.seconds, 2): frame.image for frame in read_frames(path, 1000)}


def assert_sound(frames, sound) -> None:
    """That each frame is that of its time in the undamaged file."""
    for frame in frames:
        assert np.array_equal(frame.image, sound[round(frame.seconds, 2)])


def count_of_spoilt(frames) -> int:
    (found,) = [re.match(r"(\d+) of \d+ frames are damaged, or made", n) for n in frames.notes]
    return int(found[1])


@pytest.mark.parametrize(
    "name, encoder",
    [
        ("h264.mp4", [*X264, "-bf", "3", "-g", "10"]),
        ("open-gop.mp4", [*X264, "-bf", "3", "-g", "10", "-x264-params", f"{PYRAMID}:open-gop=1"]),
        ("mpeg2.mkv", ["-c:v", "mpeg2video", "-bf", "2", "-g", "10"]),
        ("mpeg4.mp4", ["-c:v", "mpeg4", "-g", "10"]),
    ],
)
def test_what_is_damaged_or_made_from_it_is_left_out_and_counted(tmp_path, name, encoder):
    path = tmp_path / name
    make_moving_clip(path, *encoder, seconds=4)
    sound = images_by_time(path)
    assert len(sound) == 100
    damaged(path, (0.25, 0.5, 0.65))
    frames = read_frames(path, 100)
    assert frames.caveat is None and frames.notes[0].endswith(", and were left out")
    assert 20 < len(frames) <= 100 - count_of_spoilt(frames) < 95
    assert_sound(frames, sound)
    few = read_frames(path, 5)
    assert len(few) == 5 and few[0].seconds < 0.8 and few[-1].seconds > 3
    assert_sound(few, sound)


def test_frames_after_damage_are_not_judged_where_no_key_frame_follows(tmp_path):
    path = moving_clip(tmp_path / "clip.mp4", "-g", "250")
    sound = images_by_time(path)
    damaged(path, [0.6], 1500)
    frames = read_frames(path, 10)
    assert len(frames) == 10 and frames.caveat is None and 1 < frames[-1].seconds < 3
    assert_sound(frames, sound)
    damaged(path, [0.1, 0.2], 1500)
    frames = read_frames(path, 10)
    assert 1 <= len(frames) <= 10 and count_of_spoilt(frames) > 75
    assert frames.caveat == frames.notes[0].replace(", and were left out", ": get a sound copy")
    assert_sound(frames, sound)


def test_where_no_frame_is_sound_there_are_frames_and_no_verdict(tmp_path):
    path = moving_clip(tmp_path / "clip.mp4", "-g", "1", seconds=1)
    damaged(path, np.linspace(0.01, 0.97, 200), 30)
    frames = read_frames(path, 4)
    all_of_them = r"(\d+) of \1 frames are damaged, or made from damaged ones"
    assert len(frames) == 4 and re.fullmatch(all_of_them, frames.notes[0])
    assert re.fullmatch(all_of_them + ": get a sound copy", frames.caveat)


def test_a_lost_packet_spoils_what_follows_it(tmp_path):
    """Which no decoder marks: it makes the frames after it from those before."""
    whole, path = moving_clip(tmp_path / "whole.ts", "-g", "25", "-bf", "0"), tmp_path / "lossy.ts"
    sound = images_by_time(whole)
    content = whole.read_bytes()
    packets = [content[n : n + 188] for n in range(0, len(content), 188)]
    del packets[len(packets) // 2]
    path.write_bytes(b"".join(packets))
    frames = read_frames(path, 50)
    assert len(frames) == 50 and "damaged" in frames.notes[0]
    assert_sound(frames, sound)


HALVES = {
    "clip.mp4": [*X264, "-movflags", "faststart"],
    "clip.mkv": X264,
    "clip.flv": X264,
    "clip.avi": ["-c:v", "mpeg4"],
    "b-frames.avi": ["-c:v", "mpeg4", "-bf", "2"],
    "motion-jpeg.avi": ["-c:v", "mjpeg"],
}


@pytest.mark.parametrize("sound", [[], ["-f", "lavfi", "-i", "sine=440:d=4"]])
@pytest.mark.parametrize("name", HALVES)
def test_a_file_cut_in_half_says_how_much_is_missing(tmp_path, name, sound):
    plain, path = moving_clip(tmp_path / "plain.mp4"), tmp_path / name
    ffmpeg("-i", plain, *sound, *HALVES[name], path)
    assert read_frames(path, 5).notes == ()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    frames = read_frames(path, 5)
    note = frames.notes[0]
    assert re.search(r"of 4\.\d s are in the file", note) and frames.caveat is None
    missing = int(note.split()[-3].rstrip("%"))
    assert missing == pytest.approx(100 * (1 - frames[-1].seconds / 4), abs=6)


def test_sound_that_goes_on_after_the_pictures_is_not_missing_film(tmp_path):
    film, path = moving_clip(tmp_path / "film.mp4", seconds=2), tmp_path / "clip.mkv"
    ffmpeg("-i", film, "-f", "lavfi", "-i", "sine=440:d=6", "-c:v", "copy", path)
    assert read_frames(path, 5).notes == ()


def test_what_an_edit_list_hides_is_not_missing(tmp_path):
    whole, cut = moving_clip(tmp_path / "whole.mp4"), tmp_path / "cut.mp4"
    ffmpeg("-ss", 1.3, "-i", whole, "-c", "copy", cut)
    assert read_frames(cut, 5).notes == ()


def test_samples_are_spaced_in_time_where_numbers_would_crowd_them():
    even = [number / 25 for number in range(100)]
    assert sample_times(even, 10) == sample_indices(100, 10)
    crowded = [n / 60 for n in range(60)] + [1 + n * 9 / 40 for n in range(40)]
    chosen = sample_times(crowded, 10)
    assert len(chosen) == len(set(chosen)) == 10 and chosen == sorted(chosen)
    due = np.linspace(0, crowded[-1], 10)
    assert np.abs([crowded[i] for i in chosen] - due).max() < 0.25
    # One frame long after all others: those in between are spread over what there is.
    late = sample_times([*even, 1000.0], 10)
    assert len(late) == 10 and {0, 100} < set(late) and np.diff(late).max() < 40
    assert sample_times([0.0] * 50, 5) == sample_indices(50, 5)
    assert sample_times([0.0, 9.0], 5) == [0, 1] and sample_times([], 5) == []


def test_a_variable_frame_rate_is_sampled_by_time(tmp_path):
    plain, path = tmp_path / "plain.avi", tmp_path / "clip.mp4"
    write_clip(plain, numbered_frames(100), codec="MJPG")
    times = "settb=1/90000,setpts='if(lt(N,60),N/60/TB,(1+(N-60)*9/40)/TB)'"
    ffmpeg("-i", plain, "-vf", times, "-vsync", "passthrough", *X264, "-crf", 10, path)
    frames = read_frames(path, 10)
    assert [frame_number(frame.image) for frame in frames] == [frame.index for frame in frames]
    assert sum(frame.seconds <= 1 for frame in frames) <= 2
    steps = np.diff([frame.seconds for frame in frames])
    assert steps.max() < 1.3 and frames[-1].seconds > 9


@pytest.mark.parametrize(
    "suffix, second",
    [*product(["ts", "mpg"], ["same", "later", "earlier"]), ("ts", "smaller")],
)
def test_joined_streams_have_one_clock(tmp_path, second, suffix):
    codec = X264 if suffix == "ts" else ["-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"]
    source = tmp_path / "source.avi"
    write_clip(source, numbered_frames(50), codec="MJPG")
    early, other = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    ffmpeg("-i", source, *codec, early)
    size = "scale=32:24" if second == "smaller" else "null"
    offset = {"later": 5000}.get(second, 0)
    ffmpeg("-i", source, "-vf", size, *codec, "-output_ts_offset", offset, other)
    if second == "earlier":
        ffmpeg("-i", source, *codec, "-output_ts_offset", 5000, early)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(early.read_bytes() + other.read_bytes())
    frames = read_frames(joined, 8)
    assert [frame.index for frame in frames] == sample_indices(100, 8)
    for frame in frames:
        if frame.index < 50 or second != "smaller":
            assert frame_number(frame.image) == frame.index % 50
        else:
            assert frame.image.shape == (24, 32, 3)
        assert frame.seconds == pytest.approx(frame.index / 25, abs=0.25)
    assert np.diff([frame.seconds for frame in frames]).min() > 0.3
    assert "its clock jumps" in frames.notes[0]


def test_times_that_begin_anew_in_another_container_go_on(tmp_path):
    path = moving_clip(tmp_path / "clip.mkv", seconds=2)
    twice = tmp_path / "twice.mkv"
    twice.write_bytes(path.read_bytes() * 2)
    seconds = [frame.seconds for frame in read_frames(twice, 9)]
    assert np.diff(seconds).min() > 0.3 and 3.5 < seconds[-1] < 4.5


def test_a_second_video_stream_is_told_and_a_cover_is_not_one(tmp_path):
    one, two = moving_clip(tmp_path / "one.mp4", seconds=1), tmp_path / "two.mkv"
    ffmpeg("-i", one, "-i", one, "-map", 0, "-map", 1, "-c", "copy", two)
    (note,) = read_frames(two, 3).notes
    assert "2 video streams" in note and "(160x120)" in note
    cover, film, song = (tmp_path / name for name in ("cover.jpg", "film.mp4", "song.m4a"))
    ffmpeg("-f", "lavfi", "-i", "color=red:s=800x600", "-frames:v", 1, cover)
    added = ["-map", 0, "-map", 1, "-c", "copy", "-disposition:v:1", "attached_pic"]
    ffmpeg("-i", one, "-i", cover, *added, film)
    frames = read_frames(film, 3)
    assert frames.notes == () and frames[0].image.shape == (120, 160, 3)
    sound = ["-f", "lavfi", "-i", "sine=440:d=1"]
    ffmpeg(*sound, "-i", cover, "-map", 0, "-map", 1, "-c:v", "copy", "-c:a", "aac",
           "-disposition:v:0", "attached_pic", song)  # fmt: skip
    with pytest.raises(VideoError, match="sound alone"):
        read_frames(song, 3)


NAMED = {
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 123\n",
    "web page": b"\xef\xbb\xbf\n<!DOCTYPE html><html><title>Sign in</title></html>",
    "playlist": b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/a.ts\n",
    "text": "Grüße aus dem Büro\n".encode() * 300,
    "ZIP archive": b"PK\x03\x04" + bytes(range(256)),
    "JPEG XL": b"\xff\x0a" + bytes(range(256)),
    "damaged, incomplete, or not a video": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("suffix", ["mp4", "jpg"])
@pytest.mark.parametrize("kind", NAMED)
def test_what_is_no_video_is_called_what_it_is(tmp_path, kind, suffix):
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(NAMED[kind])
    if suffix == "jpg" and "damaged" in kind:
        kind = "not an image"
    with pytest.raises(VideoError, match=kind):
        read_frames(path, 3)


def test_sound_alone_and_encryption_and_a_lost_index_are_named(tmp_path):
    clip, path = moving_clip(tmp_path / "clip.mp4", seconds=1), tmp_path / "file.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", "-c:a", "aac", path)
    with pytest.raises(VideoError, match="it holds sound alone"):
        read_frames(path, 3)
    key = [
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
    ]
    key += ["-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"]
    ffmpeg("-i", clip, "-c", "copy", *key, path)
    with pytest.raises(VideoError, match="is encrypted"):
        read_frames(path, 3)
    content = clip.read_bytes()  # the index comes last
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(VideoError, match=r"index \(moov\) is missing"):
        read_frames(path, 3)
