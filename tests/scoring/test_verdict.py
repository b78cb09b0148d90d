"""From frame scores to a verdict that may be INCONCLUSIVE."""

import pytest

from scoring.temporal import consistency, drift, fake_runs, neighbour_agreement
from scoring.verdict import (
    FAKE,
    INCONCLUSIVE,
    REAL,
    Marks,
    judge,
    most_suspicious,
    relative,
)
from utils.config import VerdictConfig

RULES = VerdictConfig(min_frames=3, band=0.1, min_agreement=0.7, min_run=0.3)


def judged(scores, threshold=0.5, measured=None, voting="mean", **options):
    marks = Marks(threshold, *(measured or (threshold, threshold)), voting=voting)
    return judge(scores, marks, RULES, **options)


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
    never = (0.0, 1.0)  # validation found no score from which, or below which, it was right
    assert {judged([p] * 4, measured=never).outcome for p in (0.0, 0.5, 1.0)} == {INCONCLUSIVE}
    assert timed([0.0] * 4 + [1.0] * 4, measured=never).outcome == INCONCLUSIVE
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


def test_a_checkpoint_says_how_frames_are_joined():
    # One frame of certainty weighs more in log-odds than in the mean.
    scores = [0.45] * 3 + [0.9999]
    assert judged(scores, voting="log-odds").p_fake > judged(scores).p_fake + 0.2
    assert judged([0.6] * 4, voting="majority").p_fake == 1.0


def timed(scores, **options):
    return judged(scores, seconds=[float(n) for n in range(len(scores))], **options)


def test_a_part_in_a_row_makes_a_video_fake_for_these_seconds():
    half = [0.05] * 5 + [0.97, 0.95, 0.96, 0.94] + [0.05]
    assert judged(half).outcome == INCONCLUSIVE  # without times there are no parts
    verdict = timed(half)
    assert verdict.outcome == FAKE and verdict.span == (5.0, 8.0) and verdict.reasons == ()
    assert verdict.confidence == pytest.approx(0.955)
    assert verdict.p_fake == pytest.approx(sum(half) / 10)
    # Frames without the face do not end the part; a real one does.
    assert timed([0.05] * 4 + [0.97, None, 0.95, 0.96] + [0.05] * 2).span == (4.0, 7.0)
    assert timed([0.05] * 5 + [0.97, 0.05, 0.96, 0.94] + [0.05]).outcome != FAKE


def test_a_part_must_be_long_and_clear_enough():
    assert timed([0.05] * 8 + [0.97, 0.97]).outcome == REAL  # two frames are chance
    twelve_of_forty = [0.05] * 28 + [0.97] * 12
    assert timed(twelve_of_forty).span == (28.0, 39.0)
    assert timed([0.05] * 29 + [0.97] * 11).span is None
    assert timed([0.05] * 6 + [0.65] * 4, measured=(0.3, 0.8)).outcome != FAKE
    whole = timed([0.97] * 5)
    assert whole.outcome == FAKE and whole.span is None
    assert timed([0.97] * 5, caveat="untrained").outcome == INCONCLUSIVE


def test_a_video_is_as_suspicious_as_its_most_suspicious_face():
    real, fake, unsure, brief = (
        judged([0.1] * 4),
        judged([0.9] * 4),
        judged([0.52] * 4),
        judged([0.99]),
    )
    assert most_suspicious([real, fake, unsure], RULES, False) == 1
    assert most_suspicious([real, unsure], RULES, False) == 1
    # Seen in one frame only, a face decides nothing ...
    assert most_suspicious([real, brief], RULES, False) == 0
    # ... unless there is none better, or the frame is all there is.
    assert most_suspicious([brief, judged([0.1, 0.1])], RULES, False) == 1
    images = [judge([p], Marks(), RULES, is_image=True) for p in (0.1, 0.9)]
    assert most_suspicious(images, RULES, True) == 1


def test_what_scores_do_over_time():
    scores = [0.9, 0.8, 0.1, None, 0.2, 0.7]
    runs = fake_runs(scores, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 0.5)
    assert [(run.frames, run.start, run.end) for run in runs] == [(2, 0.0, 1.0), (1, 5.0, 5.0)]
    assert runs[0].p_fake == pytest.approx(0.85)
    assert fake_runs([0.1, None], [0.0, 1.0], 0.5) == []
    assert neighbour_agreement([0.9, 0.8, 0.1, 0.2], 0.5) == pytest.approx(2 / 3)
    assert neighbour_agreement([0.9], 0.5) is None
    assert drift([0.1, 0.2, 0.5, 0.7]) == pytest.approx(0.45) and drift([0.1, 0.9]) is None
