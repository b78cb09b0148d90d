import pytest
import torch

from network.checkpoint import Checkpoint, save_checkpoint
from network.model import DeepfakeDetector
from pictures.transforms import Preprocessing
from training.saving import load_first_weights, mean_of
from utils.console import Failure

BIAS = "head.5.bias"


def saved(path, bias, arch="efficientnet_b0", **training):
    model = DeepfakeDetector(arch=arch)
    with torch.no_grad():
        model.head[5].bias.fill_(bias)
    save_checkpoint(path, Checkpoint(model, Preprocessing(), {"calibration": {}}, training))
    return path


def test_mean_counts_a_file_as_often_as_it_is_named(tmp_path):
    low, high = saved(tmp_path / "low.pth", 1.0), saved(tmp_path / "high.pth", 4.0)
    mean = mean_of([low, high, high])
    assert mean.model.state_dict()[BIAS].tolist() == pytest.approx([3.0, 3.0])
    assert mean.training["mean_of"] == ["low.pth", "high.pth", "high.pth"]
    assert mean.metrics == {}  # no file's figures are those of the mean
    model = DeepfakeDetector(arch="efficientnet_b0")
    load_first_weights(model, [low, high])
    assert model.state_dict()[BIAS].tolist() == pytest.approx([2.5, 2.5])


def test_averaged_weights_of_a_run_count(tmp_path):
    averaged = {
        f"module.{k}": v for k, v in DeepfakeDetector(arch="efficientnet_b0").state_dict().items()
    }
    averaged |= {f"module.{BIAS}": torch.tensor([7.0, 7.0]), "n_averaged": torch.tensor(3)}
    path = saved(tmp_path / "last.pth", 1.0, ema=averaged)
    assert mean_of([path]).model.state_dict()[BIAS].tolist() == [7.0, 7.0]


def test_a_mean_is_of_crops_only_where_all_are_of_the_same(tmp_path):
    configs = {"self_blend": 1.0}, {"self_blend": 0.5, "reconstructed": 0.25}
    one = saved(tmp_path / "one.pth", 1.0, config=configs[0], registry="a")
    two = saved(tmp_path / "two.pth", 1.0, config=configs[1], registry="a")
    other = saved(tmp_path / "other.pth", 1.0, config=configs[1], registry="b")
    mean = mean_of([one, two]).training
    assert mean["registry"] == "a" and mean["config"] == configs[1]  # that with deepfakes
    assert mean_of([one, other]).training["registry"] is None


def test_a_mean_points_by_place_only_where_all_were_taught_to(tmp_path):
    by_place = saved(tmp_path / "one.pth", 1.0, config={"place_weight": 0.3, "self_blend": 0.5})
    other = saved(tmp_path / "other.pth", 1.0, config={"self_blend": 1.0})
    assert mean_of([by_place, by_place]).model.by_place
    mean = mean_of([by_place, other])
    assert not mean.model.by_place and "place_weight" not in mean.training["config"]


def test_other_networks_have_no_mean(tmp_path):
    one = saved(tmp_path / "one.pth", 1.0)
    other = saved(tmp_path / "other.pth", 1.0, arch="efficientnet_b1")
    with pytest.raises(Failure, match=r"other.pth is another network than"):
        mean_of([one, other])
