"""From videos to crops, records and the registry."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from conftest import read_json

from datasets.catalog import discover_faceforensics
from datasets.extraction import Extractor
from datasets.registry import (
    CropSettings,
    collate,
    finished_record,
    load_registry,
)
from utils.console import Failure
from utils.workers import JobError

SETTINGS = CropSettings(frames=3, crop_size_px=128, crop_margin=1.54, detector="haar")


@pytest.fixture
def video(tmp_path, face_clip):
    path = tmp_path / "ff" / "Deepfakes" / "001_002.mp4"
    path.parent.mkdir(parents=True)
    shutil.copy(face_clip, path)
    return discover_faceforensics(tmp_path / "ff")[0]


def test_a_record_says_where_each_crop_comes_from(tmp_path, video):
    output = tmp_path / "out"
    assert Extractor(SETTINGS, tmp_path, output)(video)["crops"] == 3
    record = read_json(output / video.id / "video.json")
    assert (record["label"], record["method"]) == (1, "Deepfakes")
    assert record["identities"] == ["ff:001", "ff:002"]
    assert [frame["index"] for frame in record["frames"]] == [0, 12, 23]
    for frame in record["frames"]:
        crop = cv2.imread(str(output / video.id / frame["crop"]))
        assert crop.shape == (128, 128, 3)
        left, top, right, bottom = frame["box_in_crop_xyxy"]
        # In the crop, the box's longer side is 1 / 1.54 of the crop, and centred.
        assert max(right - left, bottom - top) == pytest.approx(128 / 1.54, abs=1.5)
        assert (left + right) / 2 == pytest.approx(64, abs=1.5)
        assert (top + bottom) / 2 == pytest.approx(64, abs=1.5)


def test_landmarks_lie_in_the_crop(tmp_path, video, yunet_file):
    shutil.copy(yunet_file, tmp_path)
    settings = CropSettings(3, 128, 1.54, "yunet")
    Extractor(settings, tmp_path, tmp_path / "out")(video)
    for frame in read_json(tmp_path / "out" / video.id / "video.json")["frames"]:
        points = np.array(frame["landmarks_in_crop_xy"])
        assert points.shape == (5, 2)
        assert (points > 20).all() and (points < 108).all()


def test_frames_without_a_face_are_reported_not_replaced(tmp_path, video, empty_clip):
    shutil.copy(empty_clip, video.path)
    output = tmp_path / "out"
    counts = Extractor(SETTINGS, tmp_path, output)(video)
    assert counts == {"videos": 1, "crops": 0, "no face": 3, "flagged": 0, "own boxes": 0}
    assert os.listdir(output / video.id) == ["video.json"]
    assert finished_record(video, SETTINGS, output)["frames"][0]["crop"] is None


def test_an_unreadable_video_leaves_nothing_behind(tmp_path, video):
    video.path.write_text("no video")
    with pytest.raises(JobError, match="no readable video stream"):
        Extractor(SETTINGS, tmp_path, tmp_path / "out")(video)
    assert not (tmp_path / "out").exists()


def test_finished_means_same_settings_and_same_file(tmp_path, video):
    output = tmp_path / "out"
    assert finished_record(video, SETTINGS, output) is None
    Extractor(SETTINGS, tmp_path, output)(video)
    assert finished_record(video, SETTINGS, output)
    other = CropSettings(3, 64, 1.54, "haar")
    assert finished_record(video, other, output) is None
    with open(video.path, "ab") as stream:
        stream.write(b"more")
    assert finished_record(video, SETTINGS, output) is None
    (output / video.id / "video.json").write_text('{"half')
    assert finished_record(video, SETTINGS, output) is None


def test_the_registry_follows_from_the_records_alone(tmp_path, video):
    output = tmp_path / "out"
    Extractor(SETTINGS, tmp_path, output)(video)
    registry = collate(output, SETTINGS)
    first = (output / "video_registry.json").read_bytes()
    (output / "video_registry.json").unlink()
    collate(output, SETTINGS)
    assert (output / "video_registry.json").read_bytes() == first
    assert load_registry(output) == json.loads(first) == registry
    assert str(tmp_path) not in first.decode()


def test_records_of_other_settings_stay_out_and_are_counted(tmp_path, video, capsys):
    output = tmp_path / "out"
    Extractor(SETTINGS, tmp_path, output)(video)
    assert collate(output, CropSettings(3, 64, 1.54, "haar"))["videos"] == []
    assert "1 folders cut with other settings" in capsys.readouterr().out


def test_a_damaged_record_stays_out_and_is_counted(tmp_path, video, capsys):
    output = tmp_path / "out"
    Extractor(SETTINGS, tmp_path, output)(video)
    for number, text in enumerate(('{"half', "[]", '{"version": 1}')):
        (output / f"other{number}").mkdir()
        (output / f"other{number}" / "video.json").write_text(text)
    assert len(collate(output, SETTINGS)["videos"]) == 1
    assert "3 folders" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, '{"half', "[]", '{"version": 1}'])
def test_a_registry_that_is_missing_or_foreign_is_refused_with_the_remedy(tmp_path, content):
    if content is not None:
        (tmp_path / "video_registry.json").write_text(content)
    with pytest.raises(Failure, match=r"video_registry.json.*run src/1_extract_frames.py"):
        load_registry(tmp_path)
