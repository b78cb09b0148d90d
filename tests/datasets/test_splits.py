"""No person in two splits, whatever the graph of who is in which video."""

import json
import random
from collections import Counter

import pytest

from datasets.splits import (
    QUOTAS,
    connected_components,
    leaks_by_video,
    load_or_make_splits,
    make_splits,
    shared_people,
)
from utils.config import FAKE, REAL
from utils.console import Failure


def video(name: str, label: int, *identities: str) -> dict:
    dataset = identities[0].partition(":")[0] if ":" in identities[0] else "own"
    return {"id": name, "dataset": dataset, "label": label, "identities": list(identities)}


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
    except Failure:
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


def test_a_large_component_takes_nothing_from_other_data_sets():
    videos = faceforensics() + celeb_df()
    splits = make_splits(videos, 42)
    assert_sound(videos, splits)
    by_id = {video["id"]: video for video in videos}
    for name, quota in QUOTAS.items():
        counts = Counter((by_id[i]["dataset"], by_id[i]["label"]) for i in splits[name])
        assert counts["ff", REAL] / 1000 == pytest.approx(quota, abs=0.005)
        assert counts["ff", FAKE] / 5000 == pytest.approx(quota, abs=0.005)
        assert counts["celeb", FAKE] == (5639 if name == "train" else 0)
    # Its 59 people are one group; its 300 strangers fill val and test up to 15 % of 890 reals.
    assert [sum("yt" in i for i in ids) for ids in splits.values()] == [32, 134, 134]


def test_sources_are_spread_by_themselves_the_smallest_too():
    videos = [
        video(f"{source}{label}{n}", label, f"{source}{label}{n}") | {"source": source}
        for source, size in (("portraits", 1000), ("club", 20), ("tiny", 3))
        for label in (REAL, FAKE)
        for n in range(size)
    ]
    splits = make_splits(videos, 5)
    for label in (REAL, FAKE):
        counts = {
            source: tuple(sum(i.startswith(f"{source}{label}") for i in s) for s in splits.values())
            for source in ("portraits", "club", "tiny")
        }
        assert counts == {"portraits": (700, 150, 150), "club": (14, 3, 3), "tiny": (1, 1, 1)}


def test_what_val_or_test_lacks_is_said_once_in_one_line(tmp_path, capsys):
    videos = faceforensics(100)
    load_or_make_splits(tmp_path / "a.json", videos, 1)
    assert "no videos of" not in capsys.readouterr().out
    videos += celeb_df() + [video(f"s{n}", REAL, f"s{n}:x") for n in range(7)]
    videos += [video(f"pair{n}", REAL, f"pair:{n}") for n in range(2)]
    for _ in range(2):
        load_or_make_splits(tmp_path / "b.json", videos, 1)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "no videos of" in line]
    assert "no videos of celeb fake in val and test (1 group of people), pair real in" in line
    assert " (2 groups of people), s0 real in val and test" in line and line.endswith(", 4 more")


def test_splits_depend_on_the_seed_and_on_nothing_else():
    videos = faceforensics(100)
    assert make_splits(videos, 1) == make_splits(videos, 1)
    assert make_splits(videos, 1) != make_splits(videos, 2)


def test_too_few_people_are_refused_with_the_reason():
    with pytest.raises(Failure, match="would lack real or fake"):
        make_splits(faceforensics(4), 0)
    with pytest.raises(Failure, match="extract more videos"):
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
    with pytest.raises(Failure, match=r"splits.json was made for another registry: delete it"):
        load_or_make_splits(path, faceforensics(22), 1)
    content = json.loads(stored)
    content["splits"]["test"].append(content["splits"]["train"][0])
    path.write_text(json.dumps(content))
    with pytest.raises(Failure, match="a person in two splits"):
        load_or_make_splits(path, videos, 1)
    content["splits"]["test"][-1] = "nobody"
    path.write_text(json.dumps(content))
    with pytest.raises(Failure, match="damaged"):
        load_or_make_splits(path, videos, 1)
    path.write_text("{}")
    with pytest.raises(Failure, match="damaged"):
        load_or_make_splits(path, videos, 1)


def with_list(videos, dataset: str, split_of) -> list[dict]:
    return [v | {"dataset": dataset, "official_split": split_of(v)} for v in videos]


