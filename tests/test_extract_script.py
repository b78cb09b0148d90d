"""1_extract_frames.py as its users run it."""

import os
import shutil

import pytest
from conftest import load_script, make_faceforensics, read_json, run_script

from utils import registry


@pytest.fixture
def script():
    return load_script("1_extract_frames")


def arguments(root, *more) -> list[str]:
    flags = f"--faceforensics {root}/ff --celeb-df {root}/celeb --output {root}/out --frames 2"
    return [*flags.split(), "--detector", "haar", "--models", str(root), *more]


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
    row = next(line.split() for line in printed.splitlines() if "original" in line)
    assert row[-4:] == ["4", "8", "0", "2"]
    assert next(line for line in printed.splitlines() if line.startswith("total")).split() == [
        *("total", "9", "18", "0", "2")
    ]


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
        patch.setattr(script.console, "progress", interrupted_progress)
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
    assert script.main(argv) == 1
    assert "was cut with yunet, and now there is only haar" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before
    assert script.main(arguments(tmp_path)) == 0  # asked for by name, it is done
    assert tree(tmp_path / "out") != before


def test_no_videos_at_all_is_an_error_with_the_remedy(tmp_path, script, capsys):
    assert script.main(arguments(tmp_path)) == 1
    assert "--faceforensics" in capsys.readouterr().err


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
