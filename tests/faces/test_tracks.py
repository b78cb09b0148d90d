"""Following faces: movement, cuts, split screens, bystanders, faces that come and go."""

import itertools

import cv2
import numpy as np
import pytest
from conftest import SHARED

from faces.detect import Face, YuNetDetector
from faces.tracks import (
    SAME_LOOK,
    link_faces,
    look_of,
    main_faces,
    sides_of,
    without_bystanders,
)
from media.video import read_frames

RED, BLUE, GREEN = (40, 40, 200), (200, 60, 40), (60, 180, 60)


def face_at(x: float, y: float = 100, side: float = 50) -> Face:
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), None, 1.0)


def scene(*people) -> tuple[np.ndarray, list[Face]]:
    """A grey frame with people (x, side, colour): squares, larger than their faces."""
    image = np.full((300, 700, 3), 120, np.uint8)
    faces = []
    for x, side, colour in people:
        half = int(side * 0.8)
        cv2.rectangle(image, (x - half, 100 - half), (x + half, 100 + half), colour, -1)
        faces.append(face_at(x, side=side))
    return image, faces


def tracks_of(*scenes) -> list[list[float | None]]:
    """The x of each track's face in each frame."""
    images, found = zip(*scenes, strict=True)
    return [[face and face.centre_xy[0] for face in t] for t in link_faces(images, found)]


def main_of(*scenes) -> list[float | None]:
    images, found = zip(*scenes, strict=True)
    return [face and face.centre_xy[0] for face in main_faces(images, found)]


def test_the_look_tells_people_of_different_videos_apart(yunet_file):
    """The threshold's grounds: real clips, where they are at hand."""
    clips = sorted((SHARED / "clips").rglob("original_sequences/**/*.mp4"))
    if len(clips) < 10:
        pytest.skip("the clips are not here")
    detector = YuNetDetector(yunet_file)
    looks = []
    for clip in clips:
        images = [frame.image for frame in read_frames(clip, 4)]
        found = [detector.detect(image)[:1] for image in images]
        looks.append([look_of(i, f[0]) for i, f in zip(images, found, strict=True) if f])
    own = [a @ b for each in looks for a, b in itertools.combinations(each, 2)]
    firsts = [each[0] for each in looks]
    others = [a @ b for a, b in itertools.combinations(firsts, 2)]
    assert np.mean(np.array(own) >= SAME_LOOK) > 0.95
    assert np.mean(np.array(others) < SAME_LOOK) > 0.95


def test_the_persistent_face_wins_over_a_larger_passer_by():
    frames = [scene((100, 50, RED)) for _ in range(6)]
    frames[2] = scene((400, 90, BLUE), (103, 50, RED))
    assert main_of(*frames) == [100, 100, 103, 100, 100, 100]


def test_of_two_persistent_faces_the_larger_is_chosen_in_every_frame():
    frames = [scene((100, 40, RED), (300, 60, BLUE)) for _ in range(5)]
    frames[3][1].reverse()
    assert main_of(*frames) == [300] * 5
    assert main_of((frames[0][0], []), (frames[0][0], [])) == [None, None]


def test_one_who_moves_far_leaves_and_comes_back_is_one_track():
    red, nobody = (100, 50, RED), scene()
    assert tracks_of(scene(red), nobody, scene((500, 50, RED)), scene((480, 80, RED))) == [
        [100, None, 500, 480]
    ]
    larger = tracks_of(scene(red), scene((500, 150, RED)))  # three times as large: another face
    assert sorted(larger, key=str) == [[100, None], [None, 500]]


def test_two_alike_are_told_apart_by_place():
    one, other = (100, 50, RED), (400, 50, RED)
    assert tracks_of(scene(one, other), scene((410, 50, RED), (110, 50, RED)), scene(one)) == [
        [100, 110, 100],
        [400, 410, None],
    ]


def test_a_split_screen_and_a_cut_keep_people_apart():
    split = [scene((150, 60, RED), (450, 50, BLUE)) for _ in range(3)]
    assert tracks_of(*split) == [[150] * 3, [450] * 3]
    a, b = scene((200, 60, RED)), scene((200, 55, GREEN))  # the same place, after a cut
    assert tracks_of(a, a, b, b, a) == [[200, 200, None, None, 200], [None, None, 200, 200, None]]


def test_a_face_that_enters_late_has_a_track_of_its_own():
    frames = [scene((100, 50, RED))] * 2 + [scene((100, 50, RED), (400, 45, BLUE))] * 3
    assert tracks_of(*frames) == [[100] * 5, [None, None, 400, 400, 400]]


@pytest.mark.parametrize("side, judged", [(20, 1), (45, 2)])
def test_a_picture_on_the_wall_is_a_bystander_only_when_it_is_small(side, judged):
    frames = [scene((100 + 9 * n, 50, RED), (500, side, BLUE)) for n in range(4)]
    images, found = zip(*frames, strict=True)
    chosen, others = without_bystanders(link_faces(images, found))
    assert (len(chosen), len(others)) == (judged, 2 - judged)
    assert len(sides_of(chosen[0])) == 4


def test_a_large_thing_taken_for_a_face_once_makes_nobody_a_bystander():
    frames = [scene((100, 50, RED)) for _ in range(4)]
    frames[1] = scene((100, 50, RED), (400, 150, BLUE))
    images, found = zip(*frames, strict=True)
    chosen, others = without_bystanders(link_faces(images, found))
    assert [len(sides_of(track)) for track in chosen] == [4, 1] and others == []
    assert without_bystanders([]) == ([], [])
    # Nor does a close-up of somebody who is small for most of the time.
    frames = [scene((100, 40, RED))] * 8 + [scene((100, 100, RED))] * 2
    images, found = zip(*frames, strict=True)
    chosen, others = without_bystanders(link_faces(images, found))
    assert sorted(len(sides_of(track)) for track in chosen) == [2, 8] and others == []


def test_sizes_are_shares_of_a_frame_whose_size_changes():
    frames = [scene((300, 100, RED)), scene((320, 100, RED))]
    for image, faces in [scene((310, 100, RED))] * 3:
        small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        box = tuple(value / 4 for value in faces[0].box_xyxy)
        frames.append((small, [Face(box, None, 0.9)]))
    images, found = zip(*frames, strict=True)
    tracks = link_faces(images, found)
    assert [len(sides_of(track)) for track in tracks] == [5]
    # Where the two parts do not look alike, neither is a bystander.
    apart = [[*found_a, None, None, None] for found_a in [[frames[0][1][0], frames[1][1][0]]]]
    apart.append([None, None, *(faces[0] for _, faces in frames[2:])])
    chosen, others = without_bystanders(apart, images)
    assert len(chosen) == 2 and others == []
    assert len(without_bystanders(apart)[1]) == 1
