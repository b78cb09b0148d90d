"""No person in two splits, whatever the graph of who is in which video."""

import json
import random
from collections import Counter

import numpy as np
import pytest

from utils.config import FAKE, REAL
from utils.splits import (
    QUOTAS,
    SplitError,
    connected_components,
    draw_training_videos,
    leaks_by_video,
    load_or_make_splits,
    make_splits,
)


def video(name: str, label: int, *identities: str) -> dict:
    return {"id": name, "label": label, "identities": list(identities)}


def faceforensics(originals: int = 1000, methods: int = 5) -> list[dict]:
    """The name structure of FF++: every original is paired with one other, in both directions."""
    videos = [video(f"o{n}", REAL, f"ff:{n}") for n in range(originals)]
    for method in range(methods):
        for n in range(originals):
            videos.append(video(f"m{method}/{n}", FAKE, f"ff:{n}", f"ff:{n ^ 1}"))
    return videos


def celeb_df() -> list[dict]:
    """The name structure of Celeb-DF: 59 people all swapped with each other, 300 strangers."""
    videos = [video(f"real{n}", REAL, f"celeb:id{n % 59}") for n in range(590)]
    for n in range(5639):
        videos.append(video(f"fake{n}", FAKE, f"celeb:id{n % 59}", f"celeb:id{n // 59 % 59}"))
    return videos + [video(f"yt{n}", REAL, f"celeb:youtube-{n}") for n in range(300)]


def people(videos: list[dict]) -> set[str]:
    return {name for video in videos for name in video["identities"]}


def assert_sound(videos: list[dict], splits: dict[str, list[str]]) -> None:
    by_id = {video["id"]: video for video in videos}
    members = {name: [by_id[i] for i in ids] for name, ids in splits.items()}
    assert Counter(i for ids in splits.values() for i in ids) == Counter(list(by_id))
    seen = [people(part) for part in members.values()]
    assert len(set.union(*seen)) == sum(map(len, seen))
    for part in members.values():
        assert {video["label"] for video in part} == {REAL, FAKE}


@pytest.mark.parametrize("seed", range(40))
def test_no_identity_is_in_two_splits_of_random_graphs(seed):
    rng = random.Random(seed)
    n_people = rng.randint(30, 120)
    names = [f"p{n}" for n in range(n_people)]
    videos = [video(f"r{n}", REAL, rng.choice(names)) for n in range(200)]
    for n in range(rng.randint(1, n_people // 2)):
        videos.append(video(f"f{n}", FAKE, *rng.sample(names, rng.randint(1, 3))))
    try:
        splits = make_splits(videos, seed)
    except SplitError:
        assert len(connected_components(videos)) < n_people  # one class in too few components
        return
    assert_sound(videos, splits)


def test_faceforensics_splits_by_pairs_close_to_the_quotas():
    videos = faceforensics()
    assert len(connected_components(videos)) == 500
    splits = make_splits(videos, 42)
    assert_sound(videos, splits)
    for name, quota in QUOTAS.items():
        assert len(splits[name]) / len(videos) == pytest.approx(quota, abs=0.005)


def test_celeb_df_beside_faceforensics_splits_soundly():
    videos = faceforensics() + celeb_df()
    splits = make_splits(videos, 42)
    assert_sound(videos, splits)
    for name, quota in QUOTAS.items():
        assert len(splits[name]) / len(videos) == pytest.approx(quota, abs=0.01)


def test_splits_depend_on_the_seed_and_on_nothing_else():
    videos = faceforensics(100)
    assert make_splits(videos, 1) == make_splits(videos, 1)
    assert make_splits(videos, 1) != make_splits(videos, 2)


def test_too_few_people_are_refused_with_the_reason():
    with pytest.raises(SplitError, match="would lack real or fake"):
        make_splits(faceforensics(4), 0)
    with pytest.raises(SplitError, match="extract more videos"):
        make_splits([], 0)


def test_splitting_by_video_would_leak_nearly_every_test_video():
    assert leaks_by_video(faceforensics(), 42) > 0.95
    strangers = [video(f"r{n}", REAL, f"p{n}") for n in range(100)]
    assert leaks_by_video(strangers, 42) == 0


def test_stored_splits_are_used_again_and_stale_ones_refused(tmp_path):
    videos, path = faceforensics(20), tmp_path / "splits.json"
    first = load_or_make_splits(path, videos, 1)
    stored = path.read_bytes()
    assert load_or_make_splits(path, videos, 2) == first  # the file wins over the seed
    assert path.read_bytes() == stored
    with pytest.raises(SplitError, match=r"splits.json was made for another registry: delete it"):
        load_or_make_splits(path, faceforensics(22), 1)
    content = json.loads(stored)
    content["splits"]["test"].append(content["splits"]["train"][0])
    path.write_text(json.dumps(content))
    with pytest.raises(SplitError, match="a person in two splits"):
        load_or_make_splits(path, videos, 1)
    content["splits"]["test"][-1] = "nobody"
    path.write_text(json.dumps(content))
    with pytest.raises(SplitError, match="damaged"):
        load_or_make_splits(path, videos, 1)
    path.write_text("{}")
    with pytest.raises(SplitError, match="damaged"):
        load_or_make_splits(path, videos, 1)


def test_the_training_draw_is_seventy_thirty_and_keeps_every_real_video():
    videos = faceforensics(100)
    drawn = draw_training_videos(videos, 0.7, np.random.default_rng(0))
    labels = Counter(video["label"] for video in drawn)
    assert labels == {REAL: 100, FAKE: 233}
    assert len({video["id"] for video in drawn}) == len(drawn)
    again = draw_training_videos(videos, 0.7, np.random.default_rng(1))
    assert [v["id"] for v in again] != [v["id"] for v in drawn]


def test_where_fakes_are_short_all_are_drawn():
    videos = [video(f"r{n}", REAL, f"p{n}") for n in range(10)] + [video("f", FAKE, "p0")]
    assert len(draw_training_videos(videos, 0.7, np.random.default_rng(0))) == 11
