"""Figures, threshold and temperature."""

import numpy as np
import pytest

from scoring.calibration import (
    Outcome,
    calibrate,
    calibrate_by_sharpness,
    choose_threshold,
    decided_ends,
    fit_temperature,
    log_odds,
    with_temperature,
)
from scoring.metrics import Scores, by_video, equal_error_rate, metrics, reliability
from scoring.verdict import Marks


def test_metrics_of_a_case_worked_by_hand():
    scores = Scores(np.array([0.9, 0.8, 0.4, 0.6, 0.2, 0.1]), np.array([1, 1, 1, 0, 0, 0]))
    result = metrics(scores, 0.5)
    assert result["confusion"] == {"tn": 2, "fp": 1, "fn": 1, "tp": 2}
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["precision"] == result["recall"] == result["f1"] == pytest.approx(2 / 3)
    assert result["balanced_accuracy"] == pytest.approx(2 / 3)
    assert result["auc"] == pytest.approx(8 / 9)  # of 9 pairs only (0.4, 0.6) is in wrong order
    assert metrics(scores, 0.85)["confusion"] == {"tn": 3, "fp": 0, "fn": 2, "tp": 1}


def test_the_threshold_itself_counts_as_fake():
    assert metrics(Scores(np.array([0.5]), np.array([1])), 0.5)["confusion"]["tp"] == 1


def test_undefined_figures_are_none_not_zero():
    result = metrics(Scores(np.array([0.1, 0.2]), np.array([0, 0])), 0.5)
    assert result["auc"] is result["precision"] is result["recall"] is None
    assert result["accuracy"] == 1.0


def test_a_video_scores_the_mean_of_its_frames():
    frames = Scores(np.array([0.2, 0.9, 0.4, 0.7]), np.array([0, 1, 0, 1]))
    videos = by_video(frames, np.array([5, 2, 5, 2]))
    assert videos.p_fake.tolist() == pytest.approx([0.8, 0.3])
    assert videos.labels.tolist() == [1, 0]


def test_average_precision_of_a_case_worked_by_hand():
    scores = Scores(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0]))
    # Fakes at ranks 1 and 3: precision 1/1 and 2/3.
    assert metrics(scores, 0.5)["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


def test_equal_error_rate():
    perfect = Scores(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]))
    assert equal_error_rate(perfect) == 0
    assert equal_error_rate(Scores(1 - perfect.p_fake, perfect.labels)) == 1
    one_in_four = Scores(np.array([0.1, 0.2, 0.3, 0.7, 0.4, 0.8, 0.9, 0.95]), np.repeat([0, 1], 4))
    assert equal_error_rate(one_in_four) == pytest.approx(0.25)
    useless = Scores(np.full(10, 0.5), np.repeat([0, 1], 5))
    assert equal_error_rate(useless) == pytest.approx(0.5)


def test_the_threshold_separates_and_its_rates_are_what_it_gives():
    scores = Scores(np.array([0.6, 0.65, 0.7, 0.8, 0.9]), np.array([0, 0, 0, 1, 1]))
    chosen = choose_threshold(scores)
    assert chosen["threshold"] == pytest.approx(0.75)
    assert chosen["false_positive_rate"] == chosen["false_negative_rate"] == 0
    rng = np.random.default_rng(0)
    noisy = Scores(rng.uniform(size=200), rng.integers(0, 2, 200))
    chosen = choose_threshold(noisy)
    counts = metrics(noisy, chosen["threshold"])["confusion"]
    assert chosen["false_positive_rate"] == pytest.approx(
        counts["fp"] / (counts["fp"] + counts["tn"])
    )
    assert chosen["false_negative_rate"] == pytest.approx(
        counts["fn"] / (counts["fn"] + counts["tp"])
    )
    best = max(metrics(noisy, t)["balanced_accuracy"] for t in np.linspace(0, 1, 500))
    assert metrics(noisy, chosen["threshold"])["balanced_accuracy"] >= best - 1e-9
    assert choose_threshold(Scores(np.array([0.9]), np.array([1])))["threshold"] == 0.5


