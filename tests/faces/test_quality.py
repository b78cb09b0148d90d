"""Measured quality and its flags."""

import cv2
import pytest

from faces.quality import describe, sharpness, turn

BOX = [80, 100, 180, 240]
FRONTAL = [[100, 150], [160, 150], [130, 180], [110, 210], [150, 210]]


@pytest.fixture
def crop(portrait):
    return cv2.resize(portrait[60:400, 80:420], (256, 256))


def test_blur_lowers_sharpness_and_is_flagged(crop):
    blurred = cv2.GaussianBlur(crop, (0, 0), 4)
    assert sharpness(crop, BOX) > 4 * sharpness(blurred, BOX)
    assert describe(crop, 100, BOX, FRONTAL)["flags"] == []
    assert describe(blurred, 100, BOX, FRONTAL)["flags"] == ["blurred"]


def test_turn_is_zero_in_front_signed_and_free_of_head_tilt():
    assert turn(FRONTAL) == pytest.approx(0)
    assert turn([[100, 150], [160, 150], [148, 180]]) == pytest.approx(0.3)
    assert turn([[100, 150], [160, 150], [112, 180]]) == pytest.approx(-0.3)
    tilted = [[100, 150], [100, 210], [70, 180]]  # the same face, lying on its side
    assert turn(tilted) == pytest.approx(0)


def test_tiny_faces_and_profiles_are_flagged_and_missing_landmarks_are_not(crop):
    assert "tiny" in describe(crop, 47.9, BOX, FRONTAL)["flags"]
    assert "tiny" not in describe(crop, 48, BOX, FRONTAL)["flags"]
    profile = [[100, 150], [130, 150], [135, 180], [110, 210], [120, 210]]
    assert describe(crop, 100, BOX, profile)["flags"] == ["extreme pose"]
    facts = describe(crop, 100, BOX, None)
    assert facts["turn"] is None and facts["flags"] == []


def test_a_box_beyond_the_crop_is_no_error(crop):
    assert sharpness(crop, [-20, -20, 300, 300]) > 0