def test_official_lists_are_obeyed_by_flag_and_the_rest_split_by_person(tmp_path):
    def pair_of(video):
        return int(video["identities"][0].partition(":")[2]) // 2

    def celeb_split(video):
        return "test" if int(video["id"].strip("abcdefghijklmnopqrstuvwxyz")) % 9 == 0 else "train"

    names = ["train"] * 36 + ["val"] * 7 + ["test"] * 7
    pairs = with_list(faceforensics(100), "faceforensics", lambda v: names[pair_of(v)])
    celeb = with_list(celeb_df(), "celebdf", celeb_split)
    strangers = [video(f"s{n}", n % 2, f"own:{n}") for n in range(600)]
    videos = pairs + celeb + with_list(strangers, "own", lambda v: None)
    splits = make_splits(videos, 1, official=True)
    place = {i: name for name, ids in splits.items() for i in ids}
    assert len(place) == len(videos)
    for v in pairs:
        assert place[v["id"]] == v["official_split"]
    for v in celeb:  # its people are in its test part too, so none of them goes to val
        is_alone = v["id"].startswith("yt")
        allowed = {"test"} if v["official_split"] == "test" else {"train", *["val"] * is_alone}
        assert place[v["id"]] in allowed
    assert "val" in {place[v["id"]] for v in celeb}
    assert Counter(place[v["id"]] for v in strangers) == {"train": 420, "val": 90, "test": 90}
    by_person = make_splits(videos, 1)
    assert by_person != splits

    path = tmp_path / "splits.json"
    loaded = load_or_make_splits(path, videos, 1, official=True)
    assert shared_people(loaded) > 0  # Celeb-DF's list divides its people
    with pytest.raises(Failure, match="made with --official-splits: use it again, or delete"):
        load_or_make_splits(path, videos, 1)


@pytest.mark.parametrize("seed", range(10))
def test_what_a_list_leaves_open_never_divides_its_people(seed):
    rng = random.Random(seed)
    home = {f"p{n}": rng.choice(["train", "train", "val", "test"]) for n in range(300)}
    videos = []
    for n in range(1500):
        person = rng.choice(list(home))
        dataset = rng.choice(["whole list", "no val part", "no list"])
        lists = {
            "whole list": home[person],
            "no val part": "test" if home[person] == "test" else "train",
        }
        about = {"dataset": dataset, "official_split": lists.get(dataset)}
        videos.append(video(f"v{n}", n % 2, person) | about)
    splits = make_splits(videos, seed, official=True)
    assert_sound(videos, splits)  # with nobody in two splits
    place = {i: name for name, ids in splits.items() for i in ids}
    for v in videos:
        if v["dataset"] == "whole list":
            assert place[v["id"]] == v["official_split"]


def test_a_list_without_val_gives_whole_groups_of_its_train_part_to_val():
    def in_list(video):
        return "test" if int(video["identities"][0].partition(":")[2]) // 2 % 7 == 0 else "train"

    videos = with_list(faceforensics(280), "d", in_list)
    splits = make_splits(videos, 1, official=True)
    place = {i: name for name, ids in splits.items() for i in ids}
    assert {place[v["id"]] for v in videos if in_list(v) == "test"} == {"test"}
    for component in connected_components(videos):
        assert len({place[v["id"]] for v in component}) == 1
    # 20 of 140 groups are test; of the others 15 % and the same part of what test lacks.
    assert {name: len(ids) // 12 for name, ids in splits.items()} == {
        "train": 99,
        "val": 21,
        "test": 20,
    }


def test_official_lists_that_are_not_there_are_asked_for():
    videos = with_list(faceforensics(20), "faceforensics", lambda v: None)
    with pytest.raises(Failure, match="no data set here has a list of its own"):
        make_splits(videos, 1, official=True)


def test_blending_needs_no_fakes():
    videos = [video(f"r{n}", REAL, f"p{n}") for n in range(40)]
    with pytest.raises(Failure):
        make_splits(videos, 1)
    assert {k: len(v) for k, v in make_splits(videos, 1, needs_fakes=False).items()} == {
        "train": 28,
        "val": 6,
        "test": 6,
    }
