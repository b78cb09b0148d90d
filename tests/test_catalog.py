"""Each video of a data set is found once, with its class and its people."""

import os
from pathlib import Path

import pytest

from utils.catalog import discover_celeb_df, discover_faceforensics
from utils.config import FAKE, REAL

METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "FaceShifter", "NeuralTextures")


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def by_method(videos) -> dict[str, int]:
    counts = {}
    for video in videos:
        counts[video.method] = counts.get(video.method, 0) + 1
    return counts


def test_the_c23_archive_holds_the_published_thousand_of_each_class(tmp_path):
    for number in range(1000):
        touch(tmp_path / "original" / f"{number:03d}.mp4")
        for method in METHODS:
            touch(tmp_path / method / f"{number:03d}_{999 - number:03d}.mp4")
    touch(tmp_path / "csv" / "original.csv")
    videos = discover_faceforensics(tmp_path)
    assert by_method(videos) == dict.fromkeys(("original", *METHODS), 1000)
    assert len({video.id for video in videos}) == 6000


def test_celeb_df_holds_the_published_counts(tmp_path):
    for folder, count, pattern in (
        ("Celeb-real", 590, "id{}_0000"),
        ("YouTube-real", 300, "{:05d}"),
        ("Celeb-synthesis", 5639, "id{}_id7_0001"),
    ):
        for number in range(count):
            touch(tmp_path / "Celeb-DF-v2" / folder / (pattern.format(number) + ".mp4"))
    counts = {"Celeb-real": 590, "YouTube-real": 300, "Celeb-synthesis": 5639}
    assert by_method(discover_celeb_df(tmp_path)) == counts


def test_the_official_tree_names_class_method_and_people(tmp_path):
    real = tmp_path / "original_sequences"
    fake = tmp_path / "manipulated_sequences"
    touch(real / "youtube/c23/videos/004.mp4")
    touch(real / "actors/c23/videos/24__outside_talking_still_laughing.mp4")
    touch(fake / "Deepfakes/c23/videos/004_982.mp4")
    touch(fake / "DeepFakeDetection/c40/videos/24_11__walking__ABCDEFGH.mp4")
    touch(fake / "Deepfakes/masks/videos/004_982.mp4")
    found = {video.path.name: video for video in discover_faceforensics(tmp_path)}
    facts = {name: (v.dataset, v.method, v.label, v.identities) for name, v in found.items()}
    assert facts == {
        "004.mp4": ("faceforensics", "original", REAL, ("ff:004",)),
        "004_982.mp4": ("faceforensics", "Deepfakes", FAKE, ("ff:004", "ff:982")),
        "24__outside_talking_still_laughing.mp4": ("dfd", "actors", REAL, ("dfd:24",)),
        "24_11__walking__ABCDEFGH.mp4": (
            "dfd",
            "DeepFakeDetection",
            FAKE,
            ("dfd:24", "dfd:11"),
        ),
    }
    assert "masks" not in "".join(video.id for video in found.values())


def test_celeb_df_names_people(tmp_path):
    touch(tmp_path / "Celeb-real/videos/id3_0001.mp4")
    touch(tmp_path / "Celeb-synthesis/id3_id20_0009.mp4")
    touch(tmp_path / "Youtube-real/00012.mp4")
    people = {video.path.stem: video.identities for video in discover_celeb_df(tmp_path)}
    assert people == {
        "id3_0001": ("celeb:id3",),
        "id3_id20_0009": ("celeb:id3", "celeb:id20"),
        "00012": ("celeb:youtube-00012",),
    }


@pytest.mark.parametrize("change_case", [str.lower, str.upper])
def test_the_case_of_folders_and_suffixes_does_not_matter(tmp_path, change_case):
    for name in ("original/001.mp4", "Deepfakes/001_002.MP4", "FaceSwap/001_002.mkv"):
        touch(tmp_path / change_case(name))
    labels = [video.label for video in discover_faceforensics(tmp_path)]
    assert sorted(labels) == [REAL, FAKE, FAKE]


def test_links_and_what_is_no_video_are_not_counted(tmp_path):
    touch(tmp_path / "original/001.mp4")
    os.symlink(tmp_path / "original/001.mp4", tmp_path / "original/copy.mp4")
    os.symlink(tmp_path, tmp_path / "original" / "loop")
    for name in ("original/notes.txt", "original/._001.mp4", "readme.mp4"):
        touch(tmp_path / name)
    assert [video.path.name for video in discover_faceforensics(tmp_path)] == ["001.mp4"]


def test_linked_folders_are_followed(tmp_path):
    touch(tmp_path / "disk" / "001.mp4")
    (tmp_path / "root").mkdir()
    os.symlink(tmp_path / "disk", tmp_path / "root" / "original")
    assert len(discover_faceforensics(tmp_path / "root")) == 1


def test_an_unknown_name_is_a_person_of_its_own_and_twins_have_two_ids(tmp_path):
    for name in ("holiday.mp4", "holiday.avi", "br[1]acket.mp4"):
        touch(tmp_path / "original" / name)
    videos = discover_faceforensics(tmp_path)
    assert len({video.id for video in videos}) == 3
    assert len({video.identities for video in videos}) == 3


def test_ids_do_not_depend_on_where_the_data_set_lies(tmp_path):
    for root in ("here", "there/deeper"):
        touch(tmp_path / root / "original/001.mp4")
    (one,) = discover_faceforensics(tmp_path / "here")
    (other,) = discover_faceforensics(tmp_path / "there/deeper")
    assert one.id == other.id == "faceforensics/original/001.mp4"
    assert discover_faceforensics(tmp_path / "nowhere") == []
