"""The network, its checkpoint, its Grad-CAM."""

import pickle
import subprocess
import sys
import urllib.error
import zipfile
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import ROOT

from network import lite1
from network.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
    untrained_checkpoint,
)
from network.device import choose_precision, describe_device, pick_device
from network.gradcam import heat_by_place, heat_for, predict_with_cam
from network.model import DeepfakeDetector
from pictures.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from scoring.likelihood import Likelihood
from scoring.verdict import Marks
from utils.config import FAKE, REAL
from utils.console import Failure


@pytest.fixture(scope="module")
def checkpoint():
    return untrained_checkpoint()


def test_parameters_and_activations_are_as_specified(checkpoint):
    assert sum(p.numel() for p in checkpoint.model.parameters()) == 7_170_082
    assert not any(getattr(m, "inplace", False) for m in checkpoint.model.modules())
    assert DeepfakeDetector(dropout=0.4).head[4].p == 0.4


def test_every_architecture_is_known_and_gives_maps_and_two_logits():
    channels = {"efficientnet_b0": 1280, "efficientnet_b4": 1792}
    for arch, wanted in (channels | {"convnext_tiny": 768, "vit_b_16": 768}).items():
        model = DeepfakeDetector(arch=arch).eval()
        size = 224 if arch == "vit_b_16" else 64
        images = torch.randn(1, 3, size, size)
        with torch.no_grad():
            maps = model.features(images)
            assert maps.ndim == 4 and maps.shape[1] == wanted
            assert model(images).shape == (1, 2)
        _, evidence = predict_with_cam(model, images)
        assert evidence.shape == (1, *maps.shape[2:])


def test_a_transformer_sees_places_where_they_are():
    """The map's places must be the picture's: a change in one patch shows most in its own place."""
    model = DeepfakeDetector(arch="vit_b_16").eval()
    plain = torch.zeros(1, 3, 224, 224)
    spotted = plain.clone()
    spotted[:, :, 16 * 3 : 16 * 4, 16 * 9 : 16 * 10] = 3.0
    with torch.no_grad():
        change = (model.features(spotted) - model.features(plain)).abs().sum(1)[0]
    assert divmod(int(change.argmax()), 14) == (3, 9)


def lite1_weights() -> dict:
    """Random weights with Lite1's names and shapes, taken from B1's: see network/lite1.py."""
    generator = torch.Generator().manual_seed(0)
    features = DeepfakeDetector().features
    weights = {}

    def put(layer, convolution, normalisation):
        weights[f"{convolution}.weight"] = 0.1 * torch.randn(
            layer[0].weight.shape, generator=generator
        )
        for name, low in (("weight", 0.5), ("bias", -0.2), ("running_mean", -0.2)):
            weights[f"{normalisation}.{name}"] = low + 0.5 * torch.rand(
                len(layer[1].bias), generator=generator
            )
        weights[f"{normalisation}.running_var"] = torch.ones(len(layer[1].bias))

    put(features[0], "_conv_stem", "_bn0")
    number = 0
    for stage, count in enumerate(lite1.BLOCKS, 1):
        for module in list(features[stage])[:count]:
            *expand, depthwise, _, project = module.block
            if expand:
                put(expand[0], f"_blocks.{number}._expand_conv", f"_blocks.{number}._bn0")
            put(depthwise, f"_blocks.{number}._depthwise_conv", f"_blocks.{number}._bn1")
            put(project, f"_blocks.{number}._project_conv", f"_blocks.{number}._bn2")
            number += 1
    put(features[8], "_conv_head", "_bn1")
    return weights


