"""import_faces.py: faces that somebody else cut out and marked."""

import csv
import importlib
import io
import tarfile

import cv2
import numpy as np
import pytest
from conftest import read_json

import import_faces
from datasets.registry import load_registry

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
    assert "lacks the columns nose_x" in refusal()
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
