"""3_test_video.py as its users run it: prompt, arguments, demonstration, bad input."""

import builtins
import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from conftest import (
    ROOT,
    biased_model,
    load_script,
    marked_copy,
    read_json,
    run_script,
    unprivileged,
)

from judging.demo import write_clip

REPORTS = {"frame_analysis.png", "confidence_timeline.png", "statistics.png"}
REPORTS |= {"report.json", "report.html"}


@pytest.fixture
def script():
    return load_script("3_test_video")


def arguments(root, model, *more) -> list[str]:
    flags = ["--model", model, "--models", root, "--results", root / "results"]
    return [*map(str, flags), "--detector", "haar", "--device", "cpu", *map(str, more)]


def answers(monkeypatch, *texts):
    """Let the prompt be answered with these texts; an exception is raised instead."""
    waiting, prompts = list(texts), []

    def reply(prompt=""):
        prompts.append(prompt)
        text = waiting.pop(0)
        if isinstance(text, type):
            raise text
        return text

    monkeypatch.setattr(builtins, "input", reply)
    return prompts


def test_a_fake_and_a_real_verdict_with_all_reports(
    tmp_path, script, face_clip, fake_model, real_model, capsys
):
    assert script.main(arguments(tmp_path, fake_model, face_clip)) == 0
    printed = capsys.readouterr().out
    for line in (
        "📊 FRAME-BY-FRAME ANALYSIS",
        "Frame 1 @ 0.00s:",
        "   🔴 Prediction: FAKE",
        "   • 🔴 VERY HIGH confidence - clear fake characteristics",
        "🎯 TEMPORAL CONSISTENCY ANALYSIS",
        "   Fake detections: 10 (100.0%)",
        "   Real detections: 0 (0.0%)",
        "   Prediction consistency: 100.0%",
        "⚖️ FINAL VERDICT",
        "   🔴 DEEPFAKE DETECTED",
    ):
        assert line in printed.splitlines()
    assert printed.count("Highly consistent across frames") == 10
    folder = tmp_path / "results" / "face"
    assert set(os.listdir(folder)) == REPORTS
    assert f"   To hand on: {folder / 'report.html'}" in printed.splitlines()
    report = read_json(folder / "report.json")
    assert report["verdict"]["outcome"] == "FAKE" and report["votes"] == {"fake": 10, "real": 0}
    odds = [math.log(frame["p_fake"] / (1 - frame["p_fake"])) for frame in report["frames"]]
    ratio = math.exp(sum(odds) / 10)
    assert report["verdict"]["likelihood_ratio"] == pytest.approx(ratio)
    assert report["verdict"]["confidence"] == pytest.approx(ratio / (1 + ratio))
    assert f"Confidence: {ratio / (1 + ratio):.2%}" in printed
    assert "Likelihood ratio: " in printed and "(moderate support for FAKE)" in printed

    assert report["file_facts"]["container"] == "QuickTime / MOV"
    assert printed.index("⚖️ FINAL VERDICT") < printed.index("📄 FACTS OF THE FILE")
    assert report["face_parts"] is None and "By part" not in printed  # Haar gives no landmarks

    assert script.main(arguments(tmp_path, real_model, face_clip)) == 0
    printed = capsys.readouterr().out
    assert "   🟢 APPEARS AUTHENTIC" in printed.splitlines()
    assert printed.count("documentation/model_card.md") == 1
    assert read_json(folder / "report.json")["verdict"]["outcome"] == "REAL"


def test_landmarks_divide_the_evidence_over_the_face(
    tmp_path, script, face_clip, fake_model, yunet_file, capsys
):
    yunet = ["--detector", "yunet", "--models", yunet_file.parent]
    assert script.main([*arguments(tmp_path, fake_model, face_clip), *map(str, yunet)]) == 0
    report, printed = read_json(tmp_path / "results/face/report.json"), capsys.readouterr().out
    parts = report["face_parts"]
    for kind in ("share", "by_chance"):
        assert sum(part[kind] for part in parts.values()) == pytest.approx(1)
    eyes, box = parts["eyes"], printed.index("inside the face box")
    line = f"eyes {eyes['share']:.0%} ({eyes['by_chance']:.0%}), nose "
    assert box < printed.index(line) and printed.count("   By part") == 1
    assert 0.05 < eyes["by_chance"] < 0.2


