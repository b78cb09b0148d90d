"""Each video of a data set is found once, with its class and its people."""

import json
import os
from pathlib import Path

import pytest

from datasets.catalog import (
    discover_celeb_df,
    discover_dfdc,
    discover_faceforensics,
    discover_own,
    discover_wilddeepfake,
    original_name,
)
from datasets.extraction import with_originals
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


def test_faceforensics_pair_lists_say_the_official_split(tmp_path):
    for name in ("000", "003", "010", "011", "500"):
        touch(tmp_path / "original" / f"{name}.mp4")
    for name in ("000_003", "010_011", "000_010"):
        touch(tmp_path / "Deepfakes" / f"{name}.mp4")
    assert {v.official_split for v in discover_faceforensics(tmp_path)} == {None}
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.json").write_text('[["000", "003"]]')
    (tmp_path / "splits" / "test.json").write_text('[["011", "010"]]')
    (tmp_path / "splits" / "val.json").write_text('{"something": 1} else')
    found = {video.path.stem: video.official_split for video in discover_faceforensics(tmp_path)}
    assert found == {
        "000": "train",
        "003": "train",
        "000_003": "train",
        "010": "test",
        "011": "test",
        "010_011": "test",
        "500": None,
        "000_010": None,  # a pair across the lists belongs to neither
    }


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


def test_service_folders_hold_no_videos_of_any_data_set(tmp_path):
    for folder in (".ipynb_checkpoints", "@eaDir", "__MACOSX", ".Trash-1000"):
        for name in ("original/001.mp4", "Celeb-real/id0_0001.mp4", "real/a.mp4"):
            touch(tmp_path / folder / name)
            touch(tmp_path / "real" / folder / name)
        touch(tmp_path / folder / "real_train/1/0/1.png")
        touch(tmp_path / "real_train" / folder / "1.png")
        (tmp_path / folder / "metadata.json").write_text('{"c.mp4": {"label": "REAL"}}')
        touch(tmp_path / folder / "c.mp4")
    for discover in (
        discover_faceforensics,
        discover_celeb_df,
        discover_dfdc,
        discover_wilddeepfake,
        discover_own,
    ):
        assert discover(tmp_path) == [], discover


def test_a_second_copy_shows_the_same_people(tmp_path):
    for name in ("original/253.mp4", "original/253 (1).mp4", "Deepfakes/253_003 - Copy.mp4"):
        touch(tmp_path / name)
    people = {video.path.stem: video.identities for video in discover_faceforensics(tmp_path)}
    assert people == {
        "253": ("ff:253",),
        "253 (1)": ("ff:253",),
        "253_003 - Copy": ("ff:253", "ff:003"),
    }
    for name in (
        "real/holiday.mp4",
        "real/holiday (1).mp4",
        "real/clip (1).mp4",
        "real/clip (2).mp4",
    ):
        touch(tmp_path / "own" / name)
    one, two, copy, original = (video.identities for video in discover_own(tmp_path / "own"))
    assert copy == original == ("own:only:own/real/holiday.mp4",)
    assert len({one, two, copy}) == 3  # files that were numbered all together are no copies
    touch(tmp_path / "celeb/Celeb-real/id0_0001 (1).mp4")
    (tmp_path / "celeb/List_of_testing_videos.txt").write_text("1 Celeb-real/id0_0001.mp4\n")
    (video,) = discover_celeb_df(tmp_path / "celeb")
    assert (video.identities, video.official_split) == (("celeb:id0",), "test")


def test_a_known_folder_that_links_to_another_is_not_lost(tmp_path):
    touch(tmp_path / "archive" / "001.mp4")
    os.symlink("archive", tmp_path / "original")
    assert [v.id for v in discover_faceforensics(tmp_path)] == ["faceforensics/original/001.mp4"]


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


def test_dfd_holds_the_published_counts(tmp_path):
    for number in range(363):
        touch(tmp_path / f"original_sequences/actors/c23/videos/{number % 28:02d}__s{number}.mp4")
    for number in range(3068):
        name = f"{number % 28:02d}_{(number + 1) % 28:02d}__s__{number:08d}.mp4"
        touch(tmp_path / "manipulated_sequences/DeepFakeDetection/c23/videos" / name)
    videos = discover_faceforensics(tmp_path)
    assert by_method(videos) == {"actors": 363, "DeepFakeDetection": 3068}
    assert len({name for video in videos for name in video.identities}) == 28


