"""Folders as people have them: wastebaskets, thumbnails, loops of links, the same file twice."""

import os
from pathlib import Path

import pytest

from utils.search import copies_in, files_in, passed_over, uncopied_name

SERVICE = (
    ".ipynb_checkpoints",
    ".Trash-1000/files",
    "@eaDir",
    "__MACOSX",
    "$RECYCLE.BIN",
    ".hidden",
    "#recycle",
)
COPIES = (
    "253 (1)",
    "253(2)",
    "253 (1) (1)",
    "253 - Copy",
    "253 - Copy (2)",
    "253 copy",
    "253 copy 2",
    "Copy of 253",
    "253 (copy)",
    "253 (another copy)",
    "253 - Kopie",
    "253_copy",
)


def fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files_in(root, {".mp4"})[0]]


@pytest.mark.parametrize("folder", SERVICE)
def test_hidden_and_service_folders_are_not_searched(tmp_path, folder):
    fill(tmp_path, "a.mp4", "sub/b.MP4", f"{folder}/c.mp4", f"sub/{folder}/d.mp4", "sub/._b.mp4")
    assert found(tmp_path) == ["a.mp4", "sub/b.MP4"]


def test_a_root_that_is_hidden_itself_is_searched_for_it_was_named(tmp_path):
    fill(tmp_path, ".mine/a.mp4")
    assert found(tmp_path / ".mine") == ["a.mp4"]


def test_links_lead_anywhere_once_and_never_in_circles(tmp_path):
    fill(tmp_path, "root/b.mp4", "root/sub/c.mp4", "disk/d.mp4", "disk/deep/e.mp4")
    for link, target in (
        ("root/a.mp4", "b.mp4"),
        ("root/sub/up", ".."),
        ("root/self.mp4", "self.mp4"),
        ("root/one", "other"),
        ("root/other", "one"),
        ("root/linked", "../disk"),
        ("root/linked again", "../disk"),
        ("disk/back", "../root"),
        ("root/nowhere.mp4", "nothing"),
    ):
        os.symlink(target, tmp_path / link)
    assert found(tmp_path / "root") == [
        "b.mp4",
        "linked/d.mp4",
        "linked/deep/e.mp4",
        "nowhere.mp4",
        "self.mp4",
        "sub/c.mp4",
    ]


def test_files_that_are_passed_over_are_counted_by_suffix(tmp_path):
    fill(tmp_path, "a.mp4", "b.txt", "c.TXT", "d/e.pdf", "f", ".hidden")
    others = files_in(tmp_path, {".mp4"})[1]
    assert others == {".txt": 2, ".pdf": 1, "": 1}
    text = f"{tmp_path}: 4 other files are passed over (2 .txt, 1 without suffix, 1 .pdf)"
    assert passed_over(tmp_path) == text
    (tmp_path / "empty").mkdir()
    assert passed_over(tmp_path / "empty") == ""


@pytest.mark.parametrize("copy", COPIES)
def test_names_of_second_copies_name_the_first(copy):
    assert uncopied_name(Path("folder", f"{copy}.mp4")) == "253.mp4"


@pytest.mark.parametrize(
    "name", ["253", "(1)", "copy", "photocopy", "003_254", "hardcopy 2", "a-1"]
)
def test_other_names_are_nobodys_copies(name):
    assert uncopied_name(Path(f"{name}.mp4")) == f"{name}.mp4"


def test_copies_have_equal_content_and_nothing_else_does(tmp_path):
    for name, content in (("a", b"12"), ("b", b"21"), ("c", b"12"), ("d", b"123"), ("e", b"")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "f").touch()
    paths = [tmp_path / name for name in "abcdef"] + [tmp_path, tmp_path / "missing"]
    assert copies_in(paths) == {tmp_path / "c": tmp_path / "a"}
    (tmp_path / "a (1)").write_bytes(b"12")
    assert set(copies_in([tmp_path / "a (1)", *paths]).values()) == {tmp_path / "a"}


def test_only_files_of_equal_size_are_read(tmp_path, monkeypatch):
    for name in ("a", "bb", "cc"):
        (tmp_path / name).write_text(name)
    read = []
    monkeypatch.setattr("utils.search.sha256_of", lambda path: read.append(path.name) or path.name)
    assert copies_in(sorted(tmp_path.iterdir())) == {}
    assert read == ["bb", "cc"]