def test_a_video_without_a_face_is_inconclusive(tmp_path, script, empty_clip, fake_model, capsys):
    assert script.main(arguments(tmp_path, fake_model, empty_clip)) == 0
    printed = capsys.readouterr().out
    assert "🟡 INCONCLUSIVE" in printed and "Reason: no face found" in printed
    assert "DEEPFAKE" not in printed
    assert set(os.listdir(tmp_path / "results" / "empty")) == REPORTS


@pytest.mark.parametrize("length, usable", [(1, 1), (8, 8)])
def test_one_frame_and_a_third_of_a_second(
    tmp_path, script, face_views, fake_model, capsys, length, usable
):
    clip = tmp_path / "short.mp4"
    write_clip(clip, face_views[:length])
    assert script.main(arguments(tmp_path, fake_model, clip)) == 0
    printed = capsys.readouterr().out
    assert ("INCONCLUSIVE" in printed) == (length == 1)
    assert ("too few usable frames (1 with a face" in printed) == (length == 1)
    assert len(read_json(tmp_path / "results/short/report.json")["frames"]) == usable


def test_images_and_folders_are_judged_and_bad_files_do_not_stop_the_rest(
    tmp_path, script, face_clip, face_views, fake_model, capsys
):
    folder = tmp_path / "many"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(face_clip, folder / "a.mp4")
    (folder / "b.mp4").write_text("no video")
    (folder / "notes.txt").touch()
    (folder / "d.mp4").mkdir()
    (folder / "sub" / "c.PNG").write_bytes(cv2.imencode(".png", face_views[0])[1])
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    missing = tmp_path / "missing.mp4"
    assert script.main(arguments(tmp_path, fake_model, missing, folder, nothing)) == 1
    printed = capsys.readouterr()
    assert set(os.listdir(tmp_path / "results")) == {"a", "c", "summary"}
    summary = tmp_path / "results/summary"
    assert set(os.listdir(summary)) == {"summary.csv", "overview.png", "index.html"}
    links = re.findall(r'href="([^"]+)"', (summary / "index.html").read_text(encoding="utf-8"))
    assert len(links) == 2 and all((summary / link).is_file() for link in links)
    assert read_json(tmp_path / "results/c/report.json")["verdict"]["outcome"] == "FAKE"
    errors = printed.err.strip().splitlines()
    assert len(errors) == 3
    assert any("missing.mp4: file not found" in line for line in errors)
    assert any("b.mp4: has no readable video stream" in line for line in errors)
    assert any("nothing: no videos or images" in line for line in errors)
    assert "2 judged, 2 failed" in printed.out
    assert f"{folder}: 1 other file is passed over (1 .txt)" in printed.out


def test_a_folder_of_links_copies_and_wastebaskets_gives_each_video_once(
    tmp_path, script, face_clip, fake_model, capsys
):
    folder = tmp_path / "many"
    for name in ("a.mp4", "sub/b.mts", ".Trash-1000/files/c.mp4", "@eaDir/a.mp4/thumb.jpg"):
        marked_copy(face_clip, folder / name)
    shutil.copy(folder / "a.mp4", folder / "a (1).mp4")
    for link, target in (("self.mp4", "self.mp4"), ("sub/up", ".."), ("again.mp4", "a.mp4")):
        os.symlink(target, folder / link)
    assert script.main(arguments(tmp_path, fake_model, "--frames", "3", "--quiet", folder)) == 1
    printed = capsys.readouterr()
    judged = [line for line in printed.out.splitlines() if line.startswith("🔴")]
    names = [line.split(f"{folder}/")[1] for line in judged]
    assert names == ["a (1).mp4", "a.mp4", "sub/b.mts"]
    assert f"{folder}/a (1).mp4: the same file as {folder}/a.mp4" in printed.out
    assert "3 judged, 1 failed" in printed.out
    assert "self.mp4" in printed.err and len(printed.err.strip().splitlines()) == 1


def test_a_model_without_marks_gives_no_verdict(tmp_path, script, face_clip, capsys):
    model = biased_model(tmp_path / "model.pth", 3.0)
    content = torch.load(model, weights_only=True)
    torch.save(content | {"metrics": {}}, model)
    assert script.main(arguments(tmp_path, model, "--frames", "3", face_clip)) == 0
    printed = capsys.readouterr().out
    assert "run src/2_train_model.py --only-calibrate" in printed and "LEANS" not in printed
    verdict = read_json(tmp_path / "results/face/report.json")["verdict"]
    assert verdict["outcome"] == "INCONCLUSIVE" and verdict["p_fake"] > 0.9
    assert verdict["likelihood_ratio"] is None


