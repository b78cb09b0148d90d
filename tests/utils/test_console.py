"""Printing works on any console."""

import io
import sys

from utils import console


def print_on(encoding: str, monkeypatch, text: str) -> str:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    console.setup()
    print(text, flush=True)
    return raw.getvalue().decode(encoding).strip()


def test_signs_and_accents_have_ascii_stand_ins(monkeypatch):
    assert print_on("ascii", monkeypatch, "🔴 FAKE ⚖️ né") == "[!] FAKE # ne"
    assert print_on("ascii", monkeypatch, "視") == "?"
    assert print_on("utf-8", monkeypatch, "🔴 né") == "🔴 né"


def test_an_undecodable_file_name_can_be_printed(monkeypatch):
    assert print_on("utf-8", monkeypatch, "caf\udce9.mp4") == "caf?.mp4"


def test_a_path_is_shown_on_one_line():
    assert console.shown("a\nb\x1b[2J.mp4") == "a\\nb\\x1b[2J.mp4"
    assert console.shown("naïve 視.mp4") == "naïve 視.mp4"


def test_a_log_file_gets_lines_not_carriage_returns(capsys):
    assert list(console.progress([1, 2, 3], 3, "Doing")) == [1, 2, 3]
    printed = capsys.readouterr()
    assert "Doing: 3/3 videos" in printed.out
    assert "\r" not in printed.out + printed.err
