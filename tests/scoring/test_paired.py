"""Fakes above their own real footage: the measure that pages and cameras cannot raise."""

import numpy as np
import pytest

from datasets.partners import pair_of
from scoring.calibration import Outcome
from scoring.intervals import figures, measured
from scoring.metrics import Scores, above_own, by_video, paired
from utils.config import FAKE, REAL

PAIRS = np.array(["a", "a", "a", "b", "b", "b", "", "c", ""])
LABELS = np.array([REAL, FAKE, FAKE, REAL, REAL, FAKE, FAKE, FAKE, REAL])
SCORES = np.array([0.5, 0.6, 0.4, 0.2, 0.8, 0.8, 0.9, 0.9, 0.95])


def test_a_fake_counts_by_the_share_of_its_own_footage_that_it_scores_above():
    numbers, shares, _ = above_own(Scores(SCORES, LABELS, pairs=PAIRS))
    assert numbers.tolist() == [1, 2, 5]  # the others have no real footage here
    assert shares.tolist() == [1.0, 0.0, 0.75]  # a tie is a half
    found = paired(Scores(SCORES, LABELS, pairs=PAIRS))
    assert (found["share"], found["n"]) == (pytest.approx(7 / 12), 3)


def test_the_shift_is_the_distance_in_log_odds_over_its_deviation():
    def sigmoid(x):
        return 1 / (1 + np.exp(-np.asarray(x, float)))

    pairs, labels = np.array(["a", "a", "a", "b", "b", ""]), np.array([0, 0, 1, 0, 1, 1])
    # Fakes at 4 with their own at 1 and 3, and at 1 with their own at 0: distances 2 and 1.
    scores = Scores(sigmoid([1, 3, 4, 0, 1, 9]), labels, pairs=pairs)
    assert above_own(scores)[2] == pytest.approx([2, 1])
    assert paired(scores)["shift"] == pytest.approx(1.5 / 0.5)
    one = scores.of(pairs == "a")
    assert paired(one) == {"share": 1.0, "shift": None, "n": 1}


def test_where_nobody_knows_of_pairs_there_is_no_share():
    nothing = {"share": None, "shift": None, "n": 0}
    assert paired(Scores(SCORES, LABELS)) == nothing
    nobody = Scores(SCORES, LABELS, pairs=np.full(9, ""))
    assert paired(nobody) == nothing
    assert measured(nobody, np.arange(9))["paired"]["interval"] is None


def test_origin_alone_raises_auc_and_not_the_paired_share():
    rng = np.random.default_rng(0)
    pages = rng.normal(0, 1, 200)  # what footage and its fake have in common
    other = rng.normal(-3, 1, 200)  # reals of other origin score lower
    p_fake = 1 / (1 + np.exp(-np.concatenate([pages, pages + rng.normal(0, 0.1, 200), other])))
    labels = np.repeat([REAL, FAKE, REAL], 200)
    pairs = np.array([str(n) for n in range(200)] * 2 + [""] * 200)
    found = measured(Scores(p_fake, labels, pairs=pairs), np.tile(np.arange(200), 3))
    assert found["auc"] > 0.7
    low, high = found["paired"]["interval"]
    assert low < 0.5 < high and found["paired"]["n"] == 200
    assert high - low < 0.2


def test_pairs_go_along_when_frames_are_joined_to_videos():
    frames = Scores(np.array([0.2, 0.4, 0.9]), np.array([0, 0, 1]), pairs=np.array(["p"] * 3))
    videos = by_video(frames, np.array([4, 4, 7]))
    assert videos.pairs.tolist() == ["p", "p"] and paired(videos) == {
        "share": 1.0,
        "shift": None,
        "n": 1,
    }


def test_an_evaluation_has_the_share_by_video_and_by_frame():
    # The real's frames at 0.1 and 0.6, the fake's at 0.5 and 0.9: by frame three of four.
    raw = Scores(np.array([0.1, 0.6, 0.5, 0.9]), np.array([0, 0, 1, 1]), pairs=np.array(["p"] * 4))
    found = figures(Outcome(raw, np.array([0, 0, 1, 1])), np.arange(2))
    assert found["video"]["paired"]["share"] == 1.0
    assert found["frame"]["paired"]["share"] == 0.75 and found["frame"]["paired"]["n"] == 2


@pytest.mark.parametrize(
    "dataset, real, fake",
    [
        ("faceforensics", "original/004.mp4", "Deepfakes/004_982.mp4"),
        ("celebdf", "Celeb-real/id3_0009.mp4", "Celeb-synthesis/id3_id20_0009.mp4"),
        ("dfd", "actors/24__walking.mp4", "DeepFakeDetection/24_11__walking__ABCDEFGH.mp4"),
    ],
)
def test_names_tell_whose_footage_a_fake_shows(dataset, real, fake):
    records = [
        {"id": f"{dataset}/{name}", "dataset": dataset, "label": label}
        for name, label in ((real, REAL), (fake, FAKE))
    ]
    assert pair_of(records[0]) == pair_of(records[1]) is not None
    other = records[1] | {"id": records[1]["id"].replace("4", "5").replace("3", "6")}
    assert pair_of(other) != pair_of(records[0])


def test_a_table_tells_pairs_of_one_source_and_unknown_fakes_have_none():
    one = {"id": "x/1", "dataset": "faces", "source": "s", "label": FAKE, "pair": "p"}
    assert pair_of(one) == pair_of(one | {"id": "x/2", "label": REAL})
    assert pair_of(one) != pair_of(one | {"source": "t"})
    assert pair_of(one | {"pair": None}) is None
