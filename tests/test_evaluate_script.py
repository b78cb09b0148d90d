"""Figures that hold: intervals, labelled lists, the robustness sweep, and 4_evaluate_model.py."""

import csv
import json
import shutil
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch
from conftest import biased_model, load_script, make_faceforensics, read_json
from sklearn.metrics import roc_auc_score

from datasets.crops import FaceFrames
from evaluation.attacks import ATTACKS
from evaluation.labelled import Footage, crops_of_dataset, find_labelled
from evaluation.others import read_scores
from evaluation.scores import SQUASHED, score_all
from judging.demo import write_clip
from network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, untrained_checkpoint
from pictures.harms import SWEEP
from pictures.transforms import Preprocessing
from reports.evaluation import SHOWN_KINDS, rows_of
from scoring.calibration import Outcome
from scoring.intervals import (
    about_records,
    aucs,
    bootstrap,
    by_name,
    difference,
    figures,
    people_groups,
    rate_at,
)
from scoring.metrics import Scores
from scoring.verdict import Marks
from utils.config import FAKE, REAL
from utils.console import Failure


def test_aucs_agree_with_scikit_learn_on_items_drawn_again_and_again_ties_included():
    rng = np.random.default_rng(0)
    scores = Scores(rng.integers(0, 12, 60) / 12, rng.integers(0, 2, 60))
    weights = rng.integers(0, 4, (20, 60))
    for row, found in zip(weights, aucs(scores, weights), strict=True):
        labels, p_fake = np.repeat(scores.labels, row), np.repeat(scores.p_fake, row)
        assert found == pytest.approx(roc_auc_score(labels, p_fake))
    assert np.isnan(aucs(scores, (scores.labels == FAKE)[None] * 1)).all()


def auc_interval(p_fake, labels, groups, draws=1000):
    return bootstrap(groups, lambda weights: aucs(Scores(p_fake, labels), weights), draws)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Fakes a unit above reals: the true AUC is Phi(1 / sqrt 2) = 0.760."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(200):
        labels = np.arange(80) % 2
        low, high = auc_interval(rng.normal(labels, 1), labels, np.arange(80), 200)
        hits += low <= 0.760 <= high
    assert 178 <= hits <= 199


def test_groups_are_drawn_whole_so_that_copies_do_not_feign_certainty():
    rng = np.random.default_rng(2)
    labels = np.arange(20) % 2
    scores = rng.normal(labels, 1)
    copied, repeated = np.repeat(scores, 10), np.repeat(labels, 10)

    def width(groups, values, truth):
        low, high = auc_interval(values, truth, groups)
        return high - low

    honest = width(np.arange(20), scores, labels)
    assert width(np.repeat(np.arange(20), 10), copied, repeated) == pytest.approx(honest, rel=0.1)
    assert width(np.arange(200), copied, repeated) < 0.6 * honest
    assert auc_interval(scores, labels, np.zeros(20)) is None
    assert auc_interval(labels * 0.5, labels, np.arange(20)) is None  # all draws give 1
    people = [{"identities": p} for p in (["a"], ["a", "b"], ["c"], ["b"])]
    assert people_groups(people).tolist() in ([0, 0, 1, 0], [1, 1, 0, 1])


def test_a_paired_comparison_sees_what_two_intervals_would_not():
    rng = np.random.default_rng(3)
    labels = np.arange(100) % 2
    good = rng.normal(labels, 1)
    worse = good + rng.normal(0, 0.3, 100) - 0.4 * labels
    found = difference(Scores(good, labels), Scores(worse, labels), np.arange(100))
    expected = roc_auc_score(labels, good) - roc_auc_score(labels, worse)
    assert found["value"] == pytest.approx(expected)
    assert 0 < found["interval"][0] < expected < found["interval"][1]
    one, other = (auc_interval(scores, labels, np.arange(100)) for scores in (good, worse))
    assert one[0] < other[1]
    alone = Scores(good[labels == FAKE], labels[labels == FAKE])
    assert difference(alone, alone, np.arange(50)) == {"value": None, "interval": None}


