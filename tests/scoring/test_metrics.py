"""Figures by frame and by video."""

import numpy as np
import pytest

from scoring.metrics import (
    Scores,
    best_calibrated,
    by_video,
    cllr,
    equal_error_rate,
    metrics,
    reliability,
)


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


def test_a_video_scores_the_mean_of_its_frames_log_odds():
    frames = Scores(np.array([0.2, 0.9, 0.5, 0.5]), np.array([0, 1, 0, 1]))
    videos = by_video(frames, np.array([5, 2, 5, 2]))
    assert videos.p_fake.tolist() == pytest.approx([0.75, 1 / 3])  # roots of the ratios 9 and 1/4
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


def test_cllr_of_cases_worked_by_hand():
    nothing = Scores(np.full(6, 0.5), np.array([0, 1] * 3))
    assert cllr(nothing) == pytest.approx(1)
    ratios = np.array([3.0, 1 / 3])  # log2(1 + 1/3) for the fake and for the real
    right = Scores(ratios / (1 + ratios), np.array([1, 0]))
    assert cllr(right) == pytest.approx(np.log2(4 / 3))
    wrong = Scores(right.p_fake, 1 - right.labels)
    assert cllr(wrong) == pytest.approx(2)  # log2(1 + 3)


def test_the_least_cllr_is_that_of_the_order_whatever_the_scale():
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 2
    odds = rng.normal(np.where(labels, 1, -1), np.sqrt(2))  # the log ratios themselves
    truth, boastful = (Scores(1 / (1 + np.exp(-k * odds)), labels) for k in (1, 5))
    least = cllr(best_calibrated(truth))
    assert cllr(best_calibrated(boastful)) == pytest.approx(least)
    assert least < cllr(truth) < least + 0.03 < 1 < cllr(boastful)
    assert metrics(boastful)["cllr_min"] == pytest.approx(least)
    assert reliability(truth)[1] < 0.03 < 0.1 < reliability(boastful)[1]
