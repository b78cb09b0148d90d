"""How much scores weigh, and from where they decide: made-up scores whose ratio is known."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from scoring.calibration import Evidence, Outcome, calibrate, choose_marks, fit_likelihood
from scoring.likelihood import Likelihood, log_odds, ratio_of, ratio_text, side, support
from scoring.metrics import Scores
from scoring.verdict import describe_marks, known_marks
from utils.config import FAKE, REAL


def made(records, frames=1, strength=2.0, shared=1.0, scale=1.0, seed=0, **about) -> Evidence:
    """Scores of records, half of them fake, whose log-likelihood-ratio is their log-odds / scale.

    shared: how much of the chance in a score all frames of a record have in common.
    """
    rng = np.random.default_rng(seed)
    labels, numbers = np.arange(records) % 2, np.repeat(np.arange(records), frames)
    own = np.where(labels, 1, -1) * strength / 2 + rng.normal(
        0, (strength * shared) ** 0.5, records
    )
    odds = own[numbers] + rng.normal(0, (strength * (1 - shared)) ** 0.5, len(numbers))
    about = {"sources": np.full(records, "a"), "harms": np.full(records, "")} | about
    sharpness = about.pop("sharpness", np.full(len(numbers), 100.0))
    return Evidence(1 / (1 + np.exp(-odds * scale)), sharpness, numbers, labels, **about)


def fitted(evidence) -> Likelihood:
    return fit_likelihood(*evidence.seen())


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_a_known_ratio_is_recovered_whatever_the_networks_scale(scale):
    found = fitted(made(4000, scale=scale))
    for log_ratio in (-3.0, -1.0, 0.0, 2.0, 4.0):
        p_fake = 1 / (1 + np.exp(-log_ratio * scale))
        assert log_odds(found.of_frames(p_fake)) == pytest.approx(log_ratio, abs=0.3)


def test_it_is_recovered_from_one_class_in_ten_too():
    many = made(8000)
    rare = (many.labels == REAL) | (np.arange(8000) % 20 == 1)
    kept = np.flatnonzero(rare)
    names = ("labels", "sources", "harms")
    about = {name: getattr(many, name)[kept] for name in names}
    few = replace(many, numbers=np.arange(len(kept)), p_fake=many.p_fake[kept], **about)
    found = fitted(replace(few, sharpness=many.sharpness[kept]))
    assert log_odds(found.of_frames(0.5)) == pytest.approx(0, abs=0.15)
    assert found.slope == pytest.approx(1, abs=0.15)


def test_a_source_with_many_records_counts_as_one_with_few():
    """The large source's scores are moved up by 2, so that a 0 of the small one weighs more."""
    base = made(2000)
    large = np.arange(2000) >= 200
    odds = log_odds(base.p_fake)
    moved = replace(base, p_fake=1 / (1 + np.exp(-odds - 2 * large)))
    named = replace(moved, sources=np.where(large, "large", "small"))
    middle, alike = (-fitted(each).offset / fitted(each).slope for each in (moved, named))
    assert middle == pytest.approx(1.8, abs=0.2) and alike == pytest.approx(1.0, abs=0.2)
    rare = replace(moved, sources=np.where(np.arange(2000) < 8, "rare", "other"))  # 4 of each class
    assert -fitted(rare).offset / fitted(rare).slope == pytest.approx(middle, abs=0.8)


def test_scores_that_tell_nothing_or_the_contrary_have_a_ratio_of_one():
    base = made(3000)
    rng = np.random.default_rng(1)
    by_chance = fitted(replace(base, p_fake=rng.uniform(0.01, 0.99, 3000)))
    assert ratio_of(by_chance.of_frames(np.array([0.01, 0.99]))) == pytest.approx(1, abs=0.25)
    contrary = fitted(replace(base, p_fake=1 - base.p_fake))
    assert contrary.slope == 0
    assert contrary.of_frames(np.array([0.01, 0.5, 0.99])).tolist() == [0.5] * 3


def test_sharpness_alone_is_no_evidence_but_says_what_a_score_is_worth():
    base = made(4000)
    rng = np.random.default_rng(2)
    is_sharp = rng.uniform(size=4000) < np.where(base.labels, 0.1, 0.9)  # the reals are
    sharpness = np.where(is_sharp, 200.0, 20.0)
    alone = fitted(replace(base, sharpness=sharpness))
    assert ratio_of(alone.of_frames(0.5, np.array([20.0, 200.0]))) == pytest.approx(1, abs=0.25)
    # Blurred faces score 2 higher, real or fake: a high score of theirs weighs less.
    fair = rng.permutation(sharpness)
    moved = replace(base, p_fake=1 / (1 + np.exp(-log_odds(base.p_fake) - 2 * (fair < 100))))
    found = fitted(replace(moved, sharpness=fair))
    blurred, sharp = log_odds(found.of_frames(0.7, np.array([20.0, 200.0])))
    assert sharp - blurred == pytest.approx(2, abs=0.3)
    assert found.of_frames(0.7, 1e6) == found.of_frames(0.7, 200.0)  # nobody saw sharper ones
    assert found.of_frames(0.7, np.nan) == found.of_frames(0.7)