def test_fakes_are_measured_against_the_reals_of_their_data_set_or_all():
    records = [
        {"id": f"{n}", "dataset": dataset, "method": method, "label": label, "identities": [f"{n}"]}
        for n, (dataset, method, label) in enumerate(
            zip("aabbcb", ["real", "swap"] * 2 + ["swap", "real"], [0, 1, 0, 1, 1, 0], strict=True)
        )
    ]
    about = about_records(records)
    p_fake = np.array([0.4, 0.5, 0.7, 0.8, 0.6, 0.0])
    numbers = np.arange(5)  # the sixth was not seen
    raw = Scores(p_fake[numbers], about.labels[numbers], about.kinds[numbers])
    outcome = Outcome(raw, numbers)
    kinds = by_name(outcome, about.kinds, about)
    assert {name: found["video"]["n"] for name, found in kinds.items()} == {
        "a real": 1, "a swap": 2, "b real": 1, "b swap": 2, "c swap": 3,
    }  # fmt: skip
    sets = by_name(outcome, about.datasets, about)
    assert [sets[name]["video"]["auc"] for name in "abc"] == [1.0, 1.0, 0.5]
    assert figures(outcome, about.groups)["frame"]["auc"] == pytest.approx(4 / 6)


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
    path.write_text(
        "\ufeffpath,label,method,source,pair\na.mp4, real,,,p1\nb.mp4,FAKE,faceswap,,p1\n"
        "c.mp4,1,,web,\n",
        encoding="utf-8",
    )
    videos = find_labelled(path)
    assert [(v.dataset, v.label, v.method) for v in videos] == [
        ("list", REAL, "real"),
        ("list", FAKE, "faceswap"),
        ("web", FAKE, "fake"),
    ]
    assert videos[0].identities == videos[1].identities != videos[2].identities
    assert videos[0].path == tmp_path / "a.mp4"
    path.write_text("Path;Label\nown\\real\\a.mp4;REAL\n")  # as a spreadsheet on Windows has it
    assert [video.path for video in find_labelled(path)] == [tmp_path / "own/real/a.mp4"]
    for content, reason in (
        ("path,label\na.mp4,maybe\n", "line 2: label 'maybe' is not real or fake"),
        ("path,label\na.mp4\n", "line 2: label '' is not real or fake"),
        ("path,label\n,real\n", "line 2: no path"),
        ("path,label\nhttps://a.org/b.mp4,real\n", "line 2: https://a.org/b.mp4 is a web address"),
        ("path,label\na.mp4,real\nb.mp4,fake\n./a.mp4,fake\n", "line 4: .* is in line 2 already"),
        ("", "lacks the column path and label"),
        ("path,label\n", "lists no videos"),
        ("file,label\na,real\n", "lacks the column path in"),
        ("path,label\n\xe4.mp4,real\n", "not a CSV in UTF-8"),
    ):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(Failure, match=reason):
            find_labelled(path)
    (tmp_path / "none").mkdir()
    for place, reason in (("none", "no videos in a known layout"), ("gone.csv", "cannot be read")):
        with pytest.raises(Failure, match=reason):
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


class Brightness(torch.nn.Module):
    """A network that takes brightness for the probability of FAKE."""

    def forward(self, images):
        p = (images.mean((1, 2, 3)) * 0.225 + 0.449).clamp(0.01, 0.99)
        return torch.stack([1 - p, p], 1).log()


def footage_of(number: int, label: int, levels, faces=None) -> Footage:
    crops = [np.full((32, 32, 3), round(255 * p), np.uint8) for p in levels]
    seconds = [float(n) for n in range(len(levels))]
    faces = faces or [slice(0, len(levels))]
    return Footage(number, label, np.stack(crops), seconds, faces, False, [])


