"""Pictures as players show them: turned, mirrored, with square pixels, of one field, of HDR."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import set_display_matrix
from test_video import ffmpeg, make_moving_clip

from judging.demo import write_clip
from media import colour
from media.picture import display_matrix, is_combed, stretched, turned
from media.video import read_frames

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "8", "-pix_fmt", "yuv420p"]
# Top left red, top right green, bottom left blue, bottom right grey.
CORNERS = np.zeros((64, 96, 3), np.uint8)
CORNERS[:32, :48], CORNERS[:32, 48:] = (0, 0, 220), (0, 220, 0)
CORNERS[32:, :48], CORNERS[32:, 48:] = (220, 0, 0), (128, 128, 128)


def clip_with_matrix(path: Path, *numbers: float) -> Path:
    """CORNERS as a video with these four numbers of a display matrix in its track's header."""
    write_clip(path, [CORNERS] * 6)
    set_display_matrix(path, *numbers)
    return path


HALF = 0.5**0.5
MATRICES = {
    "half turn": ((-1, 0, 0, -1), CORNERS[::-1, ::-1]),
    "clockwise": ((0, 1, -1, 0), np.rot90(CORNERS, -1)),
    "anticlockwise": ((0, -1, 1, 0), np.rot90(CORNERS)),
    "mirrored": ((-1, 0, 0, 1), CORNERS[:, ::-1]),
    "upside down": ((1, 0, 0, -1), CORNERS[::-1]),
    "over the diagonal": ((0, 1, 1, 0), CORNERS.swapaxes(0, 1)),
    "over the other": ((0, -1, -1, 0), CORNERS[::-1, ::-1].swapaxes(0, 1)),
    "scaled": ((-2, 0, 0, -2), CORNERS[::-1, ::-1]),
    "nothing": ((0, 0, 0, 0), CORNERS),
    "flat": ((1, 0, 1, 0), CORNERS),
    "sheared": ((1, 0.6, 0, 0.8), CORNERS),
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_whole_display_matrix_is_obeyed_if_it_is_one(tmp_path, name):
    numbers, shown = MATRICES[name]
    (frame,) = read_frames(clip_with_matrix(tmp_path / "clip.mp4", *numbers), 1)
    assert frame.image.shape == shown.shape and frame.image.flags.c_contiguous
    assert np.abs(frame.image.astype(int) - shown).mean() < 12


def test_a_tilt_is_turned_back_as_far_as_the_frame_shows(tmp_path):
    path = clip_with_matrix(tmp_path / "clip.mp4", HALF, HALF, -HALF, HALF)  # 45 clockwise
    (frame,) = read_frames(path, 1)
    assert frame.image.shape == CORNERS.shape
    top, right = frame.image[6, 48].astype(int), frame.image[32, 76].astype(int)
    assert top[2] > 150 > top[:2].max()  # red has come to the top, green to the right
    assert right[1] > 150 > right[[0, 2]].max()
    assert frame.image[2, 2].max() < 40


def test_pixels_are_stretched_to_squares_and_never_shrunk():
    assert stretched(640, 720, Fraction(2, 1)) == (1280, 720)
    assert stretched(1280, 240, Fraction(1, 3)) == (1280, 720)
    assert stretched(720, 576, Fraction(16, 15)) == (768, 576)
    for ratio in (None, Fraction(1, 1), Fraction(405, 404), Fraction(1, 255)):
        assert stretched(640, 480, ratio) == (640, 480)


@pytest.mark.parametrize("ratio, size", [("2/1", "80:120"), ("1/3", "160:40")])
def test_a_video_with_oblong_pixels_looks_as_in_a_player(tmp_path, ratio, size):
    plain, oblong = tmp_path / "plain.mp4", tmp_path / "oblong.mp4"
    make_moving_clip(plain, *X264, seconds=1)
    ffmpeg("-i", plain, "-vf", f"scale={size},setsar={ratio}", *X264, oblong)
    (expected,), found = read_frames(plain, 1), read_frames(oblong, 1)
    assert found[0].image.shape == (120, 160, 3)
    soft = [cv2.GaussianBlur(frame.image, (0, 0), 3).astype(int) for frame in (expected, found[0])]
    assert np.abs(soft[0] - soft[1]).mean() < 8
    assert "not square" in found.notes[0] and read_frames(plain, 1).notes == ()


def moving_bar(path: Path, *encoder) -> None:
    """A bright bar that runs to the right, two moments woven into one frame by encoder's filter."""
    frames = [np.full((256, 320, 3), 60, np.uint8) for _ in range(24)]
    for number, frame in enumerate(frames):
        frame[40:216, 20 + 10 * number : 60 + 10 * number] = 220
    write_clip(path.with_suffix(".avi"), frames, codec="MJPG")
    ffmpeg("-i", path.with_suffix(".avi"), *encoder, *X264, path)


@pytest.mark.parametrize("flags", [["-flags", "+ildct+ilme", "-x264-params", "tff=1"], []])
def test_woven_fields_are_not_judged_with_their_combs(tmp_path, flags):
    path = tmp_path / "woven.mp4"
    moving_bar(path, "-vf", "tinterlace=interleave_top,setfield=tff", *flags)
    frames = read_frames(path, 5)
    assert any("interlaced" in note for note in frames.notes)
    for frame in frames:
        assert frame.image.shape == (256, 320, 3)
        row = frame.image[128].astype(int).mean(axis=1)
        assert np.abs(frame.image[60:200].astype(int).mean(axis=2) - row).max() < 60  # no combs
        assert 34 <= (row > 140).sum() <= 46  # one bar, not two
    moving_bar(path, *flags)  # flagged or not, whole frames are left whole
    assert read_frames(path, 5).notes == ()


def test_stripes_across_are_no_combs():
    class Frame:
        height, interlaced_frame = 480, False

        class format:
            is_rgb, name = False, "yuv422p10le"

        def __init__(self, grey):
            self.grey = grey

        def to_ndarray(self, format):
            return self.grey

    rng = np.random.default_rng(0)
    noise = rng.integers(110, 140, (480, 640)).astype(np.uint8)
    assert not is_combed(Frame(noise), 2e-3)
    blinds = np.repeat(rng.integers(0, 255, (120, 1)), 4, axis=0).repeat(640, axis=1)
    assert not is_combed(Frame(blinds.astype(np.uint8)), 2e-3)
    woven = noise.copy()
    woven[100:160:2, 100:300] = 20
    assert is_combed(Frame(woven), 2e-3)


SDR = np.array([[[60, 80, 120]], [[128, 128, 128]], [[150, 170, 220]], [[0, 0, 0]]], np.uint8)


@pytest.mark.parametrize("curve", ["smpte2084", "arib-std-b67"])
def test_hdr_looks_as_ordinary_video_does(tmp_path, curve):
    """A white of 203 nits, as BT.2408 has it, and what is darker, come back as they were."""
    plain, hdr = tmp_path / "plain.avi", tmp_path / "hdr.mp4"
    patches = np.repeat(np.repeat(SDR, 32, axis=0), 128, axis=1)
    write_clip(plain, [patches] * 3, codec="MJPG")
    change = f"scale=out_color_matrix=bt709,zscale=tin=709:pin=709:min=709:rin=limited:t={curve}"
    ffmpeg(
        *("-i", plain, "-vf", f"{change}:p=2020:m=2020_ncl:r=limited:npl=203,format=yuv420p10le"),
        *("-c:v", "libx265", "-crf", "4", "-x265-params", "log-level=none"),
        *("-color_trc", curve, "-color_primaries", "bt2020", "-colorspace", "bt2020nc", hdr),
    )
    frames = read_frames(hdr, 1)
    assert frames.notes[0].startswith("HDR (" + ("PQ" if curve == "smpte2084" else "HLG"))
    found = frames[0].image[16::32, 64].astype(int)
    assert np.abs(found[[0, 1, 3]] - SDR[[0, 1, 3], 0]).max() <= 12
    assert np.abs(found[2] - SDR[2, 0]).max() <= 25  # the light end is pressed together


def test_the_curves_are_those_of_the_standards():
    pq, hlg = colour.linear_table("PQ"), colour.linear_table("HLG")
    assert pq[65535] * 203 == pytest.approx(10000, rel=1e-3)
    assert pq[round(0.5081 * 65535)] * 203 == pytest.approx(100, rel=0.01)  # BT.2408, table 1
    assert pq[round(0.5807 * 65535)] * 203 == pytest.approx(203, rel=0.01)
    assert hlg[round(0.75 * 65535)] == pytest.approx(0.265, abs=0.001)
    assert hlg[32768] == pytest.approx(1 / 12, abs=1e-4) and hlg[65535] == pytest.approx(
        1, abs=1e-3
    )


def test_a_matrix_beside_unknown_data_is_taken_by_its_angle():
    class Frame:
        rotation = 90

        @property
        def side_data(self):
            raise ValueError("32 is not a valid Type")

    assert np.array_equal(turned(CORNERS, display_matrix(Frame())), np.rot90(CORNERS))