def lite1_forward(weights: dict, images: torch.Tensor, activation) -> torch.Tensor:
    """Lite1 as its paper has it but for the activation: convolution, normalisation, activation."""

    def layer(x, convolution, normalisation, stride=1, groups=1, active=True):
        kernel = weights[f"{convolution}.weight"]
        x = torch.nn.functional.conv2d(
            x, kernel, None, stride, kernel.shape[-1] // 2, groups=groups
        )
        values = (weights[f"{normalisation}.{n}"] for n in ("running_mean", "running_var"))
        scale, shift = weights[f"{normalisation}.weight"], weights[f"{normalisation}.bias"]
        x = torch.nn.functional.batch_norm(x, *values, scale, shift, eps=lite1.EPSILON)
        return activation(x) if active else x

    x = layer(images, "_conv_stem", "_bn0", stride=2)
    number = 0
    for count, stride in zip(lite1.BLOCKS, (1, 2, 2, 2, 1, 2, 1), strict=True):
        for place in range(count):
            name, before = f"_blocks.{number}.", x
            if name + "_expand_conv.weight" in weights:
                x = layer(x, name + "_expand_conv", name + "_bn0")
            step = stride if place == 0 else 1
            x = layer(x, name + "_depthwise_conv", name + "_bn1", step, x.shape[1])
            x = layer(x, name + "_project_conv", name + "_bn2", active=False)
            x = x + before if place else x
            number += 1
    return layer(x, "_conv_head", "_bn1")


def test_lite1_filters_keep_their_meaning_in_b1():
    """With its own activation Lite1 computes what B1 does after the transfer, but for the border,
    where Lite1 pads grey of another shade."""
    weights = lite1_weights()
    assert lite1.is_lite1(weights) and not lite1.is_lite1(DeepfakeDetector().state_dict())
    model = DeepfakeDetector().eval()
    lite1.load_lite1(model.features, weights)
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, 256, 256, generator=generator)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))

    def activation(x):
        return torch.nn.functional.silu(lite1.SHARPNESS * x) / lite1.SHARPNESS

    with torch.no_grad():
        expected = lite1_forward(weights, (picture * 255 - 127) / 128, activation)
        found = model.features((picture - mean) / std) / lite1.SHARPNESS
    inner = (..., slice(3, 5), slice(3, 5))
    error = (found - expected)[inner].abs().mean() / expected[inner].std()
    assert error < 0.05


def test_precision_is_measured_on_a_cpu_and_leaves_no_trace():
    model = DeepfakeDetector()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert choose_precision(model, torch.device("cpu"), 32) in ("fp32", "bf16")
    assert choose_precision(model, torch.device("cuda"), 32) == "fp16"
    assert choose_precision(model, torch.device("mps"), 32) == "fp32"
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_half_precision_file_is_half_the_size_and_loads_as_usual(tmp_path, checkpoint):
    full, half = tmp_path / "full.pth", tmp_path / "half.pth"
    save_checkpoint(full, checkpoint)
    save_checkpoint(half, checkpoint, half=True)
    assert half.stat().st_size < 15e6 and half.stat().st_size < 0.55 * full.stat().st_size
    loaded = load_checkpoint(half).model
    assert all(v.dtype == torch.float32 for v in loaded.parameters())
    for name, value in checkpoint.model.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name].float(), value.float(), 1e-3, 1e-6)


def test_forward_is_head_after_features(checkpoint):
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = checkpoint.model.features(images)
        assert maps.shape == (2, 1280, 2, 2)
        assert torch.equal(checkpoint.model.head(maps), checkpoint.model(images))


def test_imagenet_weights_that_cannot_be_had_are_no_silent_fallback(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nowhere")
    monkeypatch.setattr("os.makedirs", lambda *a, **k: None)
    with pytest.raises(Failure, match=r"efficientnet_b1-\w+.pth into .*--no-pretrained"):
        DeepfakeDetector(pretrained=True)


def test_devices_are_picked_or_refused(monkeypatch):
    assert pick_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    for name in ("cuda", "mps", "toaster", "cpu:x", "cpu:1"):
        with pytest.raises(Failure, match=f"{name} is not available here: choose from cpu"):
            pick_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto").type == "cuda"
    assert pick_device("cuda:1").index == 1
    with pytest.raises(Failure, match="cuda:2 is not available here: choose from cuda, cpu"):
        pick_device("cuda:2")


def test_a_checkpoint_comes_back_as_it_went(tmp_path, checkpoint):
    path = tmp_path / "a" / "model.pth"
    settings = Preprocessing("haar", 128, 1.4, 96)
    saved = Checkpoint(checkpoint.model, settings, {"auc": 0.9}, {"epoch": 3})
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    assert loaded.preprocessing == settings
    assert (loaded.metrics, loaded.training) == ({"auc": 0.9}, {"epoch": 3})
    assert not loaded.model.training
    for name, value in checkpoint.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value)


