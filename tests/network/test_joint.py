from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from network.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from network.gradcam import predict_with_cam
from network.joint import joint_marks, load_joint
from network.model import DeepfakeDetector
from pictures.transforms import Preprocessing
from scoring.likelihood import Likelihood, log_odds
from scoring.verdict import Marks

SHARP = (0.5, 1.0, 2.0)
ONE = Marks(Likelihood(0.5, -1.0, 0.3, 2.0, 1 / 20, 30.0, (0.4, 0.8, 1.9), 90, 60), 0.3, 5.0)
TWO = Marks(Likelihood(2.0, 0.4, -0.1, 2.0, 1 / 26, 22.0, SHARP, 66, 78), 0.4, 8.0)


def saved(path, seed, marks, **preprocessing):
    torch.manual_seed(seed)
    model = DeepfakeDetector(arch="efficientnet_b0")
    metrics = {"calibration": asdict(marks)} if marks else {}
    save_checkpoint(path, Checkpoint(model, Preprocessing(**preprocessing), metrics))
    return path


def test_several_give_the_mean_of_their_log_likelihood_ratios(tmp_path):
    paths = [saved(tmp_path / "1.pth", 1, ONE), saved(tmp_path / "2.pth", 2, TWO)]
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    joint = load_joint(paths)
    raw, evidence = predict_with_cam(joint.model, images)
    got = log_odds(joint.marks.likelihood.of_frames(raw, 1.4))
    each = []
    for path, marks in zip(paths, (ONE, TWO), strict=True):
        alone, _ = predict_with_cam(load_joint([path]).model, images)
        each.append(log_odds(marks.likelihood.of_frames(alone, 1.4)))
    assert np.abs(each[0] - each[1]).min() > 0.1  # or their mean would show nothing
    assert got == pytest.approx(np.mean(each, axis=0), abs=1e-4)
    assert evidence.shape == (3, 2, 2)
    with torch.inference_mode():  # script 4 scores without maps
        assert joint.model(images).softmax(1)[:, 1].numpy() == pytest.approx(raw, abs=1e-5)


def test_the_stricter_marks_decide():
    marks = joint_marks([ONE, TWO])
    assert (marks.real_below, marks.fake_from) == (0.3, 8.0)
    assert (marks.likelihood.low, marks.likelihood.high) == (1 / 20, 22.0)
    assert marks.likelihood.sharp == (0.4, 0.8, 2.0)
    few = replace(ONE, likelihood=replace(ONE.likelihood, frames=8.0))
    assert (
        joint_marks([few, TWO]).likelihood.frames == joint_marks([TWO, few]).likelihood.frames == 8
    )
    assert marks.false_alarms is None
    assert joint_marks([ONE, Marks()]).fake_from is None


def test_what_cannot_be_joined_is_named(tmp_path):
    one = saved(tmp_path / "one.pth", 1, ONE)
    with pytest.raises(CheckpointError, match=r"other.pth wants other crops than .*one.pth"):
        load_joint([one, saved(tmp_path / "other.pth", 2, TWO, image_size_px=160)])
    with pytest.raises(CheckpointError, match=r"bare.pth cannot be joined: .*--only-calibrate"):
        load_joint([one, saved(tmp_path / "bare.pth", 2, None)])