@pytest.mark.parametrize("shared, more", [(1.0, 1.0), (0.5, 1.6)])
def test_how_much_less_fewer_frames_weigh_is_learned(shared, more):
    """The ratio of ten frames that score alike, over that of one: with frames that are copies the
    same, else the more the less they share."""
    found = fitted(made(3000, frames=10, shared=shared))
    one = found.of_frames(np.array([0.7]))
    logs = [log_odds(found.of_videos(np.repeat(one, n), np.zeros(n)))[0] for n in (1, 2, 5, 10)]
    assert logs == sorted(logs) and logs[0] == pytest.approx(log_odds(one)[0])
    assert logs[3] / logs[0] == pytest.approx(more, abs=0.3)


def test_the_ratio_rises_with_every_score_and_stays_within_its_bounds():
    found = replace(fitted(made(400, frames=4, shared=0.5)), low=1 / 20, high=20.0)
    frames = found.of_frames(np.linspace(0, 1, 101))
    ratios = ratio_of(frames)
    assert (np.diff(ratios) >= 0).all() and len(np.unique(ratios)) > 30
    assert ratios[[0, -1]] == pytest.approx([1 / 20, 20])
    videos = found.of_videos(np.repeat(frames, 3), np.repeat(np.arange(101), 3))
    assert (np.diff(videos) >= 0).all() and ratio_of(videos[-1]) == pytest.approx(20)


def test_few_videos_bound_the_ratio_by_the_rule_of_three():
    few = calibrate(made(60)).likelihood
    assert (few.low, few.high) == (pytest.approx(0.1), pytest.approx(10))
    assert ratio_of(few.of_frames(1.0)) == pytest.approx(10)
    tiny = calibrate(made(4)).likelihood
    assert (tiny.low, tiny.high) == (1, 1)  # of two videos one learns nothing
    # Single pictures do not count beside enough videos, nor do blends beside enough fakes.
    pictures = made(1000)
    videos = np.flatnonzero(np.arange(1000) < 50)
    numbers = np.append(pictures.numbers, videos)
    both = replace(
        pictures,
        p_fake=np.append(pictures.p_fake, pictures.p_fake[videos]),
        sharpness=np.append(pictures.sharpness, pictures.sharpness[videos]),
        numbers=numbers,
    )
    assert (fitted(both).reals, fitted(both).fakes) == (25, 25)
    blended = np.where((pictures.labels == FAKE) & (np.arange(1000) % 4 == 1), "blended", "a")
    some = made(1000, frames=2, sources=blended)
    assert (fitted(some).reals, fitted(some).fakes) == (500, 250)


def ratios_by(evidence, marks):
    known, _ = evidence.seen()
    raw = Scores(known.p_fake, known.labels[known.numbers])
    return ratio_of(Outcome(raw, known.numbers, marks, known.sharpness).videos.p_fake)


def test_marks_hold_on_the_whole_and_for_each_source_harm_and_kind():
    count = 4000
    rng = np.random.default_rng(3)
    sources = np.array(["easy", "hard"])[rng.integers(0, 2, count)]
    harms = np.where(np.arange(count) < 2000, "", np.where(rng.uniform(size=count) < 0.5, "x", "y"))
    base = made(count, strength=3.0, sources=sources, harms=harms)
    worse = 1.2 * (sources == "hard") + 0.8 * (harms == "y")  # reals score higher, fakes lower
    odds = log_odds(base.p_fake) + np.where(base.labels, -worse, worse)
    evidence = replace(base, p_fake=1 / (1 + np.exp(-odds)))
    marks = calibrate(evidence)
    ratios, reals = ratios_by(evidence, marks), base.labels == REAL
    assert 2 < marks.fake_from < 100 and 0.005 < marks.real_below < 0.5
    shares = {}
    for name in ("easy", "hard", "", "x", "y"):
        part = (sources == name) | (harms == name)
        shares[name] = (ratios[part & reals] >= marks.fake_from).mean()
    assert max(shares.values()) <= 0.03 < 0.05 > shares["easy"] and shares["hard"] > 0.02
    kinds = [(ratios[(sources == k) & ~reals] < marks.real_below).mean() for k in ("easy", "hard")]
    assert kinds[0] < 0.03 < 0.045 < kinds[1] <= 0.05
    assert marks.false_alarms[0] == pytest.approx((ratios[reals] >= marks.fake_from).mean())
    assert marks.missed[0] == pytest.approx((ratios[~reals] < marks.real_below).mean())
    assert marks.false_alarms[1] < marks.false_alarms[0] < marks.false_alarms[2] < 0.03
    alike = {"sources": np.full(count, "a"), "harms": np.full(count, "")}
    together = calibrate(replace(evidence, **alike))
    assert together.fake_from < marks.fake_from and together.real_below > marks.real_below


