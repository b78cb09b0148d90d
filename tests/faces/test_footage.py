"""A fake is cut where the face of its original is, as long as the two show the same."""

import json
import shutil

import cv2
import numpy as np
import pytest
from conftest import read_json

from datasets.catalog import discover_faceforensics
from datasets.extraction import Extractor, with_originals
from datasets.registry import CropSettings, collate, finished_record
from faces.detect import HaarDetector
from faces.footage import faces_of_original
from faces.tracks import main_faces
from judging.demo import write_clip
from media.video import read_frames

OWN = CropSettings(frames=3, crop_size_px=128, crop_margin=1.54, detector="haar")
BY_ORIGINAL = CropSettings(3, 128, 1.54, "haar", original_boxes=True)


def faceless(view: np.ndarray) -> np.ndarray:
    """The view with its face painted over."""
    box = HaarDetector().detect(view)[0].box_xyxy
    left, top, right, bottom = (round(value) for value in box)
    return cv2.rectangle(view.copy(), (left, top), (right, bottom), (120, 140, 180), -1)


def moved(view: np.ndarray, shift_px: int = 14) -> np.ndarray:
    """The view with its face copied to the right of where it was."""
    box = HaarDetector().detect(view)[0].box_xyxy
    left, top, right, bottom = (round(value) for value in box)
    changed = view.copy()
    changed[top:bottom, left + shift_px : right + shift_px] = view[top:bottom, left:right]
    return changed


@pytest.fixture
def tree(tmp_path, face_clip):
    """original/001.mp4 and the folder for its fakes."""
    for folder in ("original", "Deepfakes"):
        (tmp_path / "ff" / folder).mkdir(parents=True)
    shutil.copy(face_clip, tmp_path / "ff/original/001.mp4")
    return tmp_path / "ff"


def found_in(tree, settings=BY_ORIGINAL) -> dict:
    videos = discover_faceforensics(tree)
    return {v.path.stem: v for v in (with_originals(videos) if settings.original_boxes else videos)}


def cut(tree, settings) -> dict:
    """Record of each video in the tree, by the stem of its name."""
    output = tree.parent / "out"
    extractor = Extractor(settings, tree, output)
    records = {}
    for stem, video in found_in(tree, settings).items():
        extractor(video)
        records[stem] = read_json(output / video.id / "video.json")
    return records


def rim(tree, record, number: int) -> np.ndarray:
    """The upper edge of a crop, where the face is not: the same for the same square."""
    name = record["frames"][number]["crop"]
    return cv2.imread(str(tree.parent / "out" / record["id"] / name))[:12].astype(float)


@pytest.mark.parametrize("forge", [faceless, moved])
def test_a_fake_is_cut_by_the_square_of_its_original(tree, face_views, forge):
    write_clip(tree / "Deepfakes/001_002.mp4", [forge(view) for view in face_views])
    records = cut(tree, BY_ORIGINAL)
    real, fake = records["001"], records["001_002"]
    assert (real["boxes_of"], real["original"]) == ("own", None)
    size_bytes = (tree / "original/001.mp4").stat().st_size
    about = {"id": "faceforensics/original/001.mp4", "size_bytes": size_bytes}
    assert (fake["boxes_of"], fake["original"]) == ("original", about)
    for number, (one, other) in enumerate(zip(real["frames"], fake["frames"], strict=True)):
        for key in ("index", "crop", "face_side_px", "box_in_crop_xyxy", "score"):
            assert one[key] == other[key]
        assert np.abs(rim(tree, real, number) - rim(tree, fake, number)).mean() < 3
    own = cut(tree, OWN)["001_002"]
    if forge is faceless:
        assert [frame["crop"] for frame in own["frames"]] == [None] * 3
    else:
        assert np.abs(rim(tree, real, 1) - rim(tree, own, 1)).mean() > 6


def test_a_fake_that_ends_earlier_is_cut_by_the_frames_it_shares(tree, face_views):
    write_clip(tree / "Deepfakes/001_002.mp4", [faceless(view) for view in face_views[:15]])
    fake = cut(tree, BY_ORIGINAL)["001_002"]
    assert fake["boxes_of"] == "original"
    assert [frame["index"] for frame in fake["frames"]] == [0, 7, 14]
    images = [f.image for f in read_frames(tree / "original/001.mp4", 24) if f.index in (0, 7, 14)]
    expected = main_faces(images, [HaarDetector().detect(image) for image in images])
    frames = read_frames(tree / "Deepfakes/001_002.mp4", 3)
    assert faces_of_original(tree / "original/001.mp4", frames, HaarDetector()) == expected


@pytest.mark.parametrize("reason", ["unreadable", "size", "longer", "scene"])
def test_where_the_two_do_not_correspond_the_fake_has_its_own_boxes(tree, face_views, reason):
    original = tree / "original/001.mp4"
    if reason == "unreadable":
        original.write_text("no video")
    else:
        views = {
            "size": [cv2.resize(view, (224, 280)) for view in face_views],
            "longer": face_views[:20],
            "scene": [np.roll(view, 100, axis=1) for view in face_views],
        }
        write_clip(original, views[reason])
    write_clip(tree / "Deepfakes/001_002.mp4", face_views)
    video = found_in(tree)["001_002"]
    output = tree.parent / "out"
    counts = Extractor(BY_ORIGINAL, tree, output)(video)
    record = read_json(output / video.id / "video.json")
    assert record["boxes_of"] == "own"
    assert record["original"]["size_bytes"] == original.stat().st_size
    assert (counts["crops"], counts["own boxes"]) == (3, 1)
    assert finished_record(video, BY_ORIGINAL, output)  # it is not tried again
    write_clip(original, face_views)
    assert finished_record(video, BY_ORIGINAL, output) is None  # another original


def test_without_an_original_a_fake_has_its_own_boxes_until_it_comes(tree, face_clip):
    (tree / "original/001.mp4").unlink()
    shutil.copy(face_clip, tree / "Deepfakes/001_002.mp4")
    record = cut(tree, BY_ORIGINAL)["001_002"]
    assert (record["boxes_of"], record["original"]) == ("own", None)
    output = tree.parent / "out"
    assert finished_record(found_in(tree)["001_002"], BY_ORIGINAL, output)
    shutil.copy(face_clip, tree / "original/001.mp4")
    assert finished_record(found_in(tree)["001_002"], BY_ORIGINAL, output) is None
    cut(tree, BY_ORIGINAL)
    (tree / "original/001.mp4").unlink()  # it has served
    assert finished_record(found_in(tree)["001_002"], BY_ORIGINAL, output)["boxes_of"] == "original"


def test_records_from_before_the_setting_have_their_own_boxes(tree, face_clip, capsys):
    """A real video's crops are the same with and without, so it is not cut again."""
    shutil.copy(face_clip, tree / "Deepfakes/001_002.mp4")
    cut(tree, OWN)
    output = tree.parent / "out"
    for path in output.rglob("video.json"):
        record = read_json(path)
        del record["settings"]["original_boxes"], record["boxes_of"], record["original"]
        path.write_text(json.dumps(record))
    assert len(collate(output, OWN)["videos"]) == 2
    (only,) = collate(output, BY_ORIGINAL)["videos"]
    assert only["id"] == "faceforensics/original/001.mp4"
    assert "1 folders cut with other settings" in capsys.readouterr().out
    videos = found_in(tree)
    assert finished_record(videos["001"], BY_ORIGINAL, output)
    assert finished_record(videos["001_002"], BY_ORIGINAL, output) is None
