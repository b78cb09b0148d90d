"""setup_checker.py: runs anywhere, and names what is missing."""

import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from conftest import HANG_SECONDS, ROOT

import setup_checker
from datasets.catalog import discover_faceforensics
from faces.yunet import YUNET_FILE


@pytest.fixture
def checker():
    return setup_checker.Checker()


def said(capsys) -> str:
    return capsys.readouterr().out


def test_here_everything_needed_is_found(capsys):
    assert setup_checker.main([]) == 0
    printed = said(capsys)
    assert "0 missing or wrong" in printed
    for name in ("torch", "opencv-python", "av", "seaborn", "matplotlib", "tqdm", "pillow"):
        assert f"✅ {name} {metadata.version(name)}" in printed


def test_without_any_package_it_runs_and_says_so():
    command = [sys.executable, "-S", str(ROOT / "src" / "setup_checker.py")]  # no site-packages
    done = subprocess.run(command, capture_output=True, timeout=HANG_SECONDS)
    printed = done.stdout.decode()
    assert done.returncode == 1 and done.stderr == b""
    assert printed.count("is missing: pip install -r requirements.txt") == 10


def test_a_reader_that_leaves_early_is_no_error():
    command = [sys.executable, "-S", str(ROOT / "src" / "setup_checker.py")]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=HANG_SECONDS)
    os.close(writer)
    assert done.returncode == 1 and done.stderr == b""


def test_old_pythons_are_refused(checker, capsys):
    setup_checker.check_python(checker, (3, 9, 18))
    assert "❌ Python 3.9.18: at least 3.10 is needed" in said(capsys)
    setup_checker.check_python(checker, (3, 10, 0))
    assert checker.counts == {"good": 1, "warn": 0, "bad": 1}


@pytest.mark.parametrize(
    "version, kind, words",
    [
        ("4.10.0.84", "good", "opencv-python 4.10.0.84"),
        ("5.0.0", "bad", "5.0.0 is the wrong one (5.x has no cascade classifier)"),
        ("4.7.0", "bad", "4.7.0 is too old"),
    ],
)
def test_versions_are_compared_and_opencv_5_is_named(
    checker, capsys, monkeypatch, version, kind, words
):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    setup_checker.check_package(checker, "opencv-python", "4.8", "5")
    assert checker.counts[kind] == 1 and words in said(capsys)


def test_an_opencv_that_cannot_be_imported_is_not_called_fine(checker, capsys, monkeypatch):
    def refuse(name):
        raise ImportError("libGL.so.1: cannot open shared object file\nmore")

    monkeypatch.setattr(setup_checker.importlib, "import_module", refuse)
    setup_checker.check_package(checker, "opencv-python", "4.8", "5")
    assert checker.counts["bad"] == 1
    assert "libGL.so.1" in (printed := said(capsys)) and "apt-get install libgl1" in printed


def test_every_requirement_is_checked():
    names = [name for name, _, _ in setup_checker.required_packages(ROOT / "requirements.txt")]
    assert len(names) == 10 and ("opencv-python", "4.8", "5") in setup_checker.required_packages(
        ROOT / "requirements.txt"
    )


def test_version_numbers():
    assert setup_checker.numbers("2.15.0+cu132") == (2, 15, 0)
    assert setup_checker.numbers("4.10") > setup_checker.numbers("4.9.1")
    assert setup_checker.numbers("2.0rc1") == (2, 0)


@pytest.mark.parametrize("free_gb, kind", [(100, "good"), (10, "warn"), (0.2, "bad")])
def test_disk_space_against_a_full_extraction(checker, monkeypatch, tmp_path, free_gb, kind):
    usage = type("Usage", (), {"free": free_gb * 1e9})
    monkeypatch.setattr(setup_checker.shutil, "disk_usage", lambda folder: usage)
    setup_checker.check_disk(checker, tmp_path)
    assert checker.counts[kind] == 1


def test_data_sets_and_models_are_optional(checker, tmp_path, capsys):
    setup_checker.check_data(checker, "FaceForensics++", tmp_path, discover_faceforensics)
    setup_checker.check_models(checker, tmp_path)
    assert checker.counts == {"good": 0, "warn": 3, "bad": 0}
    for name in ("original/001.mp4", "Deepfakes/001_002.mp4", "Deepfakes/002_001.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "best_model.pth").touch()
    (tmp_path / YUNET_FILE).touch()
    capsys.readouterr()
    setup_checker.check_data(checker, "FaceForensics++", tmp_path, discover_faceforensics)
    setup_checker.check_models(checker, tmp_path)
    printed = said(capsys)
    assert "FaceForensics++: 3 videos (1 real, 2 fake)" in printed
    assert f"{YUNET_FILE} is not YuNet 2023mar (checksum): delete it" in printed
    assert checker.counts["good"] == 2


def test_the_detectors_file_is_known_by_its_content(tmp_path, yunet_file, capsys):
    shutil.copy(yunet_file, tmp_path / YUNET_FILE)
    checker = setup_checker.Checker()
    setup_checker.check_models(checker, tmp_path)
    assert f"Face detector: {YUNET_FILE}\n" in capsys.readouterr().out