@pytest.fixture
def checkpoint() -> Checkpoint:
    metrics = {"calibration": asdict(Marks(real_below=0.5, fake_from=2.0))}
    return Checkpoint(Brightness(), Preprocessing("haar", 32, 1.54, 28), metrics)


def verdicts_of(tables) -> dict[int, str]:
    return {number: face.verdict.outcome for number, face in tables["clean"].items()}


def test_of_several_faces_the_most_suspicious_that_is_seen_often_enough_counts(checkpoint):
    levels = [0.2] * 4 + [0.6, 0.7, 0.8] + [0.95] * 2  # the last is seen too briefly
    brief = footage_of(1, FAKE, [0.3, 0.9], [slice(0, 1), slice(1, 2)])
    source = [footage_of(0, REAL, levels, [slice(0, 4), slice(4, 7), slice(7, 9)]), brief]
    (tables,), _ = score_all(source, [checkpoint], False, "cpu")
    assert verdicts_of(tables) == {0: "FAKE", 1: "INCONCLUSIVE"}
    assert tables["clean"][0].raw == pytest.approx([0.6, 0.7, 0.8], abs=0.02)
    assert tables["clean"][1].raw == pytest.approx([0.3], abs=0.02)


def test_of_tilted_faces_script_4_gives_no_verdict_either(checkpoint):
    tilted = replace(footage_of(1, FAKE, [0.9] * 4), caveat="tilted")
    source = [footage_of(0, FAKE, [0.9] * 4), tilted]
    (tables,), _ = score_all(source, [checkpoint], False, "cpu")
    assert verdicts_of(tables) == {0: "FAKE", 1: "INCONCLUSIVE"}


def test_the_worst_misses_are_kept_with_their_worst_crops(checkpoint):
    levels = [(0.9, 0.7), (0.6, 0.6), (0.1, 0.2), *[(0.3, 0.4)] * 20, (0.9, 0.9)]
    labels = [REAL, REAL, FAKE, *[FAKE] * 20, FAKE]
    source = [footage_of(n, labels[n], two) for n, two in enumerate(levels)]
    tables, misses = score_all(source, [checkpoint], True, "cpu")
    assert tables[0]["brightness, x 0.5"][0].raw[0] == pytest.approx(0.45, abs=0.02)
    assert tables[0]["PGD, 4 of 255"][0].raw[1] == pytest.approx(0.7 + 4 / 255, abs=0.005)
    assert [miss.number for miss in misses] == [2, 0, *range(3, 17)]  # neither 1 nor the last 7
    assert misses[0].crop[0, 0, 0] == 26 and misses[1].crop[0, 0, 0] == 230
    assert misses[1].distance == pytest.approx(0.82, abs=0.01)  # half way along the log-odds


@pytest.fixture
def script():
    return load_script("4_evaluate_model")


@pytest.fixture
def clips(tmp_path, face_clip):
    make_faceforensics(tmp_path / "clips", face_clip, pairs=1)
    return tmp_path / "clips"


def flags(tmp_path, *more) -> list[str]:
    fixed = f"--results {tmp_path}/results --models {tmp_path} --device cpu".split()
    return [*fixed, *map(str, more)]


def haar_model(path, log_odds: float = 3.0):
    """biased_model, for crops that Haar cuts."""
    checkpoint = load_checkpoint(biased_model(path, log_odds))
    checkpoint.preprocessing = Preprocessing("haar", 256, 1.54, 64)
    save_checkpoint(path, checkpoint)
    return path


PNGS = {"roc", "det", "scores", "reliability", "per_method", "robustness", "errors"}
PNGS |= {"confusion_matrix", "tippett"}


def pictures(folder) -> set[str]:
    found = {path.stem: cv2.imread(str(path)) for path in folder.glob("*.png")}
    assert all(min(image.shape[:2]) >= 150 for image in found.values())
    return set(found)