def test_temperature_undoes_overconfidence():
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 2, 20_000)
    labels = (rng.uniform(size=odds.size) < 1 / (1 + np.exp(-odds))).astype(int)
    overconfident = Scores(1 / (1 + np.exp(-odds * 4)), labels)
    assert fit_temperature(overconfident) == pytest.approx(4, rel=0.08)
    calibrated = Scores(with_temperature(overconfident.p_fake, 4.0), labels)
    assert reliability(calibrated)[1] < 0.02 < 0.1 < reliability(overconfident)[1]
    assert fit_temperature(Scores(np.array([0.9]), np.array([1]))) == 1.0


def test_temperature_keeps_order_and_the_extremes_are_finite():
    p_fake = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    scaled = with_temperature(p_fake, 3.0)
    assert (np.diff(scaled) > 0).all() and scaled[2] == pytest.approx(0.5)
    assert np.isfinite(log_odds(p_fake)).all()
    assert with_temperature(p_fake, 1.0) == pytest.approx(p_fake, abs=1e-6)


def test_an_outcome_applies_temperature_then_threshold():
    raw = Scores(np.array([0.9, 0.99, 0.2, 0.6]), np.array([1, 1, 0, 0]), np.array(list("aabb")))
    numbers = np.array([0, 0, 1, 1])
    chosen = calibrate(raw, numbers, 0.05)
    outcome = Outcome(raw, numbers, chosen.temperature, Marks(chosen.threshold))
    expected = with_temperature(raw.p_fake, chosen.temperature)
    assert outcome.frames.p_fake == pytest.approx(expected)
    assert outcome.videos.p_fake == pytest.approx([expected[:2].mean(), expected[2:].mean()])
    assert outcome.video_metrics["accuracy"] == 1.0 and outcome.frame_metrics["n"] == 4


def normal_scores(labels, skill, rng):
    odds = rng.normal(np.where(labels, skill, -skill), 1.0)
    return Scores(1 / (1 + np.exp(-odds)), labels)


def test_verdicts_are_given_only_where_few_of_them_would_be_wrong():
    rng = np.random.default_rng(5)
    labels = np.arange(4000) % 2
    scores = normal_scores(labels, 1.2, rng)
    ends = decided_ends(scores, 0.5, 0.05)
    low, high = ends["real_below"], ends["fake_from"]
    assert 0 < low <= 0.5 <= high < 1
    called_real, called_fake = labels[scores.p_fake < low], labels[scores.p_fake >= high]
    assert 0.03 < called_real.mean() <= 0.05
    assert 0.03 < 1 - called_fake.mean() <= 0.05
    assert ends["false_alarms"] == (scores.p_fake[labels == 0] >= high).mean() <= 0.05
    wider = decided_ends(scores, 0.5, 0.01)
    assert wider["real_below"] < low and wider["fake_from"] > high
    chance = Scores(rng.uniform(size=4000), labels)
    ends = decided_ends(chance, 0.5, 0.05)
    assert (chance.p_fake < ends["real_below"]).mean() < 0.02
    assert (chance.p_fake >= ends["fake_from"]).mean() < 0.02
    one_class = Scores(np.array([0.2, 0.4]), np.array([0, 0]))
    nothing = {"real_below": 0.0, "fake_from": 1.0, "false_alarms": None}
    assert decided_ends(one_class, 0.5, 0.05) == nothing


@pytest.mark.parametrize(
    "reals, fakes, says_real, says_fake",
    [(500, 48, False, True), (500, 49, True, True), (51, 500, True, False), (52, 500, True, True)],
)
def test_few_videos_decide_nothing_however_well_they_are_told_apart(
    reals, fakes, says_real, says_fake
):
    # Of 52 none is wrong: at most 1.645^2 / (52 + 1.645^2) = 4.9 % are, with 95 % confidence; and
    # of verdicts REAL 5 % are wrong where 5.26 % of the fakes get one and all reals do.
    labels = np.repeat([0, 1], [reals, fakes])
    ends = decided_ends(Scores(np.where(labels, 0.9, 0.1), labels), 0.5, 0.05)
    assert (ends["real_below"] > 0, ends["fake_from"] < 1) == (says_real, says_fake)


def test_called_fake_too_often_is_held_to_on_fresh_videos_most_of_the_time():
    rng, too_many = np.random.default_rng(6), 0
    many = normal_scores(np.zeros(100_000, int), 1.2, rng).p_fake
    for _ in range(100):
        ends = decided_ends(normal_scores(np.arange(400) % 2, 1.2, rng), 0.5, 0.05)
        too_many += (many >= ends["fake_from"]).mean() > 0.05
    assert too_many <= 10  # of a hundred; without intervals it would be thirty


