"""Files and folders appear complete or not at all."""

import json
import os

import pytest

from utils.files import atomic_file, atomic_folder, remove_leftovers, sha256_of, write_json


def test_a_failed_write_leaves_the_old_content_and_no_debris(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_file(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_finished_write_replaces_the_old_content(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    for content in (b"one", b"two"):
        with atomic_file(path) as stream:
            stream.write(content)
    assert path.read_bytes() == b"two"


def test_written_files_obey_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "a") as stream:
            stream.write(b"x")
        with atomic_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "kept").touch()
    with pytest.raises(RuntimeError), atomic_folder(folder) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(folder) == ["kept"]


@pytest.mark.parametrize("keep, expected", [(False, {"new"}), (True, {"new", "notes"})])
def test_a_finished_folder_replaces_or_joins_the_old_one(tmp_path, keep, expected):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "notes").touch()
    with atomic_folder(folder, keep_others=keep) as temporary:
        (temporary / "new").touch()
    assert set(os.listdir(folder)) == expected
    assert os.listdir(tmp_path) == ["out"]


def test_the_leftovers_of_killed_writers_are_removed(tmp_path):
    (tmp_path / "a" / ".writing-abc").mkdir(parents=True)
    (tmp_path / "a" / ".writing-abc" / "000.jpg").touch()
    (tmp_path / "a" / "x.mp4").mkdir()
    (tmp_path / ".writing-def").touch()
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["a"] and os.listdir(tmp_path / "a") == ["x.mp4"]


def test_json_takes_undecodable_names_and_refuses_nan(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"name": "caf\udce9 é"})
    assert json.loads(path.read_bytes())["name"] == "caf\udce9 é"
    with pytest.raises(ValueError):
        write_json(path, {"p": float("nan")})
    assert json.loads(path.read_bytes())["name"] == "caf\udce9 é"


def test_sha256_of_known_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "a") == expected