def test_labelled_videos_get_figures_intervals_and_pictures(tmp_path, clips, script, capsys):
    """The model calls everything fake."""
    (clips / "original" / "broken.mp4").write_bytes(b"nothing")
    more = ("--model", haar_model(tmp_path / "a.pth"), "--videos", clips, "--frames", 1)
    assert script.main(flags(tmp_path, *more, "--robustness")) == 0
    printed = capsys.readouterr().out
    assert "4 videos of 1 groups of people, 4 frames; trained on: unknown" in printed
    assert "broken.mp4: " in printed and "1 videos left out" in printed
    assert "Groups of people: only 1;" in printed and "BY DATA SET" not in printed
    chance = [line.split() for line in printed.splitlines() if "always FAKE" in line]
    assert [cells[4:8] for cells in chance] == [["4", "0.500", "-", "0.500"]] * 2  # half are fake
    line = next(line for line in printed.splitlines() if "H.264, crf 40" in line)
    assert line.split()[-4:] == ["100.0%", "100.0%", "0.0%", "0.0%"]
    folder = tmp_path / "results" / "evaluation" / "run"
    report = read_json(folder / "report.json")
    steps = sum(map(len, (SWEEP | ATTACKS).values()))
    assert len(report["conditions"]) == steps + 2 and SQUASHED in report["conditions"]
    clean = report["conditions"]["clean"]
    assert clean["video"]["n"] == clean["frame"]["n"] == 4
    assert clean["video"]["confusion"] == {"tn": 0, "fp": 2, "fn": 0, "tp": 2}
    assert [entry["id"] for entry in report["left_out"]] == ["faceforensics/original/broken.mp4"]
    assert clean["video"]["cllr"] == pytest.approx(2.2, abs=0.1)  # half of them 4.4, half nearly 0
    assert clean["video"]["cllr_min"] == pytest.approx(1)
    said = clean["verdicts"]["all"]
    assert said["decided"] == 0 and said["wrong"] is None  # of one frame each
    assert said["real"] == {"n": 2, "FAKE": 0, "REAL": 0} and "verdicts " in printed
    with open(folder / "scores.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4 and {row["judged"] for row in rows} == {"fake"}
    assert all(int(row["frames"]) == 1 for row in rows)
    assert {row["verdict"] for row in rows} == {"INCONCLUSIVE"}
    assert pictures(folder) == PNGS


@pytest.fixture
def listed(clips):
    """A CSV of two data sets, each a pair of people with a real and a fake."""
    path = clips / "list.csv"
    rows = ["original/000,real,a", "Deepfakes/000_001,fake,a"]
    rows += ["original/001,real,b", "FaceSwap/001_000,fake,b"]
    parts = [row.split(",") for row in rows]
    lines = [f"{name}.mp4,{label},{source},{source}" for name, label, source in parts]
    path.write_text("\n".join(["path,label,source,pair", *lines]))
    return path


def test_checkpoints_are_compared_on_the_same_videos_and_across_data_sets(
    tmp_path, listed, script, capsys
):
    model = haar_model(tmp_path / "a.pth")
    checkpoint = load_checkpoint(haar_model(tmp_path / "b.pth", -3.0))
    checkpoint.preprocessing = Preprocessing("haar", 256, 1.54, 96)  # the same crops
    checkpoint.training["datasets"] = ["faceforensics", "celebdf"]
    save_checkpoint(tmp_path / "b.pth", checkpoint)
    more = ("--model", model, "--against", tmp_path / "b.pth", model, "--videos", listed)
    assert script.main(flags(tmp_path, *more, "--frames", 3)) == 0
    printed = capsys.readouterr().out
    assert printed.count(f"Video AUC of {model} minus") == 2
    assert "b.pth (faceforensics, celebdf)" in printed and f"{model} (unknown)" in printed
    report = read_json(tmp_path / "results" / "evaluation" / "run" / "report.json")
    other, same = report["against"]
    assert other["conditions"]["clean"]["video"]["confusion"] == {
        "tn": 2,
        "fp": 0,
        "fn": 2,
        "tp": 0,
    }
    assert same["auc_of_the_first_minus_this"]["value"] == 0
    own, others = (r["conditions"]["clean"]["video"]["auc"] for r in (report, other))
    assert other["auc_of_the_first_minus_this"]["value"] == pytest.approx(own - others)
    table = report["across_datasets"]
    assert [row["trained_on"] for row in table] == [
        "unknown",
        ["faceforensics", "celebdf"],
        "unknown",
    ]
    for row, each in zip(table, (report, other, same), strict=True):
        assert row["auc"] == {name: each["by_dataset"][name]["video"]["auc"] for name in "ab"}


def test_another_detectors_table_is_measured_on_the_same_videos(tmp_path, listed, script, capsys):
    """Ours calls everything fake. Theirs is right, of three videos of four."""
    model, table = haar_model(tmp_path / "a.pth"), tmp_path / "theirs.csv"
    rows = ["clips/original/000.mp4;0.125", "Deepfakes\\000_001.mp4;0.9", "001_000;0.75"]
    table.write_text("\n".join(["Path;p_fake", *rows, "elsewhere.mp4;0.5"]))
    more = ("--model", model, "--videos", listed, "--frames", 1, "--scores", table)
    assert script.main(flags(tmp_path, *more)) == 0
    printed = capsys.readouterr().out
    assert "3 videos; 1 more have no score there; 1 scores are of no video" in printed
    folder = tmp_path / "results" / "evaluation" / "run"
    (other,) = read_json(folder / "report.json")["others"]
    assert (other["missing"], other["not_evaluated"]) == (1, 1)
    video = other["conditions"]["clean"]["video"]
    assert video["confusion"] == {"tn": 1, "fp": 0, "fn": 0, "tp": 2} and video["auc"] == 1
    assert other["first_on_the_same"]["confusion"] == {"tn": 0, "fp": 1, "fn": 0, "tp": 2}
    costs = [np.log2(1 + 1 / 7), (np.log2(1 + 1 / 9) + np.log2(1 + 1 / 3)) / 2]
    assert video["cllr"] == pytest.approx(np.mean(costs)) and video["cllr_min"] < 1e-5
    ahead = other["auc_of_the_first_minus_this"]["value"]
    assert ahead == pytest.approx(other["first_on_the_same"]["auc"] - 1)
    assert set(other["by_dataset"]) == {"a", "b"}
    assert {"tippett", "roc", "det"} <= pictures(folder)


def test_a_table_that_cannot_be_used_is_refused_by_its_line(tmp_path):
    records = [{"id": "a/one.mp4"}, {"id": "b/one.mp4"}, {"id": "b/two.mp4"}]
    table = tmp_path / "t.csv"
    for content, reason in (
        ("path,p_fake\na/one.mp4,1.2\n", "line 2: p_fake '1.2' is not a number from 0 to 1"),
        ("path,p_fake\na/one.mp4,\n", "line 2: p_fake '' is not a number"),
        ("path,p_fake\na/one.mp4,nan\n", "line 2: p_fake 'nan' is not a number"),
        ("path,p_fake\ntwo,0.1\nb/two.mp4,0.2\n", "line 3: b/two.mp4 is in line 2 already"),
        ("path,p_fake\none.mp4,0.1\n", "names none of the videos .* paths as a/one.mp4"),
        ("path,score\na/one.mp4,0.1\n", "lacks the column p_fake"),
    ):
        table.write_text(content)
        with pytest.raises(Failure, match=reason):
            read_scores(table, records)
    table.write_text("path,p_fake\na/one,0.1\ntwo.mp4,1\none.mp4,0.5\n")
    assert read_scores(table, records) == ({0: 0.1, 2: 1.0}, 1)


def test_rare_kinds_share_a_row():
    kinds = np.array([f"tool {n:02}" for n in range(60)] + ["web real"] * 5 + ["tool 07"] * 3)
    labels = np.where(kinds == "web real", REAL, FAKE)
    rows = rows_of(Scores(np.full(len(kinds), 0.5), labels, kinds))
    names, counts = np.unique(rows, return_counts=True)
    assert len(names) <= SHOWN_KINDS and {"web real", "tool 07", "other fakes"} <= set(names)
    assert dict(zip(names, counts, strict=True))["tool 07"] == 4
    # Many reals do not crowd the fakes out: each class has its half of the rows.
    reals = np.repeat([f"page {n:02}" for n in range(40)], 9)
    both = np.concatenate([kinds, reals])
    labels = np.concatenate([labels, np.full(len(reals), REAL)])
    rows = rows_of(Scores(np.full(len(both), 0.5), labels, both))
    fakes = set(rows[labels == FAKE])
    assert len(fakes) == SHOWN_KINDS // 2 and {"tool 07", "other fakes"} <= fakes
    assert len(set(rows)) == SHOWN_KINDS
    few = Scores(np.full(3, 0.5), labels[:3], kinds[:3])
    assert rows_of(few).tolist() == ["tool 00", "tool 01", "tool 02"]


def test_one_class_has_no_areas_and_leaves_no_empty_pictures(tmp_path, listed, script, capsys):
    """The model calls everything real, and first sees both classes."""
    model = haar_model(tmp_path / "a.pth", -3.0)
    more = ("--model", model, "--videos", listed, "--frames", 1)
    folder = tmp_path / "results" / "evaluation" / "run"
    assert script.main(flags(tmp_path, *more)) == 0
    assert pictures(folder) == PNGS - {"robustness"}
    lines = listed.read_text().splitlines()
    listed.write_text("\n".join(line for line in lines if ",fake," not in line))
    assert script.main(flags(tmp_path, *more, "--against", model)) == 0
    assert ": undefined, 95 % interval -" in capsys.readouterr().out
    report = read_json(folder / "report.json")
    video = report["conditions"]["clean"]["video"]
    assert video["auc"] is video["auc_interval"] is video["tpr_at_1%_fpr"] is None
    assert video["accuracy"] == 1.0
    assert report["across_datasets"][0]["auc"] == {"a": None, "b": None}
    assert pictures(folder) == {"scores", "per_method", "confusion_matrix"}


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
    from datasets.splits import load_or_make_splits

    test = load_or_make_splits(tmp_path / "s.json", registry["videos"], 1)["test"]
    assert script.main(flags(tmp_path, *where, "--blends")) == 0
    report = read_json(tmp_path / "results" / "evaluation" / "run" / "report.json")
    reals = sum(video["label"] == REAL for video in test)
    assert report["conditions"]["clean"]["video"]["n"] == len(test) + 2 * reals
    assert script.main(flags(tmp_path, *where, "--at-most", "2")) == 0
    assert "   2 videos of" in capsys.readouterr().out
    assert "blended self-blend" in report["by_method"] and SQUASHED not in report["conditions"]


def test_bad_input_is_named_in_one_line(tmp_path, listed, script, capsys):
    (tmp_path / "results").mkdir()
    model = haar_model(tmp_path / "a.pth")

    def refusal(*more) -> str:
        assert script.main(flags(tmp_path, "--model", model, *more)) == 1
        text = capsys.readouterr().err.strip()
        assert "\n" not in text
        return text

    assert "no videos in a known layout" in refusal("--videos", tmp_path / "results")
    listed.write_text("path,label\noriginal/000.mp4,real\ngone.mp4,fake\n")
    assert "1 of 2 videos are missing: --skip-missing goes on" in refusal("--videos", listed)
    more = ("--model", model, "--videos", listed, "--skip-missing", "--frames", 1)
    assert script.main(flags(tmp_path, *more)) == 0
    printed = capsys.readouterr().out
    assert "gone.mp4 not found" in printed and "1 videos left out" in printed
    other = untrained_checkpoint()
    other.preprocessing = Preprocessing("haar", 128, 1.3, 64)
    save_checkpoint(tmp_path / "b.pth", other)
    text = refusal("--videos", listed, "--against", model, tmp_path / "b.pth")
    assert "b.pth wants other crops than" in text and "one at a time" in text
    assert "registry" in refusal("--frames-dir", tmp_path / "none")
    listed.write_text("path,label\nlist.csv,real\n")
    assert "no video could be evaluated" in refusal("--videos", listed)
    listed.write_text("path,label\nx.mp4,real\ny.mp4,real\n")
    assert "all 2 videos of" in refusal("--videos", listed, "--skip-missing")
    listed.write_bytes("path,label\nä.mp4,real\n".encode("utf-16"))
    assert "not a CSV in UTF-8" in refusal("--videos", listed)


def test_scripts_3_and_4_say_the_same_of_a_video(tmp_path, face_views, script, capsys):
    frames = [np.hstack([view, np.ascontiguousarray(view[..., ::-1])]) for view in face_views]
    write_clip(tmp_path / "two.mp4", frames)
    (tmp_path / "list.csv").write_text("path,label\ntwo.mp4,fake\n")
    model = haar_model(tmp_path / "a.pth")
    assert script.main(flags(tmp_path, "--model", model, "--videos", tmp_path / "list.csv")) == 0
    places = ["--results", tmp_path / "three", "--models", tmp_path, "--detector", "haar"]
    three = load_script("3_test_video")
    assert three.main([str(a) for a in ("--model", model, *places, tmp_path / "two.mp4")]) == 0
    judged = read_json(tmp_path / "three" / "two" / "report.json")
    assert len(judged["faces"]) == 2
    with open(tmp_path / "results/evaluation/run/scores.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["p_fake"]) == pytest.approx(judged["verdict"]["p_fake"], abs=2e-6)
    assert int(row["frames"]) == sum(judged["votes"].values())
    report = read_json(tmp_path / "results/evaluation/run/report.json")
    outcome = judged["verdict"]["outcome"]
    assert report["conditions"]["clean"]["verdicts"]["all"]["fake"][outcome] == 1
    assert float(row["likelihood_ratio"]) == pytest.approx(
        judged["verdict"]["likelihood_ratio"], rel=1e-3
    )


def test_a_sequence_of_cut_faces_is_judged_and_an_unreadable_crop_left_out(
    tmp_path, face_views, extracted, script, capsys
):
    for label in ("real", "fake"):
        folder = tmp_path / "wild" / f"{label}_test" / "1"
        folder.mkdir(parents=True)
        for number, view in enumerate(face_views[:4]):
            cv2.imwrite(str(folder / f"{number}.png"), view)
    model = haar_model(tmp_path / "a.pth")
    assert script.main(flags(tmp_path, "--model", model, "--videos", tmp_path / "wild")) == 0
    report = read_json(tmp_path / "results/evaluation/run/report.json")
    assert report["conditions"]["clean"]["video"]["n"] == 2 and report["left_out"] == []

    shutil.copytree(extracted / "frames", tmp_path / "frames")
    records = read_json(tmp_path / "frames" / "video_registry.json")["videos"]
    dataset = FaceFrames(tmp_path / "frames", records[:3], Preprocessing("haar"), False)
    (tmp_path / "frames" / dataset.samples[0].name).write_bytes(b"no jpeg")
    left_out = []
    found = list(crops_of_dataset(dataset, left_out))
    assert [footage.number for footage in found] == [1, 2]
    assert [entry["id"] for entry in left_out] == [records[0]["id"]]
    one = [record | {"frames": record["frames"][:1]} for record in records[1:2]]
    (picture,) = crops_of_dataset(
        FaceFrames(tmp_path / "frames", one, Preprocessing("haar"), False), []
    )
    assert picture.is_image and not found[0].is_image