def test_several_models_judge_together_and_what_follows_them_is_judged(
    tmp_path, script, fake_model, face_clip
):
    other = biased_model(tmp_path / "other.pth", 1.0)
    argv = ["--frames", "3", "--results", tmp_path / "results", "--models", tmp_path]
    argv += ["--model", fake_model, other, face_clip]
    assert script.main([str(part) for part in argv]) == 0
    report = read_json(tmp_path / "results/face/report.json")
    assert report["verdict"]["p_fake"] == pytest.approx(1 / (1 + np.exp(-2.0)), abs=0.02)
    assert report["model"]["file"] == f"{fake_model} + {other}"
    assert len(report["model"]["sha256"].split(" + ")) == 2


def test_a_web_address_is_called_one(tmp_path, script, fake_model, face_clip, capsys):
    address = "https://example.org/a.mp4"
    assert script.main(arguments(tmp_path, fake_model, address)) == 1
    assert f"{address}: is a web address: download the file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        script.main(["--model", address, str(face_clip)])
    assert f"argument --model: {address} is a web address" in capsys.readouterr().err
    assert list(script.files_in([face_clip.as_uri()])[0]) == [face_clip]


def test_what_a_folder_holds_is_judged_once(
    tmp_path, script, face_clip, face_views, fake_model, capsys
):
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copy(face_clip, folder / "a.mp4")
    shutil.copy(face_clip, folder / "b.mp4")
    argv = arguments(tmp_path, fake_model, "--frames", "3", folder)
    assert script.main(argv) == 0 and "judged before" not in capsys.readouterr().out
    stamps = {name: read_json(tmp_path / f"results/{name}/report.json") for name in "ab"}
    write_clip(folder / "b.mp4", face_views[:5])  # another video of that name
    assert script.main(argv) == 0
    printed = capsys.readouterr().out
    assert printed.count("judged before") == 1 and printed.count("⚖️ FINAL VERDICT") == 1
    assert read_json(tmp_path / "results/a/report.json") == stamps["a"]
    assert read_json(tmp_path / "results/b/report.json") != stamps["b"]
    with open(tmp_path / "results/summary/summary.csv", encoding="utf-8") as stream:
        assert [row["verdict"] for row in csv.DictReader(stream)] == ["FAKE", "FAKE"]
    for more in (["--again"], ["--frames", "2"]):
        assert script.main([*argv, *more]) == 0
        assert "judged before" not in capsys.readouterr().out


def test_quiet_is_a_line_a_file_and_json_is_the_report(
    tmp_path, script, face_clip, empty_clip, fake_model, capsys
):
    argv = arguments(tmp_path, fake_model, face_clip, empty_clip, tmp_path / "no.mp4")
    assert script.main([*argv, "--quiet"]) == 1
    lines = capsys.readouterr().out.split("📁")[0].strip().splitlines()
    assert lines[-2].startswith("🔴 FAKE") and str(face_clip) in lines[-2]
    assert lines[-1].startswith("🟡 INCONCLUSIVE  no score")
    assert script.main([*argv, "--json"]) == 1
    printed = capsys.readouterr()
    reports = [json.loads(line) for line in printed.out.splitlines()]
    assert [report["verdict"]["outcome"] for report in reports] == ["FAKE", "INCONCLUSIVE"]
    assert reports[0] == read_json(tmp_path / "results/face/report.json")
    assert "no.mp4: file not found" in printed.err
    with pytest.raises(SystemExit):
        script.main(["--json"])


