"""Checkpoints as people have them: wrapped, edited, damaged, or something else altogether."""

import copy
import gzip
import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from network.checkpoint import (
    NO_MARKS,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
    untrained_checkpoint,
)
from network.soundness import TRAINED
from scoring.likelihood import Likelihood
from scoring.verdict import Marks

MARKS = Marks(Likelihood(0.7, -0.2, 0.1, 2.0, 0.05, 30.0), 0.2, 4.0, (0.02, 0.01, 0.03))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict:
    """What a sound file holds, its weights in half precision."""
    path = tmp_path_factory.mktemp("whole") / "model.pth"
    checkpoint = untrained_checkpoint()
    checkpoint.metrics["calibration"] = asdict(MARKS)
    save_checkpoint(path, checkpoint, half=True)
    return torch.load(path, weights_only=True)


@pytest.fixture
def content(whole) -> dict:
    """The same, to be changed: the tensors are shared, the containers are not."""
    tensors = {id(value): value for value in whole["state_dict"].values()}
    return copy.deepcopy(whole, memo=tensors)


def loaded(tmp_path, content, **options):
    path = tmp_path / "model.pth"
    torch.save(content, path, **options)
    return load_checkpoint(path)


def refused(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text
    return text.removeprefix(f"{path} ")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_the_names_of_wrapped_networks_are_understood(tmp_path, content, prefix):
    weights = content["state_dict"]
    content["state_dict"] = {prefix + name: value for name, value in weights.items()}
    model = loaded(tmp_path, content).model
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name].to(value.dtype))


def test_numbers_of_numpy_become_pythons(tmp_path, content):
    content["metrics"]["validation"] = {
        "auc": np.float64(0.9),
        "n": np.int64(7),
        "f1": np.float32(0.5),
        "good": np.bool_(True),
        "all": np.arange(2),
        "none": math.nan,
    }
    content["metrics"]["calibration"]["real_below"] = np.float64(0.25)
    checkpoint = loaded(tmp_path, content)
    text = json.dumps(checkpoint.metrics["validation"])
    assert json.loads(text) == {
        "auc": 0.9,
        "n": 7,
        "f1": 0.5,
        "good": True,
        "all": [0, 1],
        "none": None,
    }
    assert checkpoint.marks.real_below == 0.25


def test_without_marks_there_is_a_caveat_and_with_them_none(tmp_path, content):
    assert loaded(tmp_path, content).caveat is None
    older = {"real_below": 0.2, "fake_from": 0.8, "false_alarms": 0.03, "voting": "mean"}
    for metrics in ({}, {"calibration": None}, {"calibration": {}}, {"calibration": older}):
        content["metrics"] = metrics
        assert loaded(tmp_path, content).caveat == NO_MARKS
        assert loaded(tmp_path, content).marks.fake_from is None


@pytest.mark.parametrize(
    "place, value, reason",
    [
        ("metrics", None, "no table of metrics"),
        ("temperature", 0.0, "temperature 0.0"),
        ("threshold", math.nan, "threshold nan"),
        ("preprocessing crop_size_px", 0, "crop_size_px 0"),
        ("preprocessing crop_size_px", 255.5, "a crop_size_px that is no whole number"),
        ("preprocessing image_size_px", -224, "image_size_px -224"),
        ("preprocessing crop_margin", -1.54, "crop_margin -1.54"),
        ("preprocessing crop_margin", math.nan, "crop_margin nan"),
        ("preprocessing detector", "mtcnn", "the detector 'mtcnn'"),
        ("preprocessing colour", "bgr", "colour"),
        ("metrics calibration fake_from", 0.8, "fake_from 0.8"),
        ("metrics calibration fake_from", "4", "fake_from '4'"),
        ("metrics calibration real_below", 1.2, "real_below 1.2"),
        ("metrics calibration real_below", math.nan, "real_below None"),
        ("metrics calibration false_alarms", (0.02, -1, 0.03), "false_alarms -1"),
        ("metrics calibration loudest", 1, "loudest"),
        ("metrics calibration likelihood slope", -0.1, "slope -0.1"),
        ("metrics calibration likelihood offset", math.nan, "offset None"),
        ("metrics calibration likelihood frames", -1, "frames -1"),
        ("metrics calibration likelihood high", 0.5, "high 0.5"),
        ("metrics calibration likelihood low", 0.0, "low 0.0"),
        ("metrics calibration likelihood sharp", (3, 2, 1), "sharp (3, 2, 1) out of order"),
        ("metrics calibration likelihood", 3, ""),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(tmp_path, content, place, value, reason):
    *folders, name = place.split()
    part = content
    for folder in folders:
        part = part[folder]
    part[name] = value
    torch.save(content, tmp_path / "model.pth")
    text = refused(tmp_path / "model.pth")
    assert text.startswith("does not fit this network (") and reason in text


def test_weights_that_do_not_fit_are_named(tmp_path, content):
    path, weights = tmp_path / "model.pth", content["state_dict"]

    def reason(**changes) -> str:
        torch.save(content | {"state_dict": weights | changes}, path)
        return refused(path)

    assert "it has unknown aux.weight)" in reason(**{"aux.weight": torch.zeros(2)})
    wrong = {"head.5.weight": torch.zeros(3, 512)}
    assert "head.5.weight of shape (3, 512), not (2, 512)" in reason(**wrong)
    assert "head.5.bias, which is not finite" in reason(
        **{"head.5.bias": torch.tensor([0, math.nan])}
    )
    assert "head.5.bias of type torch.int64" in reason(**{"head.5.bias": torch.zeros(2).long()})
    assert "head.5.bias, which is no tensor" in reason(**{"head.5.bias": [0.0, 1.0]})
    del weights["head.5.bias"]
    assert "it lacks head.5.bias)" in reason()
    del weights["head.5.weight"]
    assert "it lacks head.5.bias and 1 more)" in reason()


def test_damaged_bytes_are_noticed_wherever_they_are(tmp_path, content):
    path = tmp_path / "model.pth"
    torch.save(content, path)
    whole = path.read_bytes()
    for place in (200, len(whole) // 3, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        assert "damaged" in refused(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated or damaged" in refused(path)


def test_other_kinds_of_files_are_called_what_they_are(tmp_path):
    path = tmp_path / "model.pth"
    head = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    for data, kind in (
        (b"", "is empty (0 bytes): copy it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b'\xef\xbb\xbf<html lang="en">', "is a web page"),
        (len(head).to_bytes(8, "little") + head + bytes(4), "is a safetensors file"),
        (gzip.compress(b"weights"), "is a gzip archive: unpack it first"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    ):
        path.write_bytes(data)
        assert refused(path).startswith(kind)
    assert refused(tmp_path) == "is a folder: name the file in it"


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_torchscript_program_is_called_one(tmp_path):
    path = tmp_path / "model.pth"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
    assert refused(path) == f"is a TorchScript program, not a checkpoint: {TRAINED}"
