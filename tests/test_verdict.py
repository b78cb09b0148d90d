"""From frame scores to a verdict that may be INCONCLUSIVE."""

import pytest

from utils.config import VerdictConfig
from utils.verdict import FAKE, INCONCLUSIVE, REAL, consistency, judge, relative

RULES = VerdictConfig(min_frames=3, band=0.1, min_agreement=0.7)


def judged(scores, threshold=0.5, **options):
    return judge(scores, threshold, RULES, **options)


def test_clear_scores_give_clear_verdicts():
    fake = judged([0.9, 0.8, 0.95, 0.85])
    assert (fake.outcome, fake.fake_votes, fake.real_votes) == (FAKE, 4, 0)
    assert fake.confidence == pytest.approx(0.875) and fake.reasons == ()
    real = judged([0.1, 0.2, 0.05, None])
    assert (real.outcome, real.fake_votes, real.real_votes) == (REAL, 0, 3)
    assert real.confidence == pytest.approx(1 - 0.35 / 3)


def test_the_votes_that_mislead_the_reference_are_inconclusive():
    # Its majority said FAKE at 70 % here, though the mean p_fake is 0.31 ...
    barely_fake = judged([0.51] * 6 + [0.01] * 4)
    assert barely_fake.outcome == INCONCLUSIVE
    assert barely_fake.p_fake == pytest.approx(0.31)
    assert barely_fake.reasons == ("frames disagree (6 vote FAKE, 4 vote REAL)",)
    # ... and REAL at 75 % here, though half of the frames are certain fakes.
    assert judged([0.99] * 5 + [0.49] * 5).outcome == INCONCLUSIVE


def test_each_weakness_is_named():
    none = judged([None, None])
    assert none.outcome == INCONCLUSIVE and none.reasons == ("no face found in any sampled frame",)
    assert none.p_fake is none.confidence is none.agreement is None
    few = judged([0.99, 0.99, None])
    assert few.reasons == ("too few usable frames (2 with a face, 3 needed)",)
    near = judged([0.55, 0.56, 0.57])
    assert len(near.reasons) == 1 and near.reasons[0].startswith("score not clear enough")
    assert {few.outcome, near.outcome} == {INCONCLUSIVE}
    assert few.confidence is near.confidence is None
    assert len(judged([0.51, 0.49]).reasons) == 3


def test_an_image_is_judged_on_its_one_frame():
    assert judged([0.95], is_image=True).outcome == FAKE
    assert judged([0.95]).outcome == INCONCLUSIVE
    assert judged([None], is_image=True).reasons == ("no face found",)


def test_a_caveat_forbids_a_verdict():
    verdict = judged([0.99] * 5, caveat="untrained")
    assert verdict.outcome == INCONCLUSIVE and verdict.reasons == ("untrained",)


def test_the_threshold_moves_votes_band_and_confidence():
    assert judged([0.6] * 4, threshold=0.8).outcome == REAL
    assert judged([0.82] * 4, threshold=0.8).outcome == INCONCLUSIVE
    assert judged([0.95] * 4, threshold=0.8).outcome == FAKE
    for threshold in (0.02, 0.5, 0.98):  # both verdicts are possible at any threshold
        fake, real = judged([0.999] * 4, threshold), judged([0.001] * 4, threshold)
        assert (fake.outcome, real.outcome) == (FAKE, REAL)
        assert fake.confidence > 0.9 and real.confidence > 0.9
    near = judged([0.19] * 4, threshold=0.05)
    assert near.outcome == FAKE and near.confidence == pytest.approx(0.817, abs=0.001)


def test_where_validation_was_too_often_wrong_nothing_is_decided():
    measured = (0.2, 0.7)
    assert judged([0.65] * 4).outcome == FAKE and judged([0.3] * 4).outcome == REAL
    for score, outcome in ((0.69, INCONCLUSIVE), (0.7, FAKE), (0.2, INCONCLUSIVE), (0.19, REAL)):
        assert judged([score] * 4, measured=measured).outcome == outcome
    (reason,) = judged([0.65] * 4, measured=measured).reasons
    assert "undecided from 0.200 to 0.700" in reason
    # It may widen the range around the threshold, not narrow it.
    assert judged([0.55] * 4, measured=(0.5, 0.5)).outcome == INCONCLUSIVE


def test_relative_puts_the_threshold_on_one_half():
    assert relative(0.3, 0.3) == pytest.approx(0.5)
    assert relative(0.7, 0.5) == pytest.approx(0.7)
    assert relative(relative(0.6, 0.2), 0.8) == pytest.approx(0.6)  # 1 - threshold undoes it
    assert (relative(0.0, 0.3), relative(1.0, 0.3)) == (0.0, 1.0)


def test_the_edge_of_the_band_and_of_agreement_count_as_clear():
    assert judged([0.75] * 4, threshold=0.5).outcome == FAKE
    seven_of_ten = [0.9] * 7 + [0.4] * 3
    assert judged(seven_of_ten).outcome == FAKE


def test_consistency_is_closeness_to_the_mean():
    assert consistency([0.5, 0.5]) == [1.0, 1.0]
    assert consistency([1.0, 0.0]) == [0.5, 0.5]