class Payload:
    """Unpickling it creates a file: proof that code ran."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text
    return text


def test_code_in_a_checkpoint_is_not_executed(tmp_path):
    marker = tmp_path / "executed"
    plain, zipped = tmp_path / "plain.pth", tmp_path / "zipped.pth"
    plain.write_bytes(pickle.dumps(Payload(marker), protocol=2))
    torch.save({"format": "deepfake-detector", "x": Payload(marker)}, zipped)
    for path in (plain, zipped):
        assert "nothing in it was executed" in refusal(path)
    assert not marker.exists()


def test_unusable_checkpoints_are_refused_with_the_reason(tmp_path, checkpoint):
    path = tmp_path / "model.pth"
    assert "run src/2_train_model.py first" in refusal(path)
    path.write_bytes(b"")
    refusal(path)
    path.write_text("hello")
    refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    refusal(path)
    assert "is a folder" in refusal(tmp_path)

    save_checkpoint(path, checkpoint)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "truncated or damaged" in refusal(path)

    torch.save(checkpoint.model.state_dict(), path)
    assert "not a checkpoint of this project" in refusal(path)
    good = {"format": "deepfake-detector", "version": 2, "architecture": "efficientnet_b1"}
    torch.save(good | {"version": 1}, path)
    assert "format version 1" in refusal(path)
    torch.save(good | {"architecture": "resnet18"}, path)
    assert "resnet18" in refusal(path)
    torch.save(good, path)
    assert "does not fit" in refusal(path)
    weights = checkpoint.model.state_dict()
    weights["head.5.weight"] = torch.zeros(3, 512)
    rest = {"metrics": {}, "training": {}}
    torch.save(good | rest | {"state_dict": weights, "preprocessing": {}}, path)
    assert "does not fit" in refusal(path)


def test_untrained_weights_are_always_the_same(checkpoint):
    before = torch.get_rng_state()
    again = untrained_checkpoint()
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in checkpoint.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_the_batch_scores_and_maps_equal_those_of_single_images(checkpoint):
    model = checkpoint.model
    images = torch.randn(3, 3, 96, 96)
    p_fake, evidence = predict_with_cam(model, images)
    assert p_fake.shape == (3,) and evidence.shape == (3, 3, 3)
    with torch.no_grad():
        expected = model(images).softmax(1)[:, FAKE].numpy()
    assert np.allclose(p_fake, expected, atol=1e-5)
    for number, image in enumerate(images):
        one_p, one_evidence = predict_with_cam(model, image[None])
        assert one_p[0] == pytest.approx(p_fake[number], abs=1e-5)
        assert np.allclose(one_evidence[0], evidence[number], atol=1e-6)


def test_the_map_is_gradcam_of_the_log_odds(checkpoint):
    """Against the definition, one image at a time with the gradient through the whole network."""
    model = checkpoint.model
    images = torch.randn(2, 3, 96, 96)
    _, evidence = predict_with_cam(model, images)
    for number, image in enumerate(images):
        maps = model.features(image[None])
        maps.retain_grad()
        logits = model.head(maps)[0]
        (logits[FAKE] - logits[REAL]).backward()
        alpha = maps.grad.mean(dim=(2, 3), keepdim=True)
        expected = (alpha * maps).sum(1)[0].detach().numpy()
        assert np.allclose(evidence[number], expected, atol=1e-6)
    model.zero_grad(set_to_none=True)


def test_who_was_taught_by_place_points_by_place(checkpoint, tmp_path):
    path = tmp_path / "model.pth"
    training = {"config": {"place_weight": 0.3}}
    save_checkpoint(path, Checkpoint(checkpoint.model, Preprocessing(), training=training))
    model = load_checkpoint(path).model
    assert model.by_place and not checkpoint.model.by_place
    images = torch.randn(2, 3, 96, 96)
    p_fake, evidence = predict_with_cam(model, images)
    _, plain = predict_with_cam(checkpoint.model, images)
    with torch.inference_mode():
        logits, places = model(images, with_places=True)
    assert np.allclose(p_fake, logits.softmax(1)[:, FAKE].numpy(), atol=1e-6)
    assert np.allclose(evidence, places.numpy(), atol=1e-5) and evidence.shape == plain.shape


def test_evidence_lies_where_a_head_looks():
    """A head that counts one channel as FAKE and another as REAL finds each where it is active."""
    model = DeepfakeDetector().eval()
    model.features = torch.nn.Conv2d(3, 1280, 1, bias=False)
    with torch.no_grad():
        model.features.weight.zero_()
        model.features.weight[0, 0] = model.features.weight[1, 1] = 1.0
        first, last = model.head[2], model.head[5]
        for layer in (first, last):
            layer.weight.zero_()
            layer.bias.zero_()
        first.weight[0, 0] = first.weight[1, 1] = 1.0
        last.weight[FAKE, 0] = last.weight[REAL, 1] = 1.0
    images = torch.zeros(1, 3, 4, 4)
    images[0, 0, 1, 2] = images[0, 1, 3, 0] = 1.0
    _, evidence = predict_with_cam(model, images)
    assert np.argwhere(evidence[0] > 0).tolist() == [[1, 2]]
    assert np.argwhere(evidence[0] < 0).tolist() == [[3, 0]]
    assert np.argwhere(heat_for(evidence, FAKE)[0] == 1).tolist() == [[1, 2]]
    assert np.argwhere(heat_for(evidence, REAL)[0] == 1).tolist() == [[3, 0]]


def test_heat_is_scaled_over_all_frames_and_none_is_none():
    evidence = np.array([[[2.0, -1.0]], [[1.0, -4.0]]])
    assert heat_for(evidence, FAKE).tolist() == [[[1.0, 0.0]], [[0.5, 0.0]]]
    assert heat_for(evidence, REAL).tolist() == [[[0.0, 0.25]], [[0.0, 1.0]]]
    assert not heat_for(-np.ones((1, 2, 2)), FAKE).any()


def test_heat_by_place_is_absolute_and_only_for_fake():
    evidence = np.array([[[0.0, -3.0], [np.log(3), 50.0]]])  # p_fake of 3 to 1 is 0.75
    assert heat_by_place(evidence)[0].tolist() == [[0, 0], [pytest.approx(0.5), pytest.approx(1)]]
    assert not heat_by_place(-np.ones((1, 2, 2))).any()


def test_describe_device_names_the_cores():
    assert "cores" in describe_device(torch.device("cpu"))


def test_marks_come_with_the_file_and_without_them_nothing_is_decided(checkpoint, tmp_path):
    known = Marks(Likelihood(0.7, -0.2, 0.1, 2.0, 0.05, 30.0), 0.2, 4.0, (0.02, 0.01, 0.03))
    metrics = {"calibration": asdict(known)}
    save_checkpoint(tmp_path / "m.pth", Checkpoint(checkpoint.model, Preprocessing(), metrics))
    assert load_checkpoint(tmp_path / "m.pth").marks == known
    assert checkpoint.marks == Marks() and checkpoint.marks.undecided == (0, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_freed_memory_is_kept_for_the_next_step():
    """Faults of the page: without it each round maps and clears the block anew."""
    code = (
        "import resource, sys; sys.path.insert(0, 'src'); import torch; "
        "from network.device import keep_freed_memory; "
        "kept = keep_freed_memory() if sys.argv[1] == 'keep' else True; "
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt; "
        "torch.ones(20_000_000); start = faults(); "
        "any(torch.ones(20_000_000) is None for _ in range(20)); "
        "print(faults() - start if kept else -1)"
    )
    faults = {
        way: int(subprocess.run([sys.executable, "-c", code, way], cwd=ROOT, check=True,
                                capture_output=True).stdout)
        for way in ("keep", "leave")
    }  # fmt: skip
    if faults["keep"] == -1:
        pytest.skip("another C library")
    assert faults["keep"] < faults["leave"] / 2
