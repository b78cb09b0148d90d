"""From frame scores to a verdict that may be INCONCLUSIVE."""

import numpy as np
import pytest

from scoring.likelihood import Likelihood, probability
from scoring.temporal import consistency, drift, fake_runs, neighbour_agreement
from scoring.verdict import FAKE, INCONCLUSIVE, NO_TRACE, REAL, Marks, judge, most_suspicious

AS_THEY_ARE = Marks(real_below=0.5, fake_from=2.0)


def judged(scores, marks=AS_THEY_ARE, **options):
    return judge(scores, marks, **options)


def mean_of(scores):
    """The probability half way along the log-odds."""
    return probability(np.mean(np.log(np.array(scores) / (1 - np.array(scores)))))


def test_clear_scores_give_clear_verdicts():
    fake = judged([0.9, 0.8, 0.95, 0.85])
    assert (fake.outcome, fake.fake_votes, fake.real_votes) == (FAKE, 4, 0)
    assert fake.confidence == fake.p_fake == pytest.approx(mean_of([0.9, 0.8, 0.95, 0.85]))
    assert fake.likelihood_ratio == pytest.approx(fake.p_fake / (1 - fake.p_fake))
    assert fake.reasons == () and fake.title == "DEEPFAKE DETECTED"
    real = judged([0.1, 0.2, 0.05, None])
    assert (real.outcome, real.fake_votes, real.real_votes) == (REAL, 0, 3)
    assert real.confidence == pytest.approx(1 - mean_of([0.1, 0.2, 0.05]))


def test_the_votes_that_mislead_the_reference_are_inconclusive():
    # Its majority said FAKE at 70 % here, though the others are sure of the contrary ...
    barely_fake = judged([0.51] * 6 + [0.01] * 4)
    assert barely_fake.outcome == INCONCLUSIVE and barely_fake.p_fake < 0.2
    assert barely_fake.reasons == ("frames disagree (6 vote FAKE, 4 vote REAL)",)
    # ... and REAL at 75 % here, though half of the frames are certain fakes.
    assert judged([0.99] * 5 + [0.49] * 5).outcome == INCONCLUSIVE


def test_each_weakness_is_named():
    none = judged([None, None])
    assert none.outcome == INCONCLUSIVE and none.reasons == ("no face found in any sampled frame",)
    assert none.p_fake is none.confidence is none.agreement is none.likelihood_ratio is None
    few = judged([0.99, 0.99, None])
    assert few.reasons == ("too few usable frames (2 with a face, 3 needed)",)
    near = judged([0.55, 0.56, 0.57])
    assert len(near.reasons) == 1 and near.reasons[0].startswith("leans to neither side: such")
    assert {few.outcome, near.outcome} == {INCONCLUSIVE}
    assert few.confidence is near.confidence is None
    assert len(judged([0.51, 0.49]).reasons) == 3


def test_an_image_is_judged_on_its_one_frame():
    assert judged([0.95], is_image=True).outcome == FAKE
    assert judged([0.95]).outcome == INCONCLUSIVE
    assert judged([None], is_image=True).reasons == ("no face found",)


def test_a_caveat_forbids_a_verdict_and_a_weight():
    verdict = judged([0.9] * 5, caveat="not measured")
    assert verdict.outcome == INCONCLUSIVE and verdict.reasons == ("not measured",)
    assert verdict.likelihood_ratio is verdict.weight is None and verdict.title == INCONCLUSIVE
    assert verdict.p_fake == pytest.approx(0.9)


def test_between_the_marks_a_verdict_leans_and_says_how_far():
    wide = Marks(real_below=0.1, fake_from=10.0)
    for ratio, outcome in ((10.1, FAKE), (9.9, INCONCLUSIVE), (0.101, INCONCLUSIVE), (0.099, REAL)):
        assert judged([ratio / (1 + ratio)] * 4, wide).outcome == outcome
    fake = judged([0.8] * 4, wide)
    text = "leans FAKE: such scores are 4 times as frequent on fakes (weak support)"
    assert fake.reasons == (text,) and fake.title == "INCONCLUSIVE, LEANS FAKE"
    assert fake.weight == "4 (weak support for FAKE)"
    real = judged([0.2] * 4, wide)
    text = "leans REAL: such scores are 4 times as frequent on real videos (weak support)"
    assert real.reasons == (text,) and real.weight == "1/4 (weak support for REAL)"


