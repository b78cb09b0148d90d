"""Pictures in any disguise: the content decides, and what cannot be read whole is refused."""

import struct

import cv2
import numpy as np
import pytest
from conftest import numbered_frames
from PIL import Image, features
from test_video import X264, ffmpeg, make_moving_clip

from judging.demo import write_clip
from media.video import VideoError, read_frames

PICTURE = np.full((120, 160, 3), (40, 90, 160), np.uint8)


def test_a_gif_of_one_picture_is_an_image(tmp_path):
    Image.fromarray(PICTURE[..., ::-1]).save(tmp_path / "a.gif")
    assert read_frames(tmp_path / "a.gif", 10).is_image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("name", ["photo.mp4", "photo", "photo.png"])
def test_an_image_under_any_name_is_an_image(tmp_path, suffix, name):
    path = tmp_path / name
    path.write_bytes(cv2.imencode(suffix, PICTURE)[1])
    frames = read_frames(path, 10)
    assert len(frames) == 1 and frames.is_image and frames.notes == ()
    assert np.abs(frames[0].image.astype(int) - PICTURE).max() <= 4


@pytest.mark.parametrize("format", ["JPEG2000", "PPM"])
@pytest.mark.parametrize("name", ["photo.jpg", "photo.mp4", "photo"])
def test_an_image_that_ffmpeg_alone_reads_is_an_image(tmp_path, format, name):
    if not features.check("jpg_2000") and format == "JPEG2000":
        pytest.skip("this Pillow cannot write JPEG 2000")
    Image.fromarray(PICTURE[..., ::-1]).save(tmp_path / name, format=format)
    frames = read_frames(tmp_path / name, 10)
    assert len(frames) == 1 and frames.is_image
    assert np.abs(frames[0].image.astype(int) - PICTURE).max() <= 4


def test_pages_that_are_not_judged_are_told(tmp_path):
    pages = [Image.fromarray(PICTURE[..., ::-1])] * 3
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    frames = read_frames(tmp_path / "scan.tif", 10)
    assert frames.is_image and frames.notes[0].startswith("3 pictures, of which the first alone")


def test_a_damaged_second_page_costs_nothing(tmp_path):
    path, pages = tmp_path / "scan.tif", [Image.fromarray(PICTURE[..., ::-1])] * 2
    pages[0].save(path, save_all=True, append_images=pages[1:])
    content = bytearray(path.read_bytes())
    order = "<" if content[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", content, 4)[0]
    entries = struct.unpack_from(order + "H", content, first)[0]
    second = struct.unpack_from(order + "I", content, first + 2 + 12 * entries)[0]
    struct.pack_into(order + "H", content, second, 0)  # a page without a single tag
    path.write_bytes(content)
    frames = read_frames(path, 1)
    assert len(frames) == 1 and frames[0].image.shape == PICTURE.shape


def test_a_video_named_as_an_image_is_a_video(tmp_path):
    path = tmp_path / "clip.jpg"
    make_moving_clip(path.with_suffix(".mp4"), *X264, seconds=1)
    path.with_suffix(".mp4").rename(path)
    frames = read_frames(path, 5)
    assert len(frames) == 5 and not frames.is_image


def test_a_row_of_jpegs_is_a_video(tmp_path):
    write_clip(tmp_path / "a.avi", numbered_frames(12), codec="MJPG")
    path = tmp_path / "camera.mjpg"
    ffmpeg("-i", tmp_path / "a.avi", "-c", "copy", "-f", "mjpeg", path)
    frames = read_frames(path, 4)
    assert len(frames) == 4 and not frames.is_image


@pytest.mark.parametrize("format", ["WEBP", "PNG", "GIF", "AVIF"])
@pytest.mark.parametrize("suffix", [".mp4", None])
def test_an_animation_under_any_name_is_judged_as_a_video(tmp_path, format, suffix):
    if format in ("WEBP", "AVIF") and not features.check(format.lower()):
        pytest.skip(f"this Pillow cannot write {format}")
    path = tmp_path / f"a{suffix or '.' + format.lower()}"
    shades = [Image.fromarray(np.full((64, 64, 3), 20 * n, np.uint8)) for n in range(1, 11)]
    options = {"append_images": shades[1:], "duration": 200, "loop": 0}
    shades[0].save(path, format=format, save_all=True, **options)
    frames = read_frames(path, 4)
    assert not frames.is_image and [frame.index for frame in frames] == [0, 3, 6, 9]
    for frame in frames:
        assert abs(int(frame.image[32, 32, 1]) - 20 * (frame.index + 1)) < 8
        assert frame.seconds == pytest.approx(0.2 * frame.index, abs=0.01)
    assert [note.startswith("an animated WebP") for note in frames.notes] == [True] * (
        format == "WEBP"
    )


def test_a_heic_is_refused_by_name_with_the_remedy(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    with pytest.raises(VideoError, match=r"is a HEIC picture.*save it as JPEG or PNG"):
        read_frames(path, 3)


def test_an_avif_is_an_image(tmp_path):
    if not features.check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    for path in (tmp_path / "photo.avif", tmp_path / "photo.mp4"):
        Image.fromarray(PICTURE[..., ::-1]).save(path, format="AVIF", quality=95)
        frames = read_frames(path, 10)
        assert frames.is_image and len(frames) == 1
        assert np.abs(frames[0].image.astype(int) - PICTURE).max() < 12
