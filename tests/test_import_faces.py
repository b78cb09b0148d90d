"""import_faces.py: faces that somebody else cut out and marked."""

import csv
import importlib
import io
import tarfile
from collections import Counter

import cv2
import numpy as np
import pytest
from conftest import ROOT, SHARED, read_json

import import_faces
from datasets.labelled_faces import read_records
from datasets.registry import load_registry
from datasets.splits import load_or_make_splits
from utils.config import FAKE, REAL

POINTS = {
    "right_eye": (110, 125),
    "left_eye": (175, 125),
    "nose": (144, 160),
    "mouth_right": (118, 190),
    "mouth_left": (170, 190),
}


def picture() -> bytes:
    """Grey, with a white dot of 7 px on every landmark."""
    image = np.full((288, 288, 3), 90, np.uint8)
    for x, y in POINTS.values():
        cv2.circle(image, (x, y), 3, (255, 255, 255), -1)
    return cv2.imencode(".png", image)[1].tobytes()


def row(shard: str, file: str, path: str) -> dict:
    points = {
        f"{k}_{axis}": v for k, xy in POINTS.items() for axis, v in zip("xy", xy, strict=True)
    }
    about = {"shard": shard, "file": file, "source_repository": "a/b", "source_path": path}
    return about | {"face_width_px": 79} | points


