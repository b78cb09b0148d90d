"""Printing works on any console."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import HANG_SECONDS, ROOT

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


@pytest.mark.parametrize("closed", [True, False])
def test_a_service_without_input_and_output_is_no_error(monkeypatch, closed):
    for name in ("stdin", "stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO())
        stream.close()
        monkeypatch.setattr(sys, name, stream if closed else None)
    console.setup()
    assert console.run_script(lambda: console.good("fine") or 0) == 0
    console.error("nobody reads this")
    assert list(console.progress([1], 1, "Doing")) == [1]
    with pytest.raises(EOFError):
        input("?")


def test_a_script_runs_with_everything_closed():
    command = f"'{sys.executable}' src/setup_checker.py <&- >&- 2>&-"
    closed = subprocess.run(["sh", "-c", command], cwd=ROOT, timeout=HANG_SECONDS)
    opened = subprocess.run(
        [sys.executable, "src/setup_checker.py"],
        cwd=ROOT,
        capture_output=True,
        timeout=HANG_SECONDS,
    )
    assert closed.returncode == opened.returncode and b"Traceback" not in opened.stderr


@pytest.mark.parametrize("script", ["1_extract_frames", "2_train_model", "4_evaluate_model"])
def test_an_interruption_of_the_imports_ends_without_a_traceback(tmp_path, script):
    """A numpy that takes for ever to import stands for a slow disk."""
    (tmp_path / "numpy.py").write_text(
        "import pathlib, time\npathlib.Path(__file__).with_name('here').touch()\ntime.sleep(600)\n"
    )
    (tmp_path / "torch.py").write_text("import numpy\n")
    (tmp_path / "cv2.py").write_text("import numpy\n")
    process = subprocess.Popen(
        [sys.executable, f"src/{script}.py"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        # What started the tests may ignore it, as a shell does for what runs behind it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + HANG_SECONDS
    while not (tmp_path / "here").exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=HANG_SECONDS)[1] == b"interrupted\n"
    assert process.returncode == 130


def test_short_memory_is_not_blamed_on_anything_else(capsys):
    def run():
        raise MemoryError

    assert console.run_script(run) == 1
    assert "memory is short" in capsys.readouterr().err
