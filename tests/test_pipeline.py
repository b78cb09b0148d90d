"""1, 2, 3 in order, as real processes in a temporary root; and on real footage where it is here."""

import os
import shutil

import pytest
from conftest import ROOT, SHARED, make_faceforensics, read_json, run_script


@pytest.fixture
def root(tmp_path):
    """A checkout without data: the scripts with their default paths, nothing else."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(root, name, *arguments):
    done = run_script(name, *arguments, env=os.environ, root=root)
    assert b"Traceback" not in done.stderr
    return done


def test_each_script_without_its_input_says_what_to_do_first(root):
    for name, words in (
        ("1_extract_frames", "--faceforensics"),
        ("2_train_model", "run src/1_extract_frames.py first"),
        ("3_test_video", "run src/2_train_model.py first"),
    ):
        done = run(root, name)
        assert done.returncode == 1 and words in done.stderr.decode()


def test_the_three_scripts_in_order_with_the_readmes_paths(root, face_clip):
    archive = root / "data" / "faceforensics" / "archive" / "FaceForensics++_C23"
    make_faceforensics(archive, face_clip)
    assert run(root, "1_extract_frames", "--frames", "2").returncode == 0
    flags = ["--no-pretrained", "--epochs=1", "--image-size-px=32", "--workers=1"]
    done = run(root, "2_train_model", *flags)
    assert done.returncode == 0, done.stderr
    assert (root / "models" / "best_model.pth").exists()
    done = run(root, "3_test_video", archive / "original" / "000.mp4")
    assert done.returncode == 0 and "FINAL VERDICT" in done.stdout.decode()
    report = read_json(root / "analysis_results" / "000" / "report.json")
    assert report["model"]["is_trained"] and report["model"]["epoch"] == 1
    # Testing cuts the very crops that extraction stored, and so scores what training saw.
    record = read_json(root / "data/all_datasets_frames/video_registry.json")["videos"]
    stored = {v["id"]: v for v in record}["faceforensics/original/000.mp4"]["frames"][0]
    left, top, right, bottom = report["frames"][0]["box_xyxy"]
    assert stored["face_side_px"] == pytest.approx(max(right - left, bottom - top), abs=0.11)


def test_real_footage(tmp_path, yunet_file, monkeypatch):
    clips = SHARED / "clips" / "faceforensics_c23"
    if not clips.exists():
        pytest.skip("no real clips here")
    flags = ["--faceforensics", clips, "--celeb-df", tmp_path, "--output", tmp_path / "out"]
    environment = os.environ | {"YUNET_MODEL": str(yunet_file)}
    done = run_script("1_extract_frames", *flags, "--models", tmp_path, env=environment)
    assert done.returncode == 0
    videos = read_json(tmp_path / "out" / "video_registry.json")["videos"]
    assert len(videos) == 7
    for video in videos:
        assert len(video["frames"]) == 6
        assert all(frame["crop"] and frame["landmarks_in_crop_xy"] for frame in video["frames"])
        assert all(60 < frame["face_side_px"] < 500 for frame in video["frames"])
