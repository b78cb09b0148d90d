"""Figures that hold: intervals, labelled lists, the robustness sweep, and 4_evaluate_model.py."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from conftest import biased_model, load_script, make_faceforensics, read_json
from sklearn.metrics import roc_auc_score

from utils.checkpoint import Preprocessing, save_checkpoint, untrained_checkpoint
from utils.config import FAKE, REAL
from utils.evaluation import (
    SQUASHED,
    EvaluationError,
    auc,
    bootstrap,
    find_labelled,
    people_groups,
    rate_at,
)
from utils.metrics import Scores
from utils.robustness import SWEEP


def test_auc_agrees_with_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p_fake, labels = rng.integers(0, 12, 60) / 12, rng.integers(0, 2, 60)
        assert auc(p_fake, labels) == pytest.approx(roc_auc_score(labels, p_fake))
    assert auc(np.array([0.2, 0.4]), np.array([FAKE, FAKE])) is None


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Fakes a unit above reals: the true AUC is Phi(1 / sqrt 2) = 0.760."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(60):
        labels = np.arange(80) % 2
        scores = rng.normal(labels, 1)
        low, high = bootstrap(np.arange(80), lambda i, s=scores, y=labels: auc(s[i], y[i]), 200)
        hits += low <= 0.760 <= high
    assert 50 <= hits <= 60


def test_groups_are_drawn_whole_so_that_copies_do_not_feign_certainty():
    rng = np.random.default_rng(2)
    labels = np.arange(20) % 2
    scores = rng.normal(labels, 1)
    copied, repeated = np.repeat(scores, 10), np.repeat(labels, 10)

    def width(groups, values, truth):
        low, high = bootstrap(groups, lambda i: auc(values[i], truth[i]))
        return high - low

    honest = width(np.arange(20), scores, labels)
    assert width(np.repeat(np.arange(20), 10), copied, repeated) == pytest.approx(honest, rel=0.1)
    assert width(np.arange(200), copied, repeated) < 0.6 * honest
    assert bootstrap(np.zeros(20), lambda i: auc(scores[i], labels[i])) is None
    people = [{"identities": p} for p in (["a"], ["a", "b"], ["c"], ["b"])]
    assert people_groups(people).tolist() in ([0, 0, 1, 0], [1, 1, 0, 1])


def test_the_true_positive_rate_keeps_to_the_false_alarms_allowed():
    labels = np.array([REAL] * 100 + [FAKE] * 10)
    scores = np.concatenate([np.arange(100) / 100, np.full(5, 0.985), np.full(5, 0.2)])
    assert rate_at(Scores(scores, labels), 0.01) == 0.5
    assert rate_at(Scores(scores, labels), 0.0) == 0.0
    assert rate_at(Scores(scores[:100], labels[:100]), 0.01) is None


def test_lists_and_folders_of_labelled_videos_are_read_and_bad_ones_refused(tmp_path):
    for name in ("own/real/a.mp4", "own/fake/b.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert [v.label for v in find_labelled(tmp_path / "own")] == [FAKE, REAL]
    path = tmp_path / "list.csv"
    path.write_text("path,label,method,pair\na.mp4,real,,p1\nb.mp4,FAKE,faceswap,p1\nc.mp4,1,,\n")
    videos = find_labelled(path)
    assert [(v.label, v.method) for v in videos] == [
        (REAL, "real"),
        (FAKE, "faceswap"),
        (FAKE, "fake"),
    ]
    assert videos[0].identities == videos[1].identities != videos[2].identities
    assert videos[0].path == tmp_path / "a.mp4"
    for content, reason in (
        ("path,label\na.mp4,maybe\n", "line 2: label 'maybe' is not real or fake"),
        ("path,label\n", "has no rows"),
        ("file,label\na,real\n", "lacks the columns"),
    ):
        path.write_text(content)
        with pytest.raises(EvaluationError, match=reason):
            find_labelled(path)
    (tmp_path / "none").mkdir()
    for place, reason in (("none", "no videos in a known layout"), ("gone.csv", "cannot be read")):
        with pytest.raises(EvaluationError, match=reason):
            find_labelled(tmp_path / place)


def test_every_change_of_the_sweep_hurts_more_the_stronger_it_is(portrait):
    crop = cv2.cvtColor(cv2.resize(portrait[:500, :500], (256, 256)), cv2.COLOR_BGR2RGB)
    for kind, steps in SWEEP.items():
        damage = []
        for change in steps.values():
            worse = change(crop)
            assert worse.shape == crop.shape and worse.dtype == np.uint8
            assert np.array_equal(worse, change(crop))
            damage.append(np.abs(worse.astype(int) - crop).mean())
        assert min(damage) > 0.3
        if kind != "brightness":  # which goes both ways
            assert damage == sorted(damage)


@pytest.fixture
def script():
    return load_script("4_evaluate_model")


@pytest.fixture
def clips(tmp_path, face_clip):
    make_faceforensics(tmp_path / "clips", face_clip, pairs=2)
    return tmp_path / "clips"


def flags(tmp_path, *more) -> list[str]:
    fixed = f"--results {tmp_path}/results --models {tmp_path} --device cpu".split()
    return [*fixed, *map(str, more)]


def haar_model(path, log_odds: float = 3.0):
    """biased_model, for crops that Haar cuts."""
    from utils.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(biased_model(path, log_odds))
    checkpoint.preprocessing = Preprocessing("haar", 256, 1.54, 64)
    save_checkpoint(path, checkpoint)
    return path


def test_labelled_videos_get_figures_intervals_and_pictures(tmp_path, clips, script, capsys):
    model, other = haar_model(tmp_path / "a.pth"), haar_model(tmp_path / "b.pth", -3.0)
    (clips / "original" / "broken.mp4").write_bytes(b"nothing")
    more = ("--model", model, "--against", other, "--videos", clips, "--frames", 2, "--robustness")
    assert script.main(flags(tmp_path, *more)) == 0
    printed = capsys.readouterr().out
    assert "8 videos of 2 groups of people" in printed
    assert "broken.mp4" in printed and "100.0% of reals called fake" in printed
    folder = tmp_path / "results" / "evaluation" / "run"
    report = read_json(folder / "report.json")
    steps = sum(map(len, SWEEP.values()))
    assert len(report["conditions"]) == steps + 2 and SQUASHED in report["conditions"]
    clean = report["conditions"]["clean"]["video"]
    # Two frames are too few for a verdict on a video.
    said = report["conditions"]["clean"]["verdicts"]
    assert said == {name: {"FAKE": 0.0, "REAL": 0.0} for name in ("real", "fake")}
    assert clean["n"] == 8 and clean["confusion"] == {"tn": 0, "fp": 4, "fn": 0, "tp": 4}
    assert 0 <= clean["auc_interval"][0] <= clean["auc"] <= clean["auc_interval"][1] <= 1
    assert report["against"]["conditions"]["clean"]["video"]["confusion"]["tn"] == 4
    with open(folder / "scores.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 and {row["judged"] for row in rows} == {"fake"}
    assert all(int(row["frames"]) == 2 for row in rows)
    for name in ("roc", "scores", "per_method", "confusion_matrix", "robustness"):
        assert cv2.imread(str(folder / f"{name}.png")).shape[1] >= 500


def test_the_test_split_is_evaluated_and_its_blends_with_it(tmp_path, extracted, script, capsys):
    model = haar_model(tmp_path / "a.pth")
    frames = tmp_path / "frames"
    shutil.copytree(extracted / "frames", frames)
    path = frames / "video_registry.json"
    registry = read_json(path)
    for video in registry["videos"]:
        for frame in video["frames"]:
            points = [[96, 105], [160, 105], [128, 140], [102, 175], [154, 175]]
            frame |= {"landmarks_in_crop_xy": points, "skin_lab": [150, 140, 140]}
    path.write_text(json.dumps(registry))
    where = ("--model", model, "--frames-dir", frames, "--splits", tmp_path / "s.json")
    assert script.main(flags(tmp_path, *where)) == 1
    assert "s.json not found: run src/2_train_model.py first" in capsys.readouterr().err
    from utils.splits import load_or_make_splits

    test = load_or_make_splits(tmp_path / "s.json", registry["videos"], 1)["test"]
    assert script.main(flags(tmp_path, *where, "--blends")) == 0
    report = read_json(tmp_path / "results" / "evaluation" / "run" / "report.json")
    reals = sum(video["label"] == REAL for video in test)
    assert report["conditions"]["clean"]["video"]["n"] == len(test) + 2 * reals
    assert script.main(flags(tmp_path, *where, "--at-most", "2")) == 0
    assert "   2 videos of" in capsys.readouterr().out
    assert "blended self-blend" in report["by_method"] and SQUASHED not in report["conditions"]


def test_bad_input_is_named_in_one_line(tmp_path, clips, script, capsys):
    model = haar_model(tmp_path / "a.pth")

    def refusal(*more) -> str:
        assert script.main(flags(tmp_path, "--model", model, *more)) == 1
        text = capsys.readouterr().err.strip()
        assert "\n" not in text
        return text

    listed = clips / "list.csv"
    listed.write_text("path,label\noriginal/000.mp4,real\ngone.mp4,fake\n")
    assert "1 videos are missing: --skip-missing goes on" in refusal("--videos", listed)
    more = ("--model", model, "--videos", listed, "--skip-missing", "--frames", 2)
    assert script.main(flags(tmp_path, *more)) == 0
    assert "one class only, no AUC" in capsys.readouterr().out
    other = untrained_checkpoint()
    other.preprocessing = Preprocessing("haar", 128, 1.3, 64)
    save_checkpoint(tmp_path / "b.pth", other)
    text = refusal("--videos", listed, "--against", tmp_path / "b.pth")
    assert "want different crops" in text
    assert "registry" in refusal("--frames-dir", tmp_path / "none")
    listed.write_text("path,label\nlist.csv,real\n")
    assert "no video could be evaluated" in refusal("--videos", listed)
