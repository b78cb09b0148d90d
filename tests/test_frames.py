"""The torch dataset: what the network sees, and in which order."""

from collections import Counter

import pytest
import torch
from conftest import read_json

from utils.checkpoint import Preprocessing
from utils.config import FAKE, REAL
from utils.frames import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    CropError,
    FaceFrames,
    RatioSampler,
    eval_transform,
)

SETTINGS = Preprocessing(detector="haar")


@pytest.fixture
def videos(extracted):
    return read_json(extracted / "frames" / "video_registry.json")["videos"]


def test_the_network_sees_the_middle_of_the_crop_normalised():
    crop = torch.zeros(3, 256, 256, dtype=torch.uint8)
    crop[:, 16:240, 16:240] = 255
    seen = eval_transform(SETTINGS)(crop)
    assert seen.shape == (3, 224, 224)
    white = (1 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    assert torch.allclose(seen, white[:, None, None].expand_as(seen), atol=1e-5)


@pytest.mark.parametrize("crop_size, image_size", [(256, 128), (128, 224), (288, 64)])
def test_any_crop_is_scaled_to_the_size_that_was_asked_for(crop_size, image_size):
    settings = Preprocessing("haar", crop_size, 1.54, image_size)
    batch = torch.randint(0, 255, (2, 3, crop_size, crop_size), dtype=torch.uint8)
    both = eval_transform(settings)(batch)
    assert both.shape == (2, 3, image_size, image_size)
    assert torch.allclose(both[1], eval_transform(settings)(batch[1]), atol=1e-5)


def test_items_carry_label_and_video(extracted, videos):
    dataset = FaceFrames(extracted / "frames", videos, SETTINGS, is_training=False)
    assert len(dataset) == 48
    image, label, number = dataset[5]
    assert image.shape == (3, 224, 224)
    assert label == videos[number]["label"] and number == 2
    assert dataset.samples[5][0].startswith(videos[2]["id"])


def test_the_seed_decides_the_augmentation_and_disturbs_nothing_else(extracted, videos):
    dataset = FaceFrames(extracted / "frames", videos, SETTINGS, is_training=True)
    before = torch.get_rng_state()
    assert dataset[0, 7][0].shape == (3, 224, 224)
    first, same, other = dataset[0, 7][0], dataset[0, 7][0], dataset[0, 8][0]
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_or_damaged_crop_is_named_with_the_remedy(tmp_path, extracted, videos):
    dataset = FaceFrames(tmp_path, videos, SETTINGS, is_training=False)
    path = tmp_path / dataset.samples[0][0]
    with pytest.raises(CropError, match=r"run src/1_extract_frames\.py again") as caught:
        dataset[0]
    assert str(path) in str(caught.value)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no jpeg")
    with pytest.raises(CropError):
        dataset[0]


def make_dataset(n_real: int, n_fake: int) -> FaceFrames:
    videos = [
        {
            "id": f"v{n}",
            "label": REAL if n < n_real else FAKE,
            "frames": [{"crop": "a.jpg"}, {"crop": None}, {"crop": "b.jpg"}],
        }
        for n in range(n_real + n_fake)
    ]
    return FaceFrames(None, videos, SETTINGS, is_training=True)


def test_an_epoch_is_seventy_thirty_with_fresh_fakes_and_all_reals():
    dataset = make_dataset(30, 300)
    sampler = RatioSampler(dataset, 0.7, seed=1)
    epochs = []
    for epoch in range(3):
        sampler.epoch = epoch
        indices = [index for index, _ in sampler]
        assert len(indices) == len(set(indices)) == len(sampler)
        labels = Counter(dataset.samples[index][1] for index in indices)
        assert labels == {REAL: 60, FAKE: 140}
        assert Counter(sampler.drawn_labels().tolist()) == labels
        epochs.append(indices)
    assert set(epochs[0]) != set(epochs[1])
    reals = [[i for i in indices if dataset.samples[i][1] == REAL] for indices in epochs]
    assert set(reals[0]) == set(reals[1]) and reals[0] != reals[1]


def test_the_order_follows_from_seed_and_epoch():
    dataset = make_dataset(10, 50)
    one, same, other = (list(RatioSampler(dataset, 0.7, seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert len({seed for _, seed in one}) == len(one)
    assert all(0 <= seed < 2**63 for _, seed in one)
