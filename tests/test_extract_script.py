"""1_extract_frames.py as its users run it."""

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import wave
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import ROOT, load_script, make_faceforensics, marked_copy, read_json, run_script

from datasets import extraction, registry
from judging.demo import write_clip
from utils.files import only_run


@pytest.fixture
def script():
    return load_script("1_extract_frames")


def arguments(root, *more) -> list[str]:
    flags = f"--faceforensics {root}/ff --celeb-df {root}/celeb --output {root}/out --frames 2 "
    flags += f"--results {root}/results"
    if (root / "ff").exists():
        (root / "celeb").mkdir(exist_ok=True)
    return [*flags.split(), "--detector", "haar", "--models", str(root), *more]


def bad_videos(folder, good) -> dict[str, str]:
    """Every kind of unreadable video in a folder, as name -> a word of its reason."""
    content = good.read_bytes()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("not a video " * 99)
    (folder / "truncated.mp4").write_bytes(content[: len(content) // 2])
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    with open(folder / "sparse.mp4", "wb") as stream:
        stream.truncate(4 << 30)
    os.symlink(folder / "nowhere", folder / "broken link.mp4")
    with wave.open(str(folder / "sound.mp4"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    no_stream = dict.fromkeys(("text", "truncated", "sparse", "sound"), "no readable video stream")
    reasons = {
        "empty": "0 bytes",
        "folder": "folder",
        "pipe": "regular",
        "broken link": "not found",
    }
    return {f"{name}.mp4": reason for name, reason in (no_stream | reasons).items()}


def tree(folder) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_good_and_bad_videos_end_up_in_registry_and_summary(tmp_path, script, face_clip, capsys):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=2)
    bad = tmp_path / "ff" / "original"
    (bad / "bad\nname.mp4").write_text("no video")
    (bad / "empty.mp4").touch()
    (bad / "folder.mp4").mkdir()
    celeb = tmp_path / "celeb" / "Celeb-real" / "id0_0001.mp4"
    celeb.parent.mkdir(parents=True)
    shutil.copy(face_clip, celeb)
    assert script.main(arguments(tmp_path)) == 0
    printed = capsys.readouterr().out
    found = read_json(tmp_path / "out" / "video_registry.json")["videos"]
    assert len(found) == 9
    assert sum(bool(frame["crop"]) for video in found for frame in video["frames"]) == 18
    assert "bad\\nname.mp4: has no readable video stream" in printed
    assert "empty.mp4: is empty" in printed
    summary = (tmp_path / "results/extraction/summary.csv").read_text().splitlines()
    assert summary[0] == "data set,method,class,videos,crops,no face,flagged,unreadable"
    rows = {tuple(line.split(",")[:3]): line.split(",")[3:] for line in summary[1:]}
    assert rows["faceforensics", "original", "real"][:3] == ["4", "8", "0"]
    assert rows["total", "", ""][:3] == ["9", "18", "0"]
    assert rows["faceforensics", "original", "real"][4] == rows["total", "", ""][4] == "3"
    total = next(line for line in printed.splitlines() if line.startswith("total"))
    assert total.split()[1:] == rows["total", "", ""]
    failures = (tmp_path / "results/extraction/failures.csv").read_text()
    assert 'folder.mp4,"is a folder' in failures and failures.count("original/") == 6
    for name in ("counts.png", "contact_sheet.png"):
        assert cv2.imread(str(tmp_path / "results/extraction" / name)) is not None


def test_a_rerun_does_nothing_again_and_changes_nothing(
    tmp_path, script, face_clip, capsys, monkeypatch
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=2)
    assert script.main(arguments(tmp_path)) == 0
    first = tree(tmp_path / "out")
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jpg")}
    capsys.readouterr()
    assert script.main(arguments(tmp_path)) == 0
    assert "0 videos to do, 8 already done" in capsys.readouterr().out
    assert tree(tmp_path / "out") == first
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert script.main(arguments(tmp_path, "--crop-size-px", "64")) == 0
    assert "8 videos to do, 0 already done" in capsys.readouterr().out


def test_fakes_are_cut_by_their_originals_unless_told_not_to(
    tmp_path, script, face_clip, face_views, capsys
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    write_clip(tmp_path / "ff/FaceSwap/001_000.mp4", [view[:256] for view in face_views])

    def boxes() -> list[str]:
        videos = read_json(tmp_path / "out" / "video_registry.json")["videos"]
        return [video["boxes_of"] for video in videos]  # Deepfakes, FaceSwap, two originals

    assert script.main(arguments(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "2 fakes are cut where the face of their original is" in printed
    assert "1 fakes differ from their original in size, length or scene: own boxes" in printed
    assert boxes() == ["original", "own", "own", "own"]
    assert script.main(arguments(tmp_path, "--no-original-boxes")) == 0
    printed = capsys.readouterr().out
    assert "2 videos to do, 2 already done" in printed and "original is" not in printed
    assert boxes() == ["own"] * 4
    assert script.main(arguments(tmp_path)) == 0
    assert "2 videos to do, 2 already done" in capsys.readouterr().out
    assert boxes() == ["original", "own", "own", "own"]


def test_any_number_of_workers_gives_the_same_bytes(tmp_path, script, face_clip):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=2)
    trees = []
    for workers in ("1", "3"):
        assert script.main(arguments(tmp_path, "--workers", workers)) == 0
        trees.append(tree(tmp_path / "out"))
        shutil.rmtree(tmp_path / "out")
    assert trees[0] == trees[1]


def test_an_interrupted_run_goes_on_to_the_same_end(
    tmp_path, script, face_clip, capsys, monkeypatch
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=2)
    assert script.main(arguments(tmp_path)) == 0
    undisturbed = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")

    def interrupted_progress(items, *args):
        for number, item in enumerate(items):
            if number == 3:
                raise KeyboardInterrupt
            yield item

    with monkeypatch.context() as patch:
        patch.setattr(extraction.console, "progress", interrupted_progress)
        assert script.main(arguments(tmp_path, "--workers", "1")) == 130
    assert "run the same command to go on" in capsys.readouterr().err
    registry_path = tmp_path / "out" / "video_registry.json"
    assert len(read_json(registry_path)["videos"]) >= 3  # what was finished is registered
    killed = tmp_path / "out" / "faceforensics" / ".writing-x"
    killed.mkdir()
    (killed / "000000.jpg").touch()
    assert script.main(arguments(tmp_path)) == 0
    assert tree(tmp_path / "out") == undisturbed


def test_a_detector_that_is_gone_does_not_cut_everything_again(
    tmp_path, script, face_clip, capsys, yunet_file
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    shutil.copy(yunet_file, tmp_path)
    argv = [a if a != "haar" else "auto" for a in arguments(tmp_path)]
    assert script.main(argv) == 0
    before = tree(tmp_path / "out")
    (tmp_path / yunet_file.name).unlink()
    (tmp_path / "out" / "video_registry.json").unlink()  # as after kill -9 in a first run
    before.pop("video_registry.json")
    assert script.main(argv) == 1
    assert "was cut with yunet, now haar would be taken" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before
    assert script.main(arguments(tmp_path)) == 0  # asked for by name, it is done
    assert tree(tmp_path / "out") != before


def test_two_hundred_good_videos_arrive_among_bad_ones(tmp_path, script, face_views):
    clip = tmp_path / "clip.mp4"
    write_clip(clip, face_views[:3])
    make_faceforensics(tmp_path / "ff", clip, pairs=50)
    expected = bad_videos(tmp_path / "ff" / "original", clip)
    assert script.main(arguments(tmp_path, "--frames", "1")) == 0
    videos = read_json(tmp_path / "out" / "video_registry.json")["videos"]
    assert len(videos) == 200 and all(video["frames"][0]["crop"] for video in videos)
    with open(tmp_path / "results/extraction/failures.csv", newline="") as stream:
        found = {os.path.basename(row["path"]): row["reason"] for row in csv.DictReader(stream)}
    assert set(found) == set(expected)
    for name, reason in expected.items():
        assert reason in found[name]


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path, face_clip):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=8)
    argv = arguments(tmp_path, "--workers", "2")
    assert run_script("1_extract_frames", *argv).returncode == 0
    undisturbed = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    command = [sys.executable, str(ROOT / "src" / "1_extract_frames.py"), *argv]

    def finished() -> int:
        return sum("video.json" in names for _, _, names in os.walk(tmp_path / "out"))

    for moment in (0, 1, 7, 15, 24):  # records there are when the axe falls
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while finished() < moment and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert moment <= finished() < 32
    done = run_script("1_extract_frames", *argv)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == undisturbed


def test_a_second_run_on_the_same_folder_is_refused(tmp_path, script, face_clip, capsys):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    (tmp_path / "out").mkdir()
    with only_run(tmp_path / "out", "extraction-1-of-1"):
        assert script.main(arguments(tmp_path)) == 1
    assert f"is being written by process {os.getpid()}" in capsys.readouterr().err
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = tmp_path / "out" / ".extraction-1-of-1.lock"
    lock.write_text(f"process {dead.pid} on {socket.gethostname()}")
    assert script.main(arguments(tmp_path)) == 0
    assert not lock.exists()


@pytest.mark.parametrize(
    "running, shard, is_refused",
    [("2-of-4", "1/1", True), ("1-of-1", "2/4", True), ("2-of-4", "1/4", False)],
)
def test_shards_run_beside_each_other_but_not_beside_the_whole(
    tmp_path, script, face_clip, capsys, running, shard, is_refused
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    (tmp_path / "out").mkdir()
    with only_run(tmp_path / "out", f"extraction-{running}"):
        assert script.main(arguments(tmp_path, "--shard", shard)) == is_refused
        assert ("is being written by process" in capsys.readouterr().err) == is_refused
    assert not list((tmp_path / "out").glob(".extraction-*.lock"))


def test_shards_add_up_to_the_whole(tmp_path, script, face_clip):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=2)
    assert script.main(arguments(tmp_path)) == 0
    whole = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    counts = []
    for shard in ("1/3", "2/3", "3/3"):
        assert script.main(arguments(tmp_path, "--shard", shard)) == 0
        counts.append(len(list((tmp_path / "out").rglob("video.json"))))
    assert counts == [3, 6, 8]
    assert tree(tmp_path / "out") == whole


def test_a_dry_run_says_what_and_does_nothing(tmp_path, script, face_clip, capsys):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    assert script.main(arguments(tmp_path, "--dry-run")) == 0
    printed = capsys.readouterr().out
    assert "faceforensics/original/000.mp4" in printed and "4 videos to do" in printed
    assert re.search(r"About 0\.00 GB and \d+\.\d minutes", printed)
    assert not tree(tmp_path / "out") and not (tmp_path / "results").exists()


def test_a_video_that_takes_forever_is_given_up(tmp_path, script, face_clip, capsys):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    assert script.main(arguments(tmp_path, "--timeout-seconds", "0.001")) == 1
    assert "took longer than 0.001 s" in capsys.readouterr().out


def test_too_little_disk_is_told_before_and_during(
    tmp_path, script, face_clip, monkeypatch, capsys
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    answers = [10**6]
    usage = lambda folder: SimpleNamespace(free=answers.pop(0) if answers else 10**6)  # noqa: E731
    monkeypatch.setattr(extraction.shutil, "disk_usage", usage)
    assert script.main(arguments(tmp_path)) == 1
    assert "GB are needed: make room" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("video.json"))
    answers[:] = [10**12]
    monkeypatch.setattr(extraction, "CHECK_DISK_EVERY", 2)
    assert script.main(arguments(tmp_path, "--workers", "1")) == 1
    assert 2 <= len(read_json(tmp_path / "out/video_registry.json")["videos"]) < 4


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_really_full(tmp_path, script, face_clip, monkeypatch, capsys):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=3)
    (tmp_path / "out").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(tmp_path / "out")]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setattr(extraction, "check_disk", lambda *args: None)
        assert script.main(arguments(tmp_path)) == 1
        assert "No space left on device" in capsys.readouterr().err
        for record in (tmp_path / "out").rglob("video.json"):
            crops = [frame["crop"] for frame in read_json(record)["frames"]]
            assert all((record.parent / crop).stat().st_size for crop in crops)
    finally:
        subprocess.run(["umount", str(tmp_path / "out")], check=True)


def test_dfdc_wilddeepfake_and_own_files(tmp_path, script, face_clip, face_views, capsys):
    part = tmp_path / "dfdc" / "dfdc_train_part_0"
    part.mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "unlisted.mp4"):
        marked_copy(face_clip, part / name)
    facts = {"a.mp4": {"label": "REAL", "split": "train"}, "b.mp4": {"label": "FAKE"}}
    (part / "metadata.json").write_text(json.dumps(facts))
    faces = tmp_path / "faces" / "1"
    faces.mkdir(parents=True)
    for number in (2, 10, 100):
        cv2.imwrite(str(faces / f"{number}.png"), face_views[number % 24][60:200, 60:180])
    cv2.imwrite(str(faces / "5.png"), np.zeros((120, 100, 3), np.uint8))  # none to detect here
    (tmp_path / "wild" / "real_train").mkdir(parents=True)
    with tarfile.open(tmp_path / "wild" / "real_train" / "1.tar.gz", "w:gz") as archive:
        archive.add(faces, "1/real/7")
    shutil.copytree(faces, tmp_path / "wild" / "fake_test" / "3" / "0")
    (tmp_path / "wild" / "fake_test" / "4.tar.gz").write_bytes(b"no archive")
    marked_copy(face_clip, tmp_path / "own" / "fake" / "anna" / "x.mp4")
    (tmp_path / "own" / "real").mkdir()
    cv2.imwrite(str(tmp_path / "own" / "real" / "photo.jpg"), face_views[0])
    (tmp_path / "ff").mkdir()
    roots = f"--dfdc {tmp_path}/dfdc --wilddeepfake {tmp_path}/wild --own {tmp_path}/own"
    assert script.main(arguments(tmp_path, *roots.split(), "--frames", "4")) == 0
    videos = {v["id"]: v for v in read_json(tmp_path / "out/video_registry.json")["videos"]}
    facts = {k: (v["label"], len([f for f in v["frames"] if f["crop"]])) for k, v in videos.items()}
    assert facts == {
        "dfdc/dfdc_train_part_0/a.mp4": (0, 4),
        "dfdc/dfdc_train_part_0/b.mp4": (1, 4),
        "wilddeepfake/real_train/1": (0, 4),
        "wilddeepfake/fake_test/3": (1, 4),
        "own/fake/anna/x.mp4": (1, 4),
        "own/real/photo.jpg": (0, 1),
    }
    assert videos["wilddeepfake/fake_test/3"]["official_split"] == "test"
    assert "4.tar.gz: cannot be read" in capsys.readouterr().out
    # The black face was cut whole, its border reflected to a square, not stretched.
    packed = videos["wilddeepfake/real_train/1"]["frames"]
    assert [frame["index"] for frame in packed] == [0, 1, 2, 3]
    assert packed[1]["face_side_px"] == pytest.approx(120 / 1.54, abs=0.1)


def test_no_videos_at_all_is_an_error_with_the_remedy(tmp_path, script, capsys):
    assert script.main(arguments(tmp_path)) == 1
    assert "ff not found: check --faceforensics" in capsys.readouterr().err
    (tmp_path / "ff").mkdir()
    (tmp_path / "celeb").mkdir()
    assert script.main(arguments(tmp_path)) == 1
    assert "name their folders with --faceforensics" in capsys.readouterr().err


def test_no_face_anywhere_is_an_error(tmp_path, script, empty_clip, capsys):
    make_faceforensics(tmp_path / "ff", empty_clip, pairs=1)
    assert script.main(arguments(tmp_path)) == 1
    assert "no face" in capsys.readouterr().err


def test_output_that_cannot_be_written_ends_the_run_in_one_line(tmp_path, script, face_clip):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    (tmp_path / "out").write_text("a file where the folder should be")
    done = run_script("1_extract_frames", *arguments(tmp_path), env=os.environ)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and b"out" in done.stderr


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(
    tmp_path, script, face_clip, monkeypatch, capsys
):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    assert script.main(arguments(tmp_path)) == 0
    before = tree(tmp_path / "out")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "write_json", full)
    assert script.main(arguments(tmp_path)) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("flag", ["--frames=0", "--crop-margin=-1", "--detector=best"])