def write_csv(folder, rows):
    with open(folder / "faces.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    names = ["x/Ann_Lee_01.jpg", "x/Ann_Lee_2.jpg", "x/Bob.jpg", "x/damaged.jpg", "x/missing.jpg"]
    rows = [row("s.tar", f"{n}.png", name) for n, name in enumerate(names)]
    with tarfile.open(folder / "s.tar", "w") as archive:
        for n in range(4):
            content = b"no picture" if n == 3 else picture()
            member = tarfile.TarInfo(f"{n}.png")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (folder / "loose.png").write_bytes(picture())
    write_csv(folder, [*rows, row("", "loose.png", "y/007.jpg")])
    return folder


def run(tmp_path, *more) -> int:
    importlib.reload(import_faces)
    return import_faces.main(
        ["--faces", str(tmp_path / "faces"), "--output", str(tmp_path / "out"), *more]
    )


def test_good_pictures_become_a_registry_and_bad_ones_are_named(tmp_path, faces, capsys):
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "4 pictures of 3 people, 2 failed" in printed
    assert "s.tar/3.png: damaged, or not a picture" in printed
    assert "s.tar/4.png: not in s.tar" in printed
    registry = load_registry(tmp_path / "out")
    assert registry["settings"]["detector"] == "yunet"
    people = [video["identities"] for video in registry["videos"]]
    assert sorted(people) == [["a/b:007"], ["a/b:Ann_Lee"], ["a/b:Ann_Lee"], ["a/b:Bob"]]
    for video in registry["videos"]:
        (frame,) = video["frames"]
        crop = cv2.imread(str(tmp_path / "out" / video["id"] / frame["crop"]))
        assert crop.shape == (256, 256, 3) and frame["face_side_px"] == 79
        for x, y in frame["landmarks_in_crop_xy"]:
            assert crop[round(y), round(x)].min() > 200
        left, _, right, _ = frame["box_in_crop_xyxy"]
        assert (right - left) == pytest.approx(256 / 1.54, abs=1.5)


def test_a_second_run_does_nothing_again(tmp_path, faces):
    assert run(tmp_path) == 0
    before = (tmp_path / "out" / "video_registry.json").read_bytes()
    crop = next((tmp_path / "out").rglob("*.jpg"))
    time = crop.stat().st_mtime_ns
    assert run(tmp_path) == 0
    assert crop.stat().st_mtime_ns == time
    assert (tmp_path / "out" / "video_registry.json").read_bytes() == before


def test_bad_folders_are_refused_in_one_line(tmp_path, faces, capsys):
    def refusal() -> str:
        capsys.readouterr()
        assert run(tmp_path) == 1
        return capsys.readouterr().err

    rows = [row("", "none.png", "z.jpg")]
    write_csv(faces, [*rows, row("", "loose.png", "y/007.jpg")])
    assert run(tmp_path, "--output", str(tmp_path / "other")) == 0
    printed = capsys.readouterr().out
    assert "1 pictures of 1 people, 1 failed" in printed and "none.png: [Errno 2]" in printed
    write_csv(faces, rows)
    assert "no picture could be imported" in refusal()
    write_csv(faces, [{k: v for k, v in rows[0].items() if k != "nose_x"}])
    assert "lacks the column nose_x in its first row" in refusal()
    (faces / "faces.csv").unlink()
    assert "faces.csv cannot be read" in refusal()


def test_the_registry_does_not_depend_on_the_order_of_rows(tmp_path, faces):
    assert run(tmp_path) == 0
    first = read_json(tmp_path / "out" / "video_registry.json")
    with open(faces / "faces.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    write_csv(faces, rows[::-1])
    assert run(tmp_path, "--output", str(tmp_path / "again")) == 0
    assert read_json(tmp_path / "again" / "video_registry.json") == first


def made(folder, file: str, shade: int, side: int = 160) -> None:
    """A picture of one shade, by which its crop is known again."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / file), np.full((side, side, 3), shade, np.uint8))


def labelled(file: str, **facts) -> dict:
    about = {"label": "real", "method": "", "source": "", "person": "", "video": "", "pair": ""}
    return row("", file, f"x/{file}") | about | {"split": ""} | facts


@pytest.fixture
def table(tmp_path):
    """A single real picture, a real video of three frames, and the fake made from that."""
    folder = tmp_path / "faces"
    single = {"source": "portraits", "person": "ann", "split": "train"}
    real = {"source": "web", "person": "bob", "video": "clip 1", "pair": "p7", "split": "val"}
    fake = real | {"video": "clip 2", "label": "fake", "method": "SwapTool"}
    rows = [labelled("ann.png", **single)]
    rows += [labelled(f"b{n}.png", **real) for n in (2, 0, 1)]
    rows += [labelled(f"f{n}.png", **fake) for n in (0, 1)]
    for n, one in enumerate(rows):
        made(folder, one["file"], 40 + 20 * n, side=(120, 160, 200, 240, 288, 150)[n])
    write_csv(folder, rows)
    return rows


def registry_of(tmp_path) -> dict[str, dict]:
    return {video["id"]: video for video in load_registry(tmp_path / "out")["videos"]}


def refusal(tmp_path, capsys) -> str:
    """What is said of a table that is refused, of which nothing is written."""
    capsys.readouterr()
    assert run(tmp_path) == 1
    assert not (tmp_path / "out").exists()
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and "faces.csv" in printed
    return printed


def test_every_column_arrives_in_the_registry(tmp_path, table, capsys):
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "6 pictures of 2 people, 0 failed" in printed
    assert "train          1 real (0 videos)       0 fake (0 videos)" in printed
    assert "val            3 real (1 videos)       2 fake (1 videos)" in printed
    assert "2 sources, 2 videos, 1 pairs" in printed
    videos = registry_of(tmp_path)
    assert list(videos) == ["faces/ann.png", "faces/videos/clip_1", "faces/videos/clip_2"]
    keys = ("label", "method", "source", "identities", "pair", "official_split", "dataset")
    single, real, fake = ([video[key] for key in keys] for video in videos.values())
    assert single == [REAL, "original", "portraits", ["ann"], None, "train", "faces"]
    assert real == [REAL, "original", "web", ["bob"], "p7", "val", "faces"]
    assert fake == [FAKE, "SwapTool", "web", ["bob"], "p7", "val", "faces"]
    for name, shades in (("clip_1", (60, 80, 100)), ("clip_2", (120, 140))):
        frames = videos[f"faces/videos/{name}"]["frames"]
        assert [frame["index"] for frame in frames] == list(range(len(shades)))
        assert [frame["seconds"] for frame in frames] == [float(n) for n in range(len(shades))]
        for frame, shade in zip(frames, shades, strict=True):  # in the order of the table
            crop = cv2.imread(str(tmp_path / "out/faces/videos" / name / frame["crop"]))
            assert crop.shape == (256, 256, 3) and abs(int(crop[99, 99, 0]) - shade) <= 2


def test_columns_that_are_left_out_or_empty_have_their_defaults(tmp_path, table):
    folder = tmp_path / "faces"
    write_csv(folder, [row("", "ann.png", "x/Ann_Lee_3.png")])
    assert run(tmp_path) == 0
    (video,) = registry_of(tmp_path).values()
    facts = {"label": REAL, "method": "original", "identities": ["a/b:Ann_Lee"]}
    facts |= {"source": None, "pair": None, "official_split": None}
    assert {key: video[key] for key in facts} == facts
    write_csv(folder, [labelled("ann.png", label="1")])
    assert run(tmp_path) == 0
    (video,) = registry_of(tmp_path).values()
    assert (video["label"], video["method"]) == (FAKE, "unknown")


def test_the_table_in_the_handbook_is_what_it_says(tmp_path):
    text = (ROOT / "documentation" / "labelled_faces.md").read_text(encoding="utf-8")
    head, *lines = text.partition("```\nshard,")[2].partition("\n```")[0].splitlines()
    landmarks = [f"{name}_{axis}" for name in list(POINTS)[1:] for axis in "xy"]
    whole = [f"shard,{head},{','.join(landmarks)}"] + [f"{line},{'1,' * 7}1" for line in lines]
    (tmp_path / "faces.csv").write_text("\n".join(whole))
    ann, real, fake = read_records(tmp_path / "faces.csv", "faces")
    assert [len(record.pictures) for record in (ann, real, fake)] == [1, 2, 2]
    assert [record.is_video for record in (ann, real, fake)] == [False, True, True]
    assert fake.about == {
        "id": "faces/videos/v2",
        "dataset": "faces",
        "method": "SimSwap",
        "label": FAKE,
        "identities": ["bob"],
        "official_split": "val",
        "source": "film",
        "pair": "p1",
    }


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_as_spreadsheets_write_them_are_read(tmp_path, table, separator):
    assert run(tmp_path) == 0
    first = registry_of(tmp_path)
    cells = [[name.replace("_", " ").upper() + " " for name in table[0]]]
    cells += [[f" {value} " for value in one.values()] for one in table]
    for line in cells[1:]:
        line[5] = line[5].strip() + (".0" if separator == "," else ",0")  # right_eye_x
        line[-1] = line[-1].title()
    text = "\r\n".join(separator.join(line) for line in cells) + f"\r\n{separator} \r\n"
    (tmp_path / "faces/faces.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run(tmp_path, "--output", str(tmp_path / "again")) == 0
    assert {v["id"]: v for v in load_registry(tmp_path / "again")["videos"]} == first


@pytest.mark.parametrize(
    ("line", "facts", "message"),
    [
        (2, {"label": "maybe"}, "line 2: label 'maybe' is not real, fake, 0 or 1"),
        (2, {"label": ""}, "line 2: label '' is not real, fake, 0 or 1"),
        (2, {"split": "dev"}, "line 2: split 'dev' is not train, val or test"),
        (2, {"nose_x": "?"}, "line 2: nose_x '?' is no number"),
        (2, {"nose_x": ""}, "line 2: nose_x '' is no number"),
        (2, {"mouth_left_y": "nan"}, "line 2: mouth_left_y 'nan' is no number"),
        (2, {"face_width_px": "wide"}, "line 2: face_width_px 'wide' is no number"),
        (2, {"file": ""}, "line 2: file is empty"),
        (2, {"file": "b0.png"}, "lines 2 and 4 name the same file b0.png"),
        (2, {"person": "bob"}, "bob is in two splits, train in line 2, val in line 3"),
        (4, {"label": "fake"}, "video clip 1 has two values of label, in lines 3 and 4"),
        (4, {"method": "x"}, "video clip 1 has two values of method, in lines 3 and 4"),
        (4, {"source": "x"}, "video clip 1 has two values of source, in lines 3 and 4"),
        (4, {"person": "x"}, "video clip 1 has two values of person, in lines 3 and 4"),
        (5, {"pair": ""}, "video clip 1 has two values of pair, in lines 3 and 5"),
        (5, {"split": ""}, "video clip 1 has two values of split, in lines 3 and 5"),
    ],
)
def test_a_table_that_is_wrong_anywhere_is_refused_as_a_whole(
    tmp_path, table, capsys, line, facts, message
):
    table[line - 2] |= facts
    write_csv(tmp_path / "faces", table)
    assert message in refusal(tmp_path, capsys)


def test_refusals_name_a_few_lines_and_count_the_rest(tmp_path, table, capsys):
    write_csv(tmp_path / "faces", [one | {"label": "?"} for one in table])
    printed = refusal(tmp_path, capsys)
    assert "line 6: label" in printed and "line 7" not in printed and "; and 1 more" in printed


def test_people_whom_file_names_tell_apart_are_not_in_two_splits_either(tmp_path, table, capsys):
    splits = {"ann.png": "train", "b0.png": "test"}
    rows = [labelled(f, split=s) | {"source_path": "x/Al_1.png"} for f, s in splits.items()]
    write_csv(tmp_path / "faces", rows)
    text = (
        "a/b:Al is in two splits, train in line 2, test in line 3 (as the file is named; the column"
    )
    assert text in refusal(tmp_path, capsys)


def test_files_that_are_no_tables_are_refused(tmp_path, table, capsys):
    path = tmp_path / "faces/faces.csv"
    text = path.read_text()
    for content, message in (
        (b"", "lacks the column file and source_repository"),
        (text.splitlines()[0].encode(), "has no rows"),
        (text.replace("bob", "b\xf6b").encode("latin-1"), "is not a CSV in UTF-8: save it as one"),
        (text.replace("bob", "bob,jr").encode(), "line 3 has more cells than the first line has"),
        (text.replace("method", "label", 1).encode(), "has two columns label"),
    ):
        path.write_bytes(content)
        assert message in refusal(tmp_path, capsys)


def test_what_the_table_says_otherwise_is_made_anew_and_nothing_else(tmp_path, table):
    assert run(tmp_path) == 0

    def times() -> dict[str, int]:
        records = (tmp_path / "out").rglob("video.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in records}

    before = times()
    assert run(tmp_path) == 0 and times() == before
    facts = {"label": "fake", "person": "al", "source": "x", "pair": "q", "split": "test"}
    for fact, value in (facts | {"method": "y"}).items():
        table[0][fact] = value
        write_csv(tmp_path / "faces", table)
        assert run(tmp_path) == 0
        after = times()
        assert {name for name in after if after[name] != before[name]} == {"ann.png"}, fact
        before = after
    video = registry_of(tmp_path)["faces/ann.png"]
    assert (video["label"], video["identities"], video["official_split"]) == (FAKE, ["al"], "test")
    write_csv(tmp_path / "faces", table[:-1])  # a frame less
    assert run(tmp_path) == 0
    assert len(registry_of(tmp_path)["faces/videos/clip_2"]["frames"]) == 1


def test_a_crop_that_a_power_cut_left_empty_is_made_again(tmp_path, table):
    assert run(tmp_path) == 0
    crop = tmp_path / "out/faces/videos/clip_1/000001.jpg"
    content = crop.read_bytes()
    crop.write_bytes(b"")
    assert run(tmp_path) == 0
    assert crop.read_bytes() == content


def test_missing_and_damaged_frames_are_named_and_the_others_go_on(tmp_path, table, capsys):
    (tmp_path / "faces/b2.png").unlink()
    (tmp_path / "faces/f1.png").write_bytes(b"")
    for _ in range(2):  # and named again by another run
        assert run(tmp_path) == 0
        printed = capsys.readouterr().out
        assert "4 pictures of 2 people, 2 failed" in printed
        assert "/b2.png: [Errno 2]" in printed and "/f1.png: damaged, or not" in printed
    videos = registry_of(tmp_path)
    assert [f["index"] for f in videos["faces/videos/clip_1"]["frames"]] == [1, 2]
    assert [f["index"] for f in videos["faces/videos/clip_2"]["frames"]] == [0]


def test_equal_pictures_are_named_and_left_out_where_they_contradict(tmp_path, table, capsys):
    folder = tmp_path / "faces"
    for name in ("same.png", "fake.png", "other.png"):
        (folder / name).write_bytes((folder / "ann.png").read_bytes())
    ann = {"person": "ann", "source": "portraits", "split": "train"}
    more = [labelled("same.png", **ann), labelled("fake.png", **ann | {"label": "fake"})]
    more += [labelled("other.png", split="test")]
    write_csv(folder, table + more)
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert (
        "1 pictures are there more than once, such as /ann.png = /same.png = /fake.png" in printed
    )
    assert "7 pictures of 2 people, 2 failed" in printed
    for name in ("fake", "other"):
        text = f"/{name}.png: the same picture as /ann.png, which has another label or split"
        assert text in printed
    assert "faces/same.png" in registry_of(tmp_path)


def test_videos_of_like_names_are_kept_apart(tmp_path, table):
    for one, name in zip(table, ["a/b", "a b", "a_b", "..", "a.b", ""], strict=True):
        one |= {"video": name, "person": "", "split": ""}
    write_csv(tmp_path / "faces", table)
    assert run(tmp_path) == 0
    names = ["f1.png", "videos/__", "videos/a_b", "videos/a_b-2", "videos/a_b-3", "videos/a_b-4"]
    assert list(registry_of(tmp_path)) == [f"faces/{name}" for name in names]


def test_records_that_left_the_table_are_spoken_of(tmp_path, table, capsys):
    assert run(tmp_path) == 0
    assert "not in the table" not in capsys.readouterr().out
    write_csv(tmp_path / "faces", table[1:])
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "1 records of faces are not in the table" in printed
    assert str(tmp_path / "out/faces/ann.png") in printed


def test_many_pictures_in_a_compressed_tar_file_are_shared_among_processes(tmp_path, capsys):
    folder = tmp_path / "faces"
    rows = []
    for n in range(120):
        made(tmp_path, f"{n}.png", n, side=120)
        rows.append(row("many.tar.gz", f"{n}.png", f"{n}.png"))
    folder.mkdir()
    with tarfile.open(folder / "many.tar.gz", "w:gz") as archive:
        for n in range(119, 0, -1):
            archive.add(tmp_path / f"{n}.png", f"./{n}.png")
    write_csv(folder, rows)
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "119 pictures of 119 people, 1 failed" in printed
    assert "many.tar.gz/0.png: not in many.tar.gz" in printed
    for n in (1, 60, 119):
        crop = cv2.imread(str(tmp_path / f"out/faces/many.tar/{n}.png/000000.jpg"))
        assert abs(int(crop[99, 99, 0]) - n) <= 2
    assert not list((tmp_path / "out").glob(".writing-*"))


def test_the_column_split_is_obeyed_with_official_splits(tmp_path):
    folder = tmp_path / "faces"
    rows = []
    for n, split in enumerate(["train", "val", "test"] * 2):
        label = ("real", "fake")[n % 2]
        made(folder, f"{n}.png", n, side=120)
        rows.append(labelled(f"{n}.png", person=f"p{n}", split=split, label=label))
    write_csv(folder, rows)
    assert run(tmp_path) == 0
    videos = list(registry_of(tmp_path).values())
    splits = load_or_make_splits(tmp_path / "splits.json", videos, 1, official=True)
    assert {k: [v["id"] for v in s] for k, s in splits.items()} == {
        name: [f"faces/{n}.png", f"faces/{n + 3}.png"]
        for n, name in enumerate(["train", "val", "test"])
    }


@pytest.mark.skipif(not (SHARED / "faces").exists(), reason="the shared faces are not here")
def test_the_shared_table_gives_the_counts_of_its_readme():
    records = read_records(SHARED / "faces" / "faces.csv", "faces")
    pictures, videos = Counter(), Counter()
    for record in records:
        key = record.about["official_split"], record.about["label"]
        pictures[key] += len(record.pictures)
        videos[key] += record.is_video
    assert pictures == {
        ("train", REAL): 10715,
        ("train", FAKE): 1199,
        ("val", REAL): 2064,
        ("val", FAKE): 490,
        ("test", REAL): 2140,
        ("test", FAKE): 393,
    }
    assert videos == {
        ("train", REAL): 361,
        ("train", FAKE): 200,
        ("val", REAL): 95,
        ("val", FAKE): 112,
        ("test", REAL): 126,
        ("test", FAKE): 88,
    }
    assert sum(not record.is_video for record in records) == 12712
    assert len({record.about["source"] for record in records}) == 62
    assert len({record.about["pair"] for record in records} - {None}) == 127
