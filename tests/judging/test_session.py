"""Where the reports of a file go."""

import os

from judging.session import folder_name, results_folder
from utils.files import write_json

TITLE = (
    "新闻联播主持人采访" * 9
)  # 81 characters, 243 bytes: the longest that a suffix leaves room for


def test_a_long_title_in_any_script_gives_a_folder_that_can_be_made(tmp_path):
    for text in (TITLE, "Ж" * 120, "a" * 250, "🎬" * 60, "é" * 100):
        name = folder_name(text)
        assert text.startswith(name) and 30 <= len(name) <= 100
        assert len(os.fsencode(f"{name}_01234567")) <= 143  # of encrypted file systems
    assert folder_name("short ") == "short"


def test_a_long_title_used_twice_gives_two_folders(tmp_path):
    folders = []
    for place in "ab":
        path = tmp_path / place / f"{TITLE}.mp4"
        path.parent.mkdir()
        path.touch()
        folder = results_folder(tmp_path / "results", path)
        write_json(folder / "report.json", {"file": {"path": str(path)}})
        folders.append(folder)
    assert folders[0] != folders[1]
    assert results_folder(tmp_path / "results", path) == folders[1]