def test_nonsense_settings_are_refused(script, flag, capsys):
    with pytest.raises(SystemExit) as caught:
        script.main([flag])
    assert caught.value.code == 2
    assert flag.split("=")[0] in capsys.readouterr().err


def test_the_same_file_twice_is_one_video_of_all_its_people(tmp_path, script, face_clip, capsys):
    real = tmp_path / "own" / "real"
    for name in ("anna/x.mp4", "bob/x.mp4", "y.mp4"):
        marked_copy(face_clip, real / name)
    (tmp_path / "ff").mkdir()
    flags = arguments(tmp_path, "--own", str(tmp_path / "own"))
    assert script.main(flags) == 0  # before there are copies: all three are cut
    shutil.copy(real / "anna/x.mp4", real / "bob/x.mp4")
    (real / ".Trash-1000/files").mkdir(parents=True)
    shutil.copy(real / "y.mp4", real / ".Trash-1000/files/z.mp4")
    (tmp_path / "own" / "fake").mkdir()
    shutil.copy(real / "y.mp4", tmp_path / "own/fake/w.mp4")
    shutil.copy(real / "anna/x.mp4", real / "x (1).mp4")
    shutil.copytree(tmp_path / "out/own/real/y.mp4", tmp_path / "out/own/real/y (copy).mp4")
    capsys.readouterr()
    assert script.main(flags) == 0
    (video,) = read_json(tmp_path / "out" / "video_registry.json")["videos"]
    assert video["id"] == "own/real/anna/x.mp4"
    assert video["identities"] == ["own:anna", "own:bob", "own:only:own/real/x (1).mp4"]
    printed = capsys.readouterr().out
    assert f"{real}/bob/x.mp4: the same file as {real}/anna/x.mp4" in printed
    assert f"{real}/x (1).mp4: the same file as {real}/anna/x.mp4" in printed
    assert f"{real}/y.mp4: the same file is here as real and as fake" in printed
    assert "z.mp4" not in printed
    rows = (tmp_path / "results/extraction/copies.csv").read_text().splitlines()[1:]
    assert len(rows) == 4


def test_a_list_that_came_later_reaches_the_finished_records(tmp_path, script, face_clip):
    make_faceforensics(tmp_path / "ff", face_clip, pairs=1)
    assert script.main(arguments(tmp_path)) == 0
    crop = next((tmp_path / "out").rglob("*.jpg"))
    written = crop.stat().st_mtime_ns
    (tmp_path / "ff" / "test.json").write_text('[["000", "001"]]')
    assert script.main(arguments(tmp_path)) == 0
    videos = read_json(tmp_path / "out" / "video_registry.json")["videos"]
    assert {video["official_split"] for video in videos} == {"test"} and len(videos) == 4
    assert crop.stat().st_mtime_ns == written