def test_verdicts_hold_for_each_method_and_each_group_of_reals():
    rng = np.random.default_rng(7)
    labels, hard = np.arange(8000) % 2, np.arange(8000) % 8 < 2
    scores = normal_scores(labels, np.where(hard, 0.4, 2.0), rng)
    together = decided_ends(scores, 0.5, 0.05)
    named = Scores(scores.p_fake, labels, np.where(hard, "hard", "easy"))
    apart = decided_ends(named, 0.5, 0.05)
    assert apart["real_below"] < together["real_below"] - 0.02
    assert apart["fake_from"] > together["fake_from"] + 0.02
    for ends, holds in ((together, False), (apart, True)):
        false_alarms = (scores.p_fake[hard & (labels == 0)] >= ends["fake_from"]).mean()
        assert (false_alarms <= 0.05) == holds
    rare = np.where(np.arange(8000) < 80, "rare", "other")  # 40 of each class: too few
    assert decided_ends(Scores(scores.p_fake, labels, rare), 0.5, 0.05)["fake_from"] < 1


def test_the_way_of_joining_frames_that_tells_videos_apart_best_is_chosen():
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(200), 5)
    labels = (numbers % 2).astype(int)
    alike = Scores(np.clip(0.3 + 0.4 * labels + rng.normal(0, 0.1, 1000), 0.01, 0.99), labels)
    assert calibrate(alike, numbers, 0.05).voting == "mean"  # all tell them apart: no reason
    # Frames on the right side are certain, up to four on the wrong one are not.
    sides, first = np.where(labels == 1, 1.0, -1.0), np.arange(1000) % 5 == 0
    is_wrong = np.arange(1000) % 5 < np.repeat(rng.integers(0, 5, 200), 5)
    p_fake = 1 / (1 + np.exp(-np.where(is_wrong, -3 * sides, 15 * sides)))
    chosen = calibrate(Scores(p_fake, labels), numbers, 0.05)
    assert chosen.voting == "log-odds"
    assert chosen.voting_auc["log-odds"] == 1.0 > chosen.voting_auc["mean"] + 0.01
    # Four lean to the right side, and one is certain of the wrong one: reported, not chosen.
    odds = np.where(first, -9 * sides, 0.6 * sides) + rng.normal(0, 0.3, 1000)
    p_fake = 1 / (1 + np.exp(-odds))
    chosen = calibrate(Scores(p_fake, labels), numbers, 0.05)
    assert chosen.voting != "majority"
    assert chosen.voting_auc["majority"] > 0.95 > chosen.voting_auc["log-odds"]
    by_hand = by_video(Scores(p_fake, labels), numbers, "majority").p_fake
    assert by_hand == pytest.approx((p_fake.reshape(200, 5) >= 0.5).mean(axis=1))


def test_less_is_decided_about_faces_on_which_validation_was_worse():
    rng = np.random.default_rng(1)
    labels = np.arange(4000) % 2
    sharpness = rng.uniform(0, 100, 4000)
    skill = np.where(sharpness < 25, 0.2, 2.0)  # blurred faces are next to guessing
    odds = rng.normal(np.where(labels, skill, -skill), 1.0)
    scores, numbers = Scores(1 / (1 + np.exp(-odds)), labels), np.arange(4000)
    known = calibrate(scores, numbers, 0.05)
    rows = calibrate_by_sharpness(known, scores, numbers, sharpness).by_sharpness
    assert [row["below"] is None for row in rows] == [False, False, False, True]
    assert rows[0]["below"] == pytest.approx(25, abs=2)
    blurred, sharp = rows[0], rows[3]
    assert blurred["fake_from"] > sharp["fake_from"] + 0.05
    assert blurred["real_below"] < sharp["real_below"] - 0.05
    for row in rows:  # never more than all together
        assert row["fake_from"] >= known.fake_from and row["real_below"] <= known.real_below
        assert row["false_alarms"] <= 0.05
    few = Scores(scores.p_fake[:100], labels[:100])
    assert not calibrate_by_sharpness(known, few, numbers[:100], sharpness[:100]).by_sharpness