def test_celeb_dfs_test_list_is_honoured(tmp_path):
    for name in ("Celeb-real/id0_0000.mp4", "Celeb-real/id0_0001.mp4", "YouTube-real/00000.mp4"):
        touch(tmp_path / name)
    assert {video.official_split for video in discover_celeb_df(tmp_path)} == {None}
    lines = "1 Celeb-real/id0_0001.mp4\n1 YouTube-real/00000.mp4\n"
    (tmp_path / "List_of_testing_videos.txt").write_text(lines)
    splits = {video.path.name: video.official_split for video in discover_celeb_df(tmp_path)}
    assert splits == {"id0_0000.mp4": "train", "id0_0001.mp4": "test", "00000.mp4": "test"}


def test_dfdc_trusts_its_metadata_alone(tmp_path):
    for part in ("0", "1"):
        for name in ("a.mp4", "b.mp4", "c.mp4"):
            touch(tmp_path / f"dfdc_train_part_{part}" / name)
    facts = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}
    (tmp_path / "dfdc_train_part_0" / "metadata.json").write_text(json.dumps(facts))
    (tmp_path / "dfdc_train_part_1" / "metadata.json").write_text("{half")
    found = {v.id: (v.label, v.identities) for v in discover_dfdc(tmp_path)}
    people = ("dfdc:dfdc_train_part_0",)
    assert found == {
        "dfdc/dfdc_train_part_0/a.mp4": (REAL, people),
        "dfdc/dfdc_train_part_0/b.mp4": (FAKE, people),
    }


def test_wilddeepfake_counts_an_archive_and_its_unpacked_folder_once(tmp_path):
    for name in ("real_train/1.tar.gz", "real_train/1/real/0/5.png", "real_train/2/0/1.png"):
        touch(tmp_path / name)
    touch(tmp_path / "fake_test/1.tar.gz")
    found = {v.id: (v.label, v.official_split, v.is_cut) for v in discover_wilddeepfake(tmp_path)}
    assert found == {
        "wilddeepfake/real_train/1": (REAL, "train", True),
        "wilddeepfake/real_train/2": (REAL, "train", True),
        "wilddeepfake/fake_test/1": (FAKE, "test", True),
    }
    assert len({v.identities for v in discover_wilddeepfake(tmp_path)}) == 3


def test_own_files_belong_to_the_person_of_their_folder(tmp_path):
    names = ("real/anna/2020/a.mp4", "fake/anna/b.png", "Fake/c.mp4", "real/d.JPG", "other/e.mp4")
    for name in names:
        touch(tmp_path / name)
    found = {v.path.name: (v.label, v.identities[0]) for v in discover_own(tmp_path)}
    assert found == {
        "a.mp4": (REAL, "own:anna"),
        "b.png": (FAKE, "own:anna"),
        "c.mp4": (FAKE, "own:only:own/Fake/c.mp4"),
        "d.JPG": (REAL, "own:only:own/real/d.JPG"),
    }


def test_ids_do_not_depend_on_where_the_data_set_lies(tmp_path):
    for root in ("here", "there/deeper"):
        touch(tmp_path / root / "original/001.mp4")
    (one,) = discover_faceforensics(tmp_path / "here")
    (other,) = discover_faceforensics(tmp_path / "there/deeper")
    assert one.id == other.id == "faceforensics/original/001.mp4"
    assert discover_faceforensics(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "dataset, stem, name",
    [
        ("faceforensics", "004_982", "004"),
        ("faceforensics", "004", None),
        ("dfd", "24_11__walking__ABCDEFGH", "24__walking"),
        ("dfd", "24_11__talk__outside__ABCDEFGH", "24__talk__outside"),
        ("dfd", "24__walking", None),
        ("celebdf", "id3_id20_0009", "id3_0009"),
        ("celebdf", "id3_0009", None),
        ("celebdf", "00012", None),
        ("own", "004_982", None),
        ("faceforensics", "holiday", None),
    ],
)
def test_the_name_of_a_fake_tells_its_original(dataset, stem, name):
    assert original_name(dataset, stem) == name


def test_of_several_compressions_the_original_is_of_the_same(tmp_path):
    real = "original_sequences/youtube/{}/videos/004.mp4"
    fake = "manipulated_sequences/Deepfakes/{}/videos/004_982.mp4"
    for pattern in (real, fake):
        for compression in ("c23", "c40"):
            touch(tmp_path / pattern.format(compression))
    touch(tmp_path / fake.format("raw"))
    touch(tmp_path / "manipulated_sequences/Deepfakes/c23/videos/005_982.mp4")
    videos = with_originals(discover_faceforensics(tmp_path))
    pairs = {v.id.split("/", 1)[1]: v.original and v.original.path for v in videos if v.label}
    assert pairs == {
        fake.format("c23"): tmp_path / real.format("c23"),
        fake.format("c40"): tmp_path / real.format("c40"),
        fake.format("raw"): tmp_path / real.format("c23"),
        fake.format("c23").replace("004", "005"): None,
    }
    assert all(video.original is None for video in videos if not video.label)
