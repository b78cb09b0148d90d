import numpy as np

from evaluation.slices import skin_slices, slices_of
from scoring.intervals import about_records
from utils.config import FAKE, REAL


def record(number, source, label, frames, lightness=None):
    frame = {"crop": "a.jpg", "skin_lab": lightness and [lightness, 128, 128]}
    facts = {"dataset": "faces", "source": source, "method": "m", "label": label, "pair": None}
    return facts | {"id": str(number), "identities": [str(number)], "frames": [frame] * frames}


def test_videos_and_each_sources_fakes_against_all_real_videos():
    kinds = [("a", REAL, 3), ("a", FAKE, 3), ("b", REAL, 2), ("c", FAKE, 2), ("c", REAL, 1)]
    records = [record(n, *kind) for n, kind in enumerate(kinds)]
    parts = slices_of(records, about_records(records))
    assert {name: members.tolist() for name, members in parts.items()} == {
        "videos": [True, True, True, True, False],
        "a fakes, all real videos": [True, True, True, False, False],
        "c fakes, all real videos": [True, False, True, True, False],
    }
    assert slices_of(records[:4], about_records(records[:4])) == {}  # all are videos
    bare = [{k: v for k, v in r.items() if k != "frames"} for r in records]
    assert slices_of(bare, about_records(bare)) == {}


def test_reals_by_skin_are_thirds():
    records = [record(n, "a", REAL, 1, 50.0 + n) for n in range(150)]
    records += [record(150, "a", FAKE, 1, 60.0), record(151, "a", REAL, 1)]
    parts = skin_slices(records, about_records(records))
    assert list(parts) == [f"reals, {name} skin" for name in ("darkest", "middle", "lightest")]
    for n, members in enumerate(parts.values()):
        assert np.flatnonzero(members).tolist() == list(range(50 * n, 50 * n + 50))
    assert skin_slices(records[1:], about_records(records[1:])) == {}  # too few are known
