"""Detection, and cutting squares."""

import io
import urllib.request

import cv2
import numpy as np
import pytest

from faces import yunet
from faces.detect import (
    Face,
    HaarDetector,
    YuNetDetector,
    crop_square,
    load_detector,
    square_around,
    to_crop,
)
from faces.yunet import YUNET_FILE, find_yunet_file

# The face in the portrait, read off by eye: centre within these bounds.
PORTRAIT_X, PORTRAIT_Y = (240, 300), (200, 250)


def test_haar_finds_the_face_in_the_portrait(portrait):
    face = HaarDetector().detect(portrait)[0]
    x, y = face.centre_xy
    assert PORTRAIT_X[0] < x < PORTRAIT_X[1] and PORTRAIT_Y[0] < y < PORTRAIT_Y[1]
    assert face.landmarks_xy is None


def test_yunet_finds_the_face_and_haar_agrees_with_its_crop(portrait, yunet_file):
    (yunet,) = YuNetDetector(yunet_file).detect(portrait)
    haar = HaarDetector().detect(portrait)[0]
    one, other = square_around(yunet, 1.54), square_around(haar, 1.54)
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = (one[2] - one[0]) ** 2 + (other[2] - other[0]) ** 2
    assert width * height / (areas - width * height) > 0.75
    right_eye, left_eye, nose, right_mouth, left_mouth = yunet.landmarks_xy
    assert right_eye[0] < nose[0] < left_eye[0] and right_mouth[0] < left_mouth[0]
    assert right_eye[1] < nose[1] < right_mouth[1]


def test_boxes_are_in_pixels_of_the_frame_whatever_its_size(portrait, yunet_file):
    large = cv2.resize(portrait, None, fx=3, fy=3)
    for detector in (YuNetDetector(yunet_file), HaarDetector()):
        small_box = np.array(detector.detect(portrait)[0].box_xyxy)
        large_box = np.array(detector.detect(large)[0].box_xyxy)
        assert np.abs(large_box / 3 - small_box).max() < 12


def test_no_face_in_noise_or_nothing(yunet_file):
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    for image in (noise, np.zeros((240, 320, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert HaarDetector().detect(image) == []
        assert YuNetDetector(yunet_file).detect(image) == []


def test_tiny_and_thin_pictures_hold_no_face_and_do_no_harm(yunet_file):
    rng = np.random.default_rng(0)
    for detector in (YuNetDetector(yunet_file), HaarDetector()):
        for height, width in ((1, 1), (3, 3), (31, 31), (8, 640), (640, 8), (40, 1600), (33, 20)):
            image = rng.integers(0, 255, (height, width, 3), np.uint8)
            for face in detector.detect(image):
                assert np.isfinite(face.box_xyxy).all() and face.side_px < 4 * max(height, width)


def test_the_detector_file_is_looked_for_in_order(tmp_path, monkeypatch, yunet_file):
    with pytest.raises(FileNotFoundError, match="forbids the download"):
        find_yunet_file(tmp_path)
    monkeypatch.setenv("YUNET_MODEL", str(yunet_file))
    assert find_yunet_file(tmp_path) == yunet_file
    (tmp_path / YUNET_FILE).write_bytes(yunet_file.read_bytes())
    assert find_yunet_file(tmp_path) == tmp_path / YUNET_FILE


def test_a_wrong_detector_file_is_named_and_passed_over(tmp_path, monkeypatch, capsys):
    (tmp_path / YUNET_FILE).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(FileNotFoundError):
        find_yunet_file(tmp_path)
    assert YUNET_FILE in capsys.readouterr().out


@pytest.mark.parametrize("is_right", [True, False])
def test_the_download_is_kept_only_with_the_right_checksum(tmp_path, monkeypatch, is_right):
    content = b"pretend network"
    monkeypatch.delenv("DEEPFAKE_OFFLINE")
    asked = []

    def urlopen(url, timeout):
        asked.append((url, timeout))
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(yunet, "is_yunet", lambda data: is_right and data == content)
    if is_right:
        assert find_yunet_file(tmp_path).read_bytes() == content
        assert find_yunet_file(tmp_path).exists() and len(asked) == 1
    else:
        with pytest.raises(OSError, match="checksum"):
            find_yunet_file(tmp_path)
        assert not list(tmp_path.iterdir())
    assert asked[0][0].endswith(YUNET_FILE) and asked[0][1] > 0


def test_without_yunet_one_line_says_that_haar_takes_over(tmp_path, capsys):
    assert load_detector("auto", tmp_path).name == "haar"
    printed = capsys.readouterr().out.strip()
    assert "Haar" in printed and "\n" not in printed
    with pytest.raises(FileNotFoundError, match="YuNet is not available"):
        load_detector("yunet", tmp_path)


def test_a_damaged_yunet_gives_way_to_haar(tmp_path, monkeypatch, capsys):
    (tmp_path / YUNET_FILE).write_bytes(b"no network in here")
    monkeypatch.setattr(yunet, "is_yunet", lambda data: True)
    assert load_detector("auto", tmp_path).name == "haar"
    assert "YuNet is not available" in capsys.readouterr().out


def test_a_crop_is_square_and_never_stretched():
    image = np.zeros((300, 400, 3), np.uint8)
    cv2.circle(image, (200, 150), 40, (255, 255, 255), -1)
    tall = Face((180, 100, 220, 200), None, 1.0)  # 40 x 100: the longer side decides
    square = square_around(tall, 1.5)
    assert square == (125, 75, 275, 225)
    crop = crop_square(image, square, 64)
    ys, xs = np.nonzero(crop[..., 0] > 127)
    assert crop.shape == (64, 64, 3)
    assert np.ptp(xs) == pytest.approx(np.ptp(ys), abs=1)
    assert np.ptp(xs) == pytest.approx(80 / 150 * 64, abs=2)


def test_beyond_the_border_a_crop_shows_the_reflection():
    image = np.arange(100, dtype=np.uint8)[None, :, None].repeat(100, 0).repeat(3, 2)
    crop = crop_square(image, (-20, 30, 20, 70), 40)
    assert crop[0, :, 0].tolist() == [*range(20, 0, -1), *range(20)]
    crop = crop_square(image, (80, 30, 120, 70), 40)
    assert crop[0, :, 0].tolist() == [*range(80, 100), *range(98, 78, -1)]
    assert crop_square(image, (-150, -150, 250, 250), 40).shape == (40, 40, 3)


def test_a_crop_is_shrunk_by_averaging():
    checkers = np.indices((256, 256)).sum(0) % 2 * 255
    image = checkers.astype(np.uint8)[..., None].repeat(3, 2)
    crop = crop_square(image, (0, 0, 256, 256), 64)
    assert np.abs(crop.astype(int) - 127).max() <= 1


def test_points_follow_into_the_crop():
    assert to_crop([(125, 75), (275, 225), (200, 150)], (125, 75, 275, 225), 64) == [
        [0.0, 0.0],
        [64.0, 64.0],
        [32.0, 32.0],
    ]