def test_where_a_kind_cannot_be_told_from_reals_nothing_is_called_real():
    count = 2000
    base = made(count, strength=6.0)
    unseen = (base.labels == FAKE) & (np.arange(count) % 40 == 1)  # 50 that score as reals do
    p_fake = np.where(unseen, np.roll(base.p_fake, 1), base.p_fake)
    kinds = replace(base, p_fake=p_fake, sources=np.where(unseen, "reenacted", "swapped"))
    assert calibrate(base).real_below > 0.1 and calibrate(base).cleared[0] > 0.8
    marks = calibrate(kinds)
    assert marks.real_below == marks.cleared[0] == marks.missed[0] == 0.0
    assert marks.fake_from < 10 and 0.65 < marks.found[0] < 0.75
    assert any(line.startswith("no verdict REAL") for line in describe_marks(marks))
    few = np.where(np.cumsum(unseen) > 14, "swapped", kinds.sources)  # of 14 nobody learns anything
    assert calibrate(replace(kinds, sources=few)).real_below > 0


@pytest.mark.parametrize(
    "videos, says_fake, says_real", [(38, False, False), (66, False, True), (68, True, True)]
)
def test_too_few_videos_give_no_verdict(videos, says_fake, says_real):
    """Of fewer than 34 reals no share is 3 %, of fewer than 20 fakes none is 5 %."""
    marks = calibrate(made(videos, strength=12.0))
    assert (marks.fake_from is not None, marks.real_below > 0) == (says_fake, says_real)


def test_one_class_alone_teaches_nothing():
    base = made(200)
    marks = calibrate(replace(base, labels=np.zeros(200, int)))
    assert marks.fake_from is None and marks.real_below == 0 and marks.false_alarms is None
    assert marks.likelihood.of_frames(0.99) == 0.5 and len(describe_marks(marks)) == 3


def test_marks_come_back_from_the_plain_values_that_files_hold():
    marks = calibrate(made(300, frames=2))
    assert known_marks(asdict(marks)) == marks
    assert {type(value) for value in asdict(marks.likelihood).values()} == {float, int, tuple}


def test_ratios_have_words_and_two_figures():
    words = {1: "no", 1.9: "no", 2: "weak", 9.9: "weak", 10: "moderate", 100: "moderately strong"}
    words |= {1000: "strong", 10_000: "very strong", 2e6: "extremely strong"}
    for ratio, word in words.items():
        assert support(ratio) == support(1 / ratio) == f"{word} support"
    assert (side(2.0), side(0.5), side(1.5)) == ("FAKE", "REAL", None)
    texts = {1: "1", 4.21: "4.2", 9.96: "10", 35.4: "35", 1234: "1,200", 0.2: "1/5", 1 / 35: "1/35"}
    assert {ratio: ratio_text(ratio) for ratio in texts} == texts


def test_videos_called_fake_as_they_are_are_not_hidden_by_their_harmed_twins():
    """Of 60 real videos four score as fakes do, of their twins made worse none."""
    odds = np.concatenate([np.full(56, -2.0), [1.5, 2.0, 2.5, 3.0], np.full(60, -3.0)])
    odds = np.concatenate([odds, np.full(600, -2.0), np.full(60, 4.0)])
    labels = np.repeat([0, 1], [720, 60])
    harms = np.array([""] * 60 + ["blur"] * 60 + [""] * 660)
    counts = np.repeat([3, 1, 3], [120, 600, 60])
    known = Evidence(odds, odds, np.arange(780), labels, np.full(780, "web"), harms)
    marks = choose_marks(Likelihood(), 1 / (1 + np.exp(-odds)), known, counts)
    assert marks.fake_from is not None
    assert (odds[:60] >= np.log(marks.fake_from)).sum() == 1  # 3 % of 60, and not of 120
