"""models/best_model.pth as a fresh clone has it: small, safe, calibrated, and of some use."""

import pytest
import torch
from conftest import ROOT, SHARED

from faces.detect import HaarDetector, YuNetDetector
from judging.analysis import find_faces, score_and_judge
from judging.demo import make_demo_clips
from network.checkpoint import load_checkpoint

PATH = ROOT / "models" / "best_model.pth"


@pytest.fixture(scope="module")
def shipped():
    return load_checkpoint(PATH)


def judged(path, detector, checkpoint):
    analysis = find_faces(path, detector, 10)
    score_and_judge(analysis, checkpoint, torch.device("cpu"))
    return analysis


def test_it_holds_weights_for_inference_and_nothing_else():
    assert PATH.stat().st_size <= 15e6
    content = torch.load(PATH, weights_only=True)
    assert content["architecture"] == "efficientnet_b1"
    floats = {v.dtype for v in content["state_dict"].values() if v.is_floating_point()}
    assert floats == {torch.float16}
    assert all(torch.isfinite(v).all() for v in content["state_dict"].values())
    assert not {"optimizer", "ema", "rng"} & set(content["training"])


def test_it_says_what_it_was_trained_on_and_how_sure_it_may_be(shipped):
    taught = shipped.training
    assert taught["datasets"] == ["faces"] and taught["config"]["self_blend"] == 0.64
    assert {"blended swap", "faceswap DeepFaceLive", "lipsync Wav2Lip"} <= set(taught["tools"])
    assert not [name for name in taught["tools"] if name.startswith("FaceForensics++")]
    assert shipped.caveat is None
    marks, known = shipped.marks, shipped.marks.likelihood
    assert known.slope > 0 and known.reals >= 20 and known.fakes >= 20
    assert known.high == known.reals / 3 and known.low == 3 / known.fakes
    assert 2 <= marks.fake_from <= known.high
    assert marks.false_alarms[0] <= 0.03 and marks.missed[0] <= 0.05


@pytest.mark.parametrize("detector_name", ["haar", "yunet"])
def test_the_altered_demonstration_is_more_suspicious_than_the_untouched(
    tmp_path, shipped, detector_name, request
):
    if detector_name == "yunet":
        detector = YuNetDetector(request.getfixturevalue("yunet_file"))
    else:
        detector = HaarDetector()
    clips = make_demo_clips(tmp_path / "demo", detector)
    untouched, altered = (judged(clip, detector, shipped) for clip in clips)
    assert untouched.verdict.outcome != "FAKE"
    assert altered.verdict.p_fake > untouched.verdict.p_fake + 0.2
    inside, by_chance = altered.lead.attention
    assert inside > by_chance


def test_real_clips_of_light_compression_are_told_from_their_fakes(shipped, yunet_file):
    clips = SHARED / "clips" / "faceforensics_c23"
    if not clips.exists():
        pytest.skip("no real clips here")
    detector = YuNetDetector(yunet_file)
    found = {}
    for path in sorted(clips.rglob("*.mp4")):
        found[path.stem] = judged(path, detector, shipped).verdict
    for fake in (name for name in found if "_" in name):
        assert found[fake].outcome != "REAL"
        real = found.get(fake.split("_")[0])
        if real:
            assert found[fake].p_fake > real.p_fake and real.outcome != "FAKE"
