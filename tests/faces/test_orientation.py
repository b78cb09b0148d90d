"""Which way up faces are, and that upright ones cost nothing."""

import cv2
import numpy as np
import pytest

from faces.detect import load_detector
from faces.orientation import ROTATIONS, detect_upright, find_turn
from media.frame import Frame, Frames


@pytest.fixture
def detector(yunet_file):
    return load_detector("yunet", yunet_file.parent)


class Counting:
    """A detector that counts its calls."""

    def __init__(self, detector):
        self.detector, self.calls, self.name = detector, 0, detector.name

    def detect(self, image):
        self.calls += 1
        return self.detector.detect(image)


BACK = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def frames_of(images) -> Frames:
    frames = [Frame(n, float(n), image) for n, image in enumerate(images)]
    return Frames(frames, ["first"], facts={"codec": "h264"})


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_lying_faces_are_put_upright_and_a_note_says_so(face_views, detector, turn):
    views = [cv2.resize(view, None, fx=2, fy=2) for view in face_views[::6]]
    lying = frames_of([cv2.rotate(view, BACK[turn]) for view in views])
    frames, found = detect_upright(lying, detector)
    assert all(map(np.array_equal, [frame.image for frame in frames], views))
    assert found == [detector.detect(view) for view in views]
    assert [frame.seconds for frame in frames] == [frame.seconds for frame in lying]
    assert (
        frames.caveat is None and frames.notes[0] == "first" and frames.facts == {"codec": "h264"}
    )
    assert ("upside down" in frames.notes[1]) == (turn == 180)


def test_upright_faces_are_left_alone_at_no_cost(face_views, detector):
    upright = frames_of([cv2.resize(view, None, fx=2, fy=2) for view in face_views[::6]])
    counting = Counting(detector)
    frames, found = detect_upright(upright, counting)
    assert frames is upright and all(found) and frames.caveat is None
    assert counting.calls == len(upright)


def test_without_any_face_nothing_is_turned(detector):
    empty = [np.full((120, 160, 3), 90, np.uint8)] * 2
    assert find_turn(empty, [[], []], detector) == 0


def test_every_turn_is_undone_by_its_rotation():
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    for turn, way in ROTATIONS.items():
        assert np.array_equal(cv2.rotate(cv2.rotate(picture, BACK[turn]), way), picture)
        assert np.array_equal(cv2.rotate(picture, way), np.rot90(picture, turn // 90))


@pytest.mark.parametrize("degrees, found_turn", [(10, 0), (45, 45), (-45, 315), (135, 135)])
def test_a_tilt_is_found_by_steps_of_an_eighth(face_views, detector, degrees, found_turn):
    views = [cv2.resize(view, None, fx=2, fy=2) for view in face_views[::6]]
    height, width = views[0].shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    border = {"borderMode": cv2.BORDER_REFLECT_101}
    tilted = [cv2.warpAffine(view, matrix, (width, height), **border) for view in views]
    assert find_turn(tilted, [detector.detect(view) for view in tilted], detector) == found_turn


def test_of_a_tilt_the_verdict_says_that_it_is_none(face_views, detector):
    views = [cv2.resize(view, None, fx=2, fy=2) for view in face_views[::6]]
    height, width = views[0].shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -45, 1)
    border = {"borderMode": cv2.BORDER_REFLECT_101}
    tilted = [cv2.warpAffine(view, matrix, (width, height), **border) for view in views]
    frames, _ = detect_upright(frames_of(tilted), detector)
    assert "tilted by about 45 degrees" in frames.caveat
    assert all(map(np.array_equal, [frame.image for frame in frames], tilted))