def test_what_must_be_known_of_a_file_is_said_everywhere(
    tmp_path, script, face_views, face_clip, fake_model, capsys
):
    path = tmp_path / "many/half.avi"
    path.parent.mkdir()
    write_clip(path, face_views, fps=6, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    argv = arguments(tmp_path, fake_model, path.parent, face_clip)
    assert script.main(argv) == 0 and "   Note: 2." in capsys.readouterr().out
    assert script.main([*argv, "--quiet"]) == 0  # of a folder's file that was judged before
    lines = [line for line in capsys.readouterr().out.splitlines() if "p_fake" in line]
    missing = r"2\.\d of 4\.0 s are in the file: \d+% is missing"
    assert re.search(rf"half\.avi  \(judged before; {missing}; 1 of ", lines[0])
    assert lines[1].endswith(str(face_clip))
    assert re.match(missing, read_json(tmp_path / "results/half/report.json")["notes"][0])
    with open(tmp_path / "results/summary/summary.csv", encoding="utf-8") as stream:
        notes = {Path(row["file"]).name: row["notes"] for row in csv.DictReader(stream)}
    assert re.match(missing, notes["half.avi"]) and notes["face.mp4"] == ""


def test_a_video_that_is_nearly_all_damaged_gets_no_verdict(
    tmp_path, script, face_views, fake_model, capsys
):
    path = tmp_path / "clip.avi"
    write_clip(path, face_views, codec="XVID")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as clip:
        keys = [packet for packet in clip.demux(video=0) if packet.is_keyframe]
    for packet in keys:  # below the face
        start = packet.pos + round(0.9 * packet.size)
        data[start : start + 40] = np.random.default_rng(0).bytes(40)
    path.write_bytes(data)
    assert script.main(arguments(tmp_path, fake_model, path)) == 0
    printed = capsys.readouterr().out
    assert re.search(r"Reason: (\d+) of \d+ frames are damaged.*: get a sound copy", printed)
    assert "🟡 INCONCLUSIVE" in printed and "DEEPFAKE" not in printed


def test_a_film_is_added_where_asked_and_belongs_to_its_verdict(
    tmp_path, script, face_clip, portrait, fake_model, capsys
):
    (tmp_path / "in").mkdir()
    shutil.copy(face_clip, tmp_path / "in/face.mp4")
    cv2.imwrite(str(tmp_path / "in/still.png"), portrait)
    argv = arguments(tmp_path, fake_model, tmp_path / "in")
    film = tmp_path / "results/face/annotated.mp4"
    assert script.main(argv) == 0 and not film.exists()
    assert script.main([*argv, "--annotate"]) == 0
    printed = capsys.readouterr().out
    assert f"   Film: {film}" in printed.splitlines() and film.stat().st_size > 1000
    assert script.main([*argv, "--annotate"]) == 0
    assert capsys.readouterr().out.count("judged before") == 2
    assert script.main([*argv, "--annotate", "--again"]) == 0
    assert "still.png: --annotate is for videos, this is an image" in capsys.readouterr().out
    assert film.exists() and not (tmp_path / "results/still/annotated.mp4").exists()
    assert script.main([*argv, "--again", "--frames", "2"]) == 0 and not film.exists()


def test_a_film_that_cannot_be_written_costs_no_verdict(
    tmp_path, script, face_clip, fake_model, monkeypatch, capsys
):
    def full(path, *args):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("handout.film.write_film", full)
    assert script.main(arguments(tmp_path, fake_model, face_clip, "--annotate", "--json")) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["verdict"]["outcome"] == "FAKE"
    assert "annotated.mp4 was not written (No space left on device)" in printed.err
    assert "annotated.mp4" not in os.listdir(tmp_path / "results/face")
    assert not list((tmp_path / "results").glob(".writing-*"))


def test_the_verdict_is_said_even_where_reports_cannot_be_written(
    tmp_path, script, face_clip, fake_model, monkeypatch, capsys
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.video.write_reports", full)
    for flag in ("--quiet", "--json"):
        assert script.main(arguments(tmp_path, fake_model, face_clip, flag)) == 1
        printed = capsys.readouterr()
        assert "FAKE" in printed.out and "No space left on device" in printed.err


def test_scores_that_are_no_numbers_are_no_verdict(
    tmp_path, script, face_clip, fake_model, monkeypatch, capsys
):
    def broken(model, images):
        return np.full(len(images), np.nan), np.ones((len(images), 7, 7))

    monkeypatch.setattr("network.gradcam.predict_with_cam", broken)
    text = fails(script, capsys, arguments(tmp_path, fake_model, face_clip))
    assert "no numbers" in text and not (tmp_path / "results" / "face").exists()


def another(view):
    """A person of blue skin: to the detector the same face, but unlike in its colours."""
    return np.ascontiguousarray(view[..., ::-1])


def two_faces(face_views, second):
    """Frames of the face beside another picture of the same size, or of a blank wall."""
    blank = np.full_like(face_views[0], 90)
    return [
        np.hstack([view, blank if other is None else other])
        for view, other in zip(face_views, second, strict=True)
    ]


def judged_report(tmp_path, script, model, frames, *more):
    clip = tmp_path / "clip.mp4"
    write_clip(clip, frames)
    assert script.main(arguments(tmp_path, model, clip, *more)) == 0
    return read_json(tmp_path / "results/clip/report.json")


def test_two_people_are_judged_apart_and_the_console_says_which(
    tmp_path, script, face_views, fake_model, monkeypatch, capsys
):
    def blue_is_fake(model, images):
        p_fake = np.where(images.mean((2, 3))[:, 2] > images.mean((2, 3))[:, 0], 0.95, 0.05)
        return p_fake, np.ones((len(images), 7, 7))

    monkeypatch.setattr("network.gradcam.predict_with_cam", blue_is_fake)
    other = [another(view) for view in face_views]
    report = judged_report(tmp_path, script, fake_model, two_faces(face_views, other))
    printed = capsys.readouterr().out
    verdicts = {face["name"]: face["verdict"]["outcome"] for face in report["faces"]}
    assert sorted(verdicts.values()) == ["FAKE", "REAL"]
    forged = next(name for name, outcome in verdicts.items() if outcome == "FAKE")
    assert report["decided_by"] == forged and report["verdict"]["outcome"] == "FAKE"
    # The forged face is on the right.
    assert all(frame["box_xyxy"][0] > 240 for frame in report["frames"])
    assert "👥 FACES" in printed and f"DEEPFAKE DETECTED (face {forged})" in printed
    assert printed.count("Frame 1 @ 0.00s, face ") == 2
    assert [len(face["p_fake_by_frame"]) for face in report["faces"]] == [10, 10]
    assert cv2.imread(str(tmp_path / "results/clip/frame_analysis.png")).shape[0] > 1500


def test_a_face_that_enters_half_way_counts_from_there(
    tmp_path, script, face_views, fake_model, capsys
):
    late = [None] * 12 + [another(view) for view in face_views[12:]]
    report = judged_report(tmp_path, script, fake_model, two_faces(face_views, late))
    first, second = report["faces"]
    assert sum(p is not None for p in first["p_fake_by_frame"]) == 10
    assert second["p_fake_by_frame"][:5] == [None] * 5 and second["p_fake_by_frame"][-1] is not None


def test_a_face_in_one_frame_only_decides_nothing(tmp_path, script, face_views, fake_model, capsys):
    once = [another(view) if number == 0 else None for number, view in enumerate(face_views)]
    report = judged_report(tmp_path, script, fake_model, two_faces(face_views, once))
    assert report["decided_by"] == "A" and report["verdict"]["outcome"] == "FAKE"
    brief = report["faces"][1]
    assert brief["verdict"]["outcome"] == "INCONCLUSIVE"
    assert brief["verdict"]["reasons"] == ["too few usable frames (1 with a face, 3 needed)"]


def test_a_cut_between_two_people_does_not_mix_them(tmp_path, script, face_views, fake_model):
    cut = [*face_views[:12], *(another(view) for view in face_views[12:])]
    report = judged_report(tmp_path, script, fake_model, cut)
    seen = [[p is not None for p in face["p_fake_by_frame"]] for face in report["faces"]]
    assert seen == [[True] * 5 + [False] * 5, [False] * 5 + [True] * 5]


def test_a_small_face_in_the_background_is_a_bystander(
    tmp_path, script, face_views, fake_model, capsys
):
    small = [np.full_like(view, 90) for view in face_views]
    for canvas, view in zip(small, face_views, strict=True):
        canvas[20:132, 60:156] = cv2.resize(view, (96, 112))
    large = [cv2.resize(view, (480, 560)) for view in face_views]
    small = [
        cv2.copyMakeBorder(s, 0, 280, 0, 0, cv2.BORDER_CONSTANT, value=(90,) * 3) for s in small
    ]
    frames = [np.hstack(pair) for pair in zip(large, small, strict=True)]
    report = judged_report(tmp_path, script, fake_model, frames)
    assert len(report["faces"]) == 1 and len(report["bystanders"]) == 1
    assert "Not judged, being small or many: 1" in capsys.readouterr().out


def test_names_that_cannot_exist_do_not_stop_the_rest(
    tmp_path, script, face_clip, fake_model, capsys
):
    argv = arguments(tmp_path, fake_model, "x" * 400 + ".mp4", face_clip, "--frames", "3")
    assert script.main(argv) == 1
    printed = capsys.readouterr()
    assert "File name too long" in printed.err and "DEEPFAKE DETECTED" in printed.out


def test_an_empty_path_is_not_the_current_folder(tmp_path, script, fake_model, capsys):
    assert "empty path" in fails(script, capsys, arguments(tmp_path, fake_model, ""))


def test_another_detector_than_the_models_is_mentioned_once(
    tmp_path, script, face_clip, fake_model, capsys
):
    argv = arguments(tmp_path, fake_model, "--frames", "3", face_clip, face_clip)
    assert script.main(argv) == 0
    assert capsys.readouterr().out.count("trained on crops of yunet, these are of haar") == 1


def test_two_videos_of_one_name_keep_their_own_reports(tmp_path, script, face_clip, fake_model):
    clips = [tmp_path / name / "clip.mp4" for name in ("one", "two")]
    clips.append(tmp_path / "one" / "clip.mkv")
    for clip in clips:
        clip.parent.mkdir(exist_ok=True)
        shutil.copy(face_clip, clip)
    for _ in range(2):  # and a second round takes the same folders again
        assert script.main(arguments(tmp_path, fake_model, "--frames", "3", *clips)) == 0
    folders = set(os.listdir(tmp_path / "results")) - {"summary"}
    assert len(folders) == 3 and "clip" in folders
    paths = {read_json(tmp_path / f"results/{f}/report.json")["file"]["path"] for f in folders}
    assert paths == {str(clip) for clip in clips}


@pytest.mark.parametrize("name", ["training.mp4", "..mp4", "new\nline.mp4", "x" * 240 + ".mp4"])
def test_no_name_escapes_or_takes_another_scripts_folder(
    tmp_path, script, face_clip, fake_model, name
):
    results = tmp_path / "results"
    (results / "training" / "run").mkdir(parents=True)
    shutil.copy(face_clip, tmp_path / name)
    assert script.main(arguments(tmp_path, fake_model, "--frames", "3", tmp_path / name)) == 0
    assert os.listdir(results / "training") == ["run"]
    (folder,) = set(os.listdir(results)) - {"training"}
    assert set(os.listdir(results / folder)) == REPORTS
    assert folder.isprintable() and len(folder) < 120


def test_files_of_the_users_own_survive_a_second_run(tmp_path, script, face_clip, fake_model):
    assert script.main(arguments(tmp_path, fake_model, face_clip)) == 0
    (tmp_path / "results/face/notes.txt").write_text("mine")
    assert script.main(arguments(tmp_path, fake_model, face_clip)) == 0
    assert set(os.listdir(tmp_path / "results/face")) == REPORTS | {"notes.txt"}


def test_the_prompt_takes_paths_as_people_type_them(
    tmp_path, script, face_clip, fake_model, monkeypatch, capsys
):
    clip = tmp_path / "it's (1) ü.mp4"
    shutil.copy(face_clip, clip)
    escaped = str(clip).replace(" ", "\\ ").replace("'", "\\'").replace("(", "\\(")
    texts = [
        f'  "{clip}" ',
        str(clip),
        escaped.replace(")", "\\)"),
        clip.as_uri(),
        "",
        "''",
        "/no/such.mp4",
        "QUIT",
    ]
    prompts = answers(monkeypatch, *texts)
    assert script.main(arguments(tmp_path, fake_model, "--frames", "3")) == 0
    printed = capsys.readouterr()
    assert prompts == ["\n📹 Enter video path: "] * 8
    assert printed.out.count("⚖️ FINAL VERDICT") == 4
    assert printed.err.strip() == "❌ /no/such.mp4: file not found"


@pytest.mark.parametrize("leave", [EOFError, KeyboardInterrupt, "exit", " quit "])
def test_every_way_out_of_the_prompt_is_clean(
    tmp_path, script, fake_model, monkeypatch, capsys, leave
):
    answers(monkeypatch, leave)
    assert script.main(arguments(tmp_path, fake_model)) == 0
    printed = capsys.readouterr()
    assert "Goodbye." in printed.out and printed.err == ""


def test_ctrl_c_during_an_analysis_leaves_with_130_and_nothing_half_written(
    tmp_path, script, face_clip, fake_model, monkeypatch
):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("reports.video.write_reports", interrupted)
    assert script.main(arguments(tmp_path, fake_model, face_clip)) == 130
    assert os.listdir(tmp_path / "results") == []


def fails(script, capsys, argv) -> str:
    assert script.main(argv) == 1
    printed = capsys.readouterr().err.strip()
    assert "\n" not in printed and "Traceback" not in printed
    return printed


def test_bad_models_and_devices_give_one_line_with_the_remedy(
    tmp_path, script, face_clip, fake_model, capsys
):
    missing = tmp_path / "no.pth"
    text = fails(script, capsys, arguments(tmp_path, missing, face_clip))
    assert "no.pth not found: run src/2_train_model.py first" in text and "--demo" in text
    damaged = tmp_path / "half.pth"
    damaged.write_bytes(fake_model.read_bytes()[:1000])
    assert "half.pth is truncated or damaged" in fails(
        script, capsys, arguments(tmp_path, damaged, face_clip)
    )
    assert "half.pth" in fails(script, capsys, arguments(tmp_path, damaged))  # before the prompt
    argv = arguments(tmp_path, fake_model, face_clip, "--device", "toaster")
    assert "toaster" in fails(script, capsys, argv)
    argv = arguments(tmp_path, fake_model, face_clip, "--detector", "yunet")
    assert "YuNet is not available" in fails(script, capsys, argv)


def test_results_that_cannot_be_written_give_one_line(
    tmp_path, script, face_clip, fake_model, capsys
):
    (tmp_path / "results").mkdir()
    argv = arguments(tmp_path, fake_model, face_clip)
    for path in (face_clip, fake_model):
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            folder.chmod(0o755)
    with unprivileged(tmp_path):
        text = fails(script, capsys, argv)
    assert "results (Permission denied): name another with --results" in text
    assert os.listdir(tmp_path / "results") == []


def test_the_demonstration_says_that_untrained_weights_mean_nothing(tmp_path, script, capsys):
    assert script.main(arguments(tmp_path, tmp_path / "no.pth", "--demo")) == 0
    printed = capsys.readouterr().out
    assert printed.count("🟡 INCONCLUSIVE") == 2
    assert printed.count("UNTRAINED WEIGHTS, SCORES MEAN NOTHING") == 2
    assert "DEEPFAKE DETECTED" not in printed and "APPEARS AUTHENTIC" not in printed
    for name in ("demo_untouched", "demo_altered"):
        assert set(os.listdir(tmp_path / "results" / name)) == REPORTS
        report = read_json(tmp_path / "results" / name / "report.json")
        assert report["model"]["is_trained"] is False
        assert sum(frame["p_fake"] is not None for frame in report["frames"]) >= 8


def test_the_demonstration_uses_a_trained_model_where_there_is_one(
    tmp_path, script, fake_model, capsys
):
    assert script.main(arguments(tmp_path, fake_model, "--demo")) == 0
    assert capsys.readouterr().out.count("🔴 DEEPFAKE DETECTED") == 2
    with pytest.raises(SystemExit) as caught:
        script.main(["--demo", "video.mp4"])
    assert caught.value.code == 2


def test_as_a_process_on_a_console_without_emoji(tmp_path, face_clip, fake_model):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    argv = arguments(tmp_path, fake_model, face_clip, tmp_path / "é.mp4")
    done = run_script("3_test_video", *argv, env=environment)
    assert done.returncode == 1
    assert b"[!] DEEPFAKE DETECTED" in done.stdout and b"file not found" in done.stderr
    assert b"Traceback" not in done.stderr
    done.stdout.decode("ascii")


def test_as_a_process_at_the_prompt(tmp_path, face_clip, fake_model):
    argv = arguments(tmp_path, fake_model, "--frames", "3")
    done = run_script("3_test_video", *argv, input=f"'{face_clip}'\n".encode(), env=os.environ)
    assert done.returncode == 0 and done.stderr == b""
    assert "📹 Enter video path:".encode() in done.stdout
    assert "🔴 DEEPFAKE DETECTED".encode() in done.stdout


def test_the_script_starts_without_torch_and_matplotlib():
    code = (
        "import runpy, sys; runpy.run_path('src/3_test_video.py', run_name='script'); "
        "sys.exit(bool({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": "src"}
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def test_only_what_ends_like_a_checkpoint_is_a_second_model(script):
    config, paths, _ = script.parse_args(["--model", "a.pth", "b.pt", "v.mp4", "c d/"])
    assert [str(path) for path in config.model] == ["a.pth", "b.pt"]
    assert paths == ["v.mp4", "c d/"]
    config, paths, _ = script.parse_args(["--model", "renamed.bin", ""])
    assert [str(path) for path in config.model] == ["renamed.bin"] and paths == [""]
