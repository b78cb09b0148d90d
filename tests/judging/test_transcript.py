"""What the console says behind a verdict: false alarms, parts, evidence beside the face."""

from pathlib import Path

import numpy as np
import pytest

from faces.detect import Face
from judging.analysis import Analysis, Track, View
from judging.transcript import NO_PROBABILITY, describe_false_alarms, print_analysis
from media.facts import CAVEAT, NAMES
from media.frame import Frame, Frames
from scoring.verdict import Marks, judge, most_suspicious

FACE = Face((10, 10, 50, 60), None, 0.9)


MEASURED = Marks(real_below=0.5, fake_from=2.0, false_alarms=(0.04, 0.02, 0.06))


def analysed(*scores_of_faces, marks=MEASURED, name="clip.mp4", attention=None):
    count = len(scores_of_faces[0])
    image = name.endswith("png")
    pictures = (Frame(n, float(n), np.zeros((80, 80, 3), np.uint8)) for n in range(count))
    frames = Frames(pictures, is_image=image)
    tracks = []
    for letter, scores in zip("ABC", scores_of_faces, strict=False):
        views = [None if p is None else View(FACE, p_fake=p) for p in scores]
        track = Track(letter, views, attention=attention)
        seconds = [frame.seconds for frame in frames]
        track.verdict = judge(scores, marks, seconds, image)
        tracks.append(track)
    lead = tracks[most_suspicious([t.verdict for t in tracks], image)]
    return Analysis(Path(name), frames, tracks, [], lead.verdict, lead, marks)


def test_false_alarms_grow_with_the_faces_that_could_give_one():
    fake, real, brief = [0.9] * 4, [0.1] * 4, [0.9, None, None, None]
    alone = describe_false_alarms(analysed(fake))
    assert alone.endswith("Of labelled real faces 4.0% [2.0%, 6.0%] get this verdict")
    assert "real faces it would" not in describe_false_alarms(analysed(fake, brief))
    assert "2 real faces it would be 7.8%" in describe_false_alarms(analysed(fake, real, brief))
    # In a picture every face could.
    assert "7.8%" in describe_false_alarms(analysed([0.9], [0.1], name="two.png"))


def test_what_was_not_measured_is_not_said():
    part = analysed([0.1] * 6 + [0.95] * 4)
    assert part.verdict.span == (6.0, 9.0)
    assert "not measured" in describe_false_alarms(part)
    unknown = Marks(fake_from=2.0)
    assert "not measured" in describe_false_alarms(analysed([0.9] * 4, marks=unknown))


@pytest.mark.parametrize("inside, warns", [(0.3, True), (0.6, False)])
def test_evidence_beside_the_face_is_warned_of(capsys, inside, warns):
    print_analysis(analysed([0.9] * 4, attention=(inside, 0.45)), True)
    printed = capsys.readouterr().out
    assert f"inside the face box: {inside:.0%} (evenly spread it would be 45%)" in printed
    assert ("mistrust this verdict" in printed) == warns


def test_faint_evidence_for_fake_beside_a_real_face_is_no_reason_to_mistrust(capsys):
    analysis = analysed([0.02] * 8, attention=(0.2, 0.45))
    assert analysis.verdict.outcome == "REAL"
    for heat_side, warns in (("REAL", True), ("FAKE", False)):
        analysis.lead.heat_side = heat_side
        print_analysis(analysis, True)
        assert ("mistrust this verdict" in capsys.readouterr().out) == warns


def test_parts_of_the_face_are_one_line_and_facts_come_last(capsys):
    analysis = analysed([0.9] * 4, attention=(0.6, 0.45))
    print_analysis(analysis, True)
    printed = capsys.readouterr().out
    assert "By part" not in printed and "FACTS" not in printed
    analysis.parts = {
        "eyes": {"share": 0.3, "by_chance": 0.1},
        "rim": {"share": 0.7, "by_chance": 0.9},
    }
    facts = dict.fromkeys(NAMES) | {"container": "JPEG", "size_bytes": 61306, "caveat": CAVEAT}
    facts |= {"width": 512, "height": 600, "camera": "Apple iPhone", "reencoded": "unknown"}
    analysis.frames = Frames(analysis.frames, facts=facts)
    print_analysis(analysis, True)
    printed = capsys.readouterr().out
    assert (
        "   By part (evenly spread it would be): eyes 30% (10%), rim 70% (90%) around these\n"
        in printed
    )
    assert printed.endswith(
        "   File: JPEG, 61 kB\n   Picture: 512x600 px\n   Tags: camera Apple iPhone\n"
        f"   Encoded again by a messenger or site: unknown\n   {CAVEAT}\n"
    )


def test_a_part_is_named_with_its_seconds_and_the_runs_around_it(capsys):
    print_analysis(analysed([0.6, 0.7, 0.1, 0.1, 0.1, 0.1, 0.95, 0.97, 0.96, 0.1]), True)
    printed = capsys.readouterr().out
    assert "🔴 DEEPFAKE DETECTED from 6.00s to 8.00s" in printed
    assert "FAKE in a row: 0.00s to 1.00s (2 frames), 6.00s to 8.00s (3 frames)" in printed


def test_the_weight_of_a_verdict_is_said_in_numbers_and_words(capsys):
    wide = Marks(real_below=0.05, fake_from=12.0, missed=(0.05, 0.02, 0.09))
    print_analysis(analysed([0.95] * 4, marks=wide), True)
    text = "Likelihood ratio: 19 (moderate support for FAKE): such scores are 19 times as frequent"
    printed = capsys.readouterr().out
    assert f"{text} on fakes as on real videos\n   Confidence is a probability only" in printed
    print_analysis(analysed([0.8] * 4, marks=wide), True)
    printed = capsys.readouterr().out.splitlines()
    assert f"   {NO_PROBABILITY}: documentation/likelihood_ratio.md" in printed
    assert "   🟡 INCONCLUSIVE, LEANS FAKE" in printed
    assert "   Likelihood ratio: 4 (weak support for FAKE)" in printed
    text = "   Reason: leans FAKE: such scores are 4 times as frequent on fakes (weak support)"
    assert text in printed
    print_analysis(analysed([0.04] * 4, marks=wide), True)
    printed = capsys.readouterr().out
    assert "🟢 APPEARS AUTHENTIC" in printed and "1/24 (moderate support for REAL)" in printed
    assert "Of labelled fakes 5.0% [2.0%, 9.0%] get this verdict" in printed