def test_without_a_mark_there_is_no_such_verdict():
    never = Marks()
    for score in (1e-6, 0.5, 1 - 1e-6):
        assert judged([score] * 4, never).outcome == INCONCLUSIVE
    assert timed([0.001] * 4 + [0.999] * 4, marks=never).outcome == INCONCLUSIVE
    sure = judged([0.01] * 4, Marks(fake_from=3.0))
    assert sure.reasons[1] == NO_TRACE and sure.title == "INCONCLUSIVE, LEANS REAL"
    assert NO_TRACE not in judged([0.01] * 4, Marks(real_below=0.001)).reasons
    assert NO_TRACE not in judged([0.4] * 4, Marks(fake_from=3.0)).reasons


def test_fewer_frames_weigh_less_in_the_verdict():
    marks = Marks(Likelihood(frames=4.0), real_below=0.1, fake_from=8.0)
    frame = 0.7  # a ratio of 2.3
    ratios = [judged([frame] * n, marks).likelihood_ratio for n in (1, 3, 10, 1000)]
    assert ratios == sorted(ratios) and ratios[0] == pytest.approx(0.7 / 0.3)
    assert ratios[3] == pytest.approx((0.7 / 0.3) ** 5, rel=0.05)
    assert [judged([frame] * n, marks).outcome for n in (3, 10)] == [INCONCLUSIVE, FAKE]


def test_the_edge_of_agreement_counts_as_clear():
    assert judged([0.9] * 7 + [0.4] * 3).outcome == FAKE


def test_consistency_is_closeness_to_the_mean():
    assert consistency([0.5, 0.5]) == [1.0, 1.0]
    assert consistency([1.0, 0.0]) == [0.5, 0.5]


def timed(scores, **options):
    return judged(scores, seconds=[float(n) for n in range(len(scores))], **options)


def test_a_part_in_a_row_makes_a_video_fake_for_these_seconds():
    half = [0.05] * 5 + [0.97, 0.95, 0.96, 0.94] + [0.05]
    assert judged(half).outcome == INCONCLUSIVE  # without times there are no parts
    verdict = timed(half)
    assert verdict.outcome == FAKE and verdict.span == (5.0, 8.0) and verdict.reasons == ()
    assert verdict.confidence == pytest.approx(mean_of(half[5:9]))
    assert verdict.likelihood_ratio == pytest.approx(22, abs=1)
    assert verdict.p_fake == pytest.approx(mean_of(half))
    # Frames without the face do not end the part; a real one does.
    assert timed([0.05] * 4 + [0.97, None, 0.95, 0.96] + [0.05] * 2).span == (4.0, 7.0)
    assert timed([0.05] * 5 + [0.97, 0.05, 0.96, 0.94] + [0.05]).outcome != FAKE


def test_a_part_must_be_long_and_clear_enough():
    assert timed([0.05] * 8 + [0.97, 0.97]).outcome == REAL  # two frames are chance
    twelve_of_forty = [0.05] * 28 + [0.97] * 12
    assert timed(twelve_of_forty).span == (28.0, 39.0)
    assert timed([0.05] * 29 + [0.97] * 11).span is None
    assert (
        timed([0.05] * 6 + [0.65] * 4, marks=Marks(real_below=0.4, fake_from=4.0)).outcome != FAKE
    )
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
    assert most_suspicious([real, fake, unsure], False) == 1
    assert most_suspicious([real, unsure], False) == 1
    # Seen in one frame only, a face decides nothing ...
    assert most_suspicious([real, brief], False) == 0
    # ... unless there is none better, or the frame is all there is.
    assert most_suspicious([brief, judged([0.1, 0.1])], False) == 1
    images = [judge([p], AS_THEY_ARE, is_image=True) for p in (0.1, 0.9)]
    assert most_suspicious(images, True) == 1


def test_what_scores_do_over_time():
    scores = [0.9, 0.8, 0.1, None, 0.2, 0.7]
    runs = fake_runs(scores, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert [(run.frames, run.start, run.end) for run in runs] == [(2, 0.0, 1.0), (1, 5.0, 5.0)]
    assert runs[0].p_fake == pytest.approx(mean_of([0.9, 0.8]))
    assert fake_runs([0.1, None], [0.0, 1.0]) == []
    assert neighbour_agreement([0.9, 0.8, 0.1, 0.2]) == pytest.approx(2 / 3)
    assert neighbour_agreement([0.9]) is None
    assert drift([0.1, 0.2, 0.5, 0.7]) == pytest.approx(0.45) and drift([0.1, 0.9]) is None
