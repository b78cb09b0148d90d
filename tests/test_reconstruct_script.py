"""reconstruct_faces.py: copies of training's real crops by generators, beside the crops."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from conftest import read_json

import reconstruct_faces
from datasets.crops import COPIES_NAME, read_copies
from generators import copying, smooth
from generators.latent import (
    DECODER_FILE,
    ENCODER_FILE,
    Autoencoder,
    change_latent,
    make_decoder,
    make_encoder,
)
from utils.config import REAL, REGISTRY_NAME
from utils.console import Failure


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with the files of an autoencoder that learned nothing."""
    folder = tmp_path_factory.mktemp("autoencoder")
    torch.manual_seed(0)
    torch.save(make_encoder().half().state_dict(), folder / ENCODER_FILE)
    torch.save(make_decoder().half().state_dict(), folder / DECODER_FILE)
    return folder


@pytest.fixture
def frames(tmp_path, extracted):
    """Crops with a registry as YuNet would have left it."""
    shutil.copytree(extracted / "frames", tmp_path / "frames")
    registry = read_json(tmp_path / "frames" / REGISTRY_NAME)
    points = [[96, 105], [160, 105], [128, 140], [102, 175], [154, 175]]
    for number, video in enumerate(registry["videos"]):
        for frame in video["frames"]:
            frame |= {"landmarks_in_crop_xy": points, "skin_lab": [150 + number % 7, 140, 140]}
    (tmp_path / "frames" / REGISTRY_NAME).write_text(json.dumps(registry))
    return tmp_path / "frames"


def run(frames, weights, *more) -> int:
    flags = ["--frames-dir", frames, "--autoencoder", weights, "--device", "cpu"]
    flags += ["--splits", frames / "splits.json", *more]
    return reconstruct_faces.main(list(map(str, flags)))


def paths_of(frames, generator: str) -> dict[str, str]:
    return {
        name: made[generator] for name, made in read_copies(frames).items() if generator in made
    }


def test_copies_lie_beside_real_crops_and_a_second_run_makes_the_missing_ones(
    frames, weights, capsys
):
    assert run(frames, weights, "--at-most", 3) == 0
    first = paths_of(frames, "latent")
    assert len(first) == 3
    before = {name: (frames / copy).read_bytes() for name, copy in first.items()}
    assert run(frames, weights, "--at-most", 5) == 0
    copies = paths_of(frames, "latent")
    assert len(copies) == 5 and first.items() <= copies.items()
    assert {name: (frames / copies[name]).read_bytes() for name in before} == before
    labels = {v["id"]: v["label"] for v in read_json(frames / REGISTRY_NAME)["videos"]}
    for name, copy in copies.items():
        assert labels[name.rpartition("/")[0]] == REAL
        image = cv2.imread(str(frames / copy))
        assert image.shape[0] == image.shape[1] and len(image) in copying.SIZES_PX
    assert "latent: 5 crops have a copy, 0 could not be read" in capsys.readouterr().out


def test_a_single_picture_is_mixed_with_a_face_alike(frames, weights, monkeypatch):
    registry = read_json(frames / REGISTRY_NAME)
    for video in registry["videos"]:
        video["frames"] = video["frames"][:1]
    (frames / REGISTRY_NAME).write_text(json.dumps(registry))
    others = []

    def unchanged(latent, other, rng):
        others.append(other)
        return latent, "as it is"

    monkeypatch.setattr(copying, "change_latent", unchanged)
    assert run(frames, weights, "--at-most", 3) == 0
    assert len(others) == 3 and all(other is not None for other in others)


def test_only_training_is_copied_and_learned_from(frames, weights, tmp_path, capsys, monkeypatch):
    learned = []

    def train(kind, pictures, batches, seed):
        learned.append(len(pictures))
        return smooth.SmoothAutoencoder(kind).eval()

    monkeypatch.setattr(smooth, "train", train)
    assert run(frames, tmp_path, "--generators", "smooth") == 0
    splits = read_json(frames / "splits.json")["splits"]
    reals = {
        f"{video['id']}/{frame['crop']}"
        for video in read_json(frames / REGISTRY_NAME)["videos"]
        for frame in video["frames"]
        if video["label"] == REAL and video["id"] in splits["train"]
    }
    assert read_copies(frames).keys() == reals and splits["val"] and splits["test"]
    assert learned == [len(reals)] * 3
    # What is there already is taken, another generator's copies come beside it.
    assert run(frames, tmp_path, "--generators", "smooth") == 0 and len(learned) == 3
    shutil.copytree(weights, tmp_path, dirs_exist_ok=True)
    assert run(frames, tmp_path, "--generators", "latent", "--at-most", 2) == 0
    assert sorted(map(len, read_copies(frames).values()))[-3:] == [1, 2, 2]
    (tmp_path / "autoencoder_nearest4.pth").write_bytes(b"no weights")
    assert run(frames, tmp_path, "--generators", "smooth") == 1
    assert "autoencoder_nearest4.pth is not that network's file" in capsys.readouterr().err


def test_the_same_seed_makes_the_same_copies(frames, weights, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(frames, other)
    for folder in (frames, other):
        assert run(folder, weights, "--at-most", 2) == 0
    for copy in paths_of(frames, "latent").values():
        assert (frames / copy).read_bytes() == (other / copy).read_bytes()


def test_missing_and_foreign_weights_are_named(frames, weights, tmp_path, capsys):
    assert run(frames, tmp_path) == 1
    assert f"{ENCODER_FILE} not found: get it from github.com" in capsys.readouterr().err
    shutil.copy(weights / DECODER_FILE, tmp_path / ENCODER_FILE)
    assert run(frames, tmp_path) == 1
    assert "is not that network's file" in capsys.readouterr().err
    assert not (frames / COPIES_NAME).exists()


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / COPIES_NAME).write_text("{")
    with pytest.raises(Failure, match=r"reconstructions\.json is damaged"):
        read_copies(tmp_path)
    (tmp_path / COPIES_NAME).write_text('{"version": 1, "copies": {}}')
    with pytest.raises(Failure, match="is of another version: delete it"):
        read_copies(tmp_path)


def test_pictures_keep_their_shape_and_range(weights):
    autoencoder = Autoencoder(weights, torch.device("cpu"))
    pictures = torch.rand(2, 3, 64, 48)
    latents = autoencoder.encode(pictures)
    assert latents.shape == (2, 32, 8, 6)
    again = autoencoder.decode(latents)
    assert again.shape == pictures.shape and again.min() >= 0 and again.max() <= 1
    with pytest.raises(Failure):
        Autoencoder(weights / "nowhere", torch.device("cpu"))


def test_latents_are_changed_a_little_and_in_every_way():

    latent, other = torch.randn(1, 32, 8, 8), torch.randn(1, 32, 8, 8)
    ways = {}
    for seed in range(60):
        changed, way = change_latent(latent, other, np.random.default_rng(seed))
        ways[way] = float((changed - latent).norm() / latent.norm())
    assert ways.keys() == {"as it is", "noise", "scaled", "mixed"}
    assert ways["as it is"] == 0
    assert all(0 < ways[way] < 0.6 for way in ("noise", "scaled", "mixed"))
    alone = {change_latent(latent, None, np.random.default_rng(seed))[1] for seed in range(60)}
    assert "mixed" not in alone
