"""The torch dataset: what the network sees."""

import shutil
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from conftest import read_json

from datasets.crops import FaceFrames, collate, write_copies
from datasets.draws import BLEND, RECONSTRUCTION
from datasets.partners import with_blended_twins
from datasets.registry import CropError
from datasets.sampling import Draw
from pictures.changes import edges
from pictures.harms import HARMS
from pictures.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, eval_transform
from utils.config import FAKE, REAL

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


def test_items_carry_label_and_number(extracted, videos):
    dataset = FaceFrames(extracted / "frames", videos, SETTINGS, is_training=False)
    assert len(dataset) == 48
    (item,) = dataset.__getitems__([5])
    assert item.image.shape == (3, 224, 224)
    sample = dataset.samples[item.index]
    assert item.index == 5 and sample.video == 2
    assert item.label == sample.label == videos[2]["label"]
    assert sample.name.startswith(videos[2]["id"])


def test_the_seed_decides_the_augmentation_and_disturbs_nothing_else(extracted, videos):
    dataset = FaceFrames(extracted / "frames", videos, SETTINGS, is_training=True)
    before = torch.get_rng_state()
    draws = [Draw(0, seed, 96, 1.0) for seed in (7, 7, 8)]
    first, same, other = (item.image for item in dataset.__getitems__(draws))
    assert first.shape == (3, 96, 96)
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_and_damaged_crops_are_reported_in_the_batch(tmp_path, extracted, videos):
    shutil.copytree(extracted / "frames", tmp_path, dirs_exist_ok=True)
    dataset = FaceFrames(tmp_path, videos, SETTINGS, is_training=False)
    missing, damaged = (tmp_path / dataset.samples[n].name for n in (1, 3))
    missing.unlink()
    damaged.write_bytes(b"no jpeg")
    batch = collate(dataset.__getitems__([0, 1, 2, 3]))
    assert batch.unreadable == [str(missing), str(damaged)]
    assert batch.indices.tolist() == [0, 2] and batch.images.shape == (2, 3, 224, 224)
    assert batch.labels.tolist() == [dataset.samples[n].label for n in (0, 2)]
    assert len(collate(dataset.__getitems__([1])).labels) == 0


@pytest.fixture
def blendable(videos):
    """The same records as YuNet would have left them: with landmarks and skin colour."""
    points = [[96, 105], [160, 105], [128, 140], [102, 175], [154, 175]]
    for number, video in enumerate(videos):
        for frame in video["frames"]:
            frame |= {"landmarks_in_crop_xy": points, "skin_lab": [150 + number % 7, 140, 140]}
    return videos


def test_a_real_crop_comes_with_its_own_fake_through_the_same_changes(extracted, blendable):
    dataset = FaceFrames(extracted / "frames", blendable, SETTINGS, True, self_blend=True)
    real = next(n for n, s in enumerate(dataset.samples) if s.label == REAL)
    fake = next(n for n, s in enumerate(dataset.samples) if s.label == FAKE)
    items = dataset.__getitems__([Draw(real, seed, 224, 1.0, BLEND) for seed in range(6)])
    assert [item.label for item in items] == [REAL, FAKE] * 6
    for one, other in zip(items[::2], items[1::2], strict=True):
        difference = (one.image - other.image).abs()
        corners = [difference[:, y, x] for y in (0, -1) for x in (0, -1)]
        assert difference.max() > 0.05  # the face was blended
        assert torch.stack(corners).median() < 0.05  # and what surrounds it was not
    again = dataset.__getitems__([Draw(real, 0, 224, 1.0, BLEND)])
    assert torch.equal(again[1].image, items[1].image)
    assert [item.label for item in dataset.__getitems__([Draw(fake, 0, 224, 1.0)])] == [FAKE]


def test_a_reconstruction_differs_from_its_crop_by_the_copy_alone(tmp_path, extracted, blendable):
    shutil.copytree(extracted / "frames", tmp_path, dirs_exist_ok=True)
    name = FaceFrames(tmp_path, blendable, SETTINGS, False).samples[0].name
    crop = cv2.imread(str(tmp_path / name))
    copy = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
    copy[::2] = np.clip(copy[::2].astype(int) + 60, 0, 255)  # a generator's trace
    cv2.imwrite(str(tmp_path / "copy.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 95])
    write_copies(tmp_path, {name: {"latent": "copy.jpg"}})
    dataset = FaceFrames(tmp_path, blendable, SETTINGS, True)
    blends = [dataset.blend_of(Draw(0, seed, 224, 1.0, RECONSTRUCTION)) for seed in range(30)]
    wholes = [blend for blend in blends if blend.mask.min() == 1]
    assert 5 < len(wholes) < 25
    small = cv2.resize(crop[..., ::-1], (128, 128), interpolation=cv2.INTER_AREA)
    equally_sharp = 0
    for blend in blends:
        # The real one is as soft as its copy, and both are equal away from the mask.
        soft = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC).astype(int)
        assert np.abs(blend.real - soft).mean() < 3
        equally_sharp += edges(blend.fake) < 1.5 * edges(blend.real)
        assert np.array_equal(blend.real[blend.mask == 0], blend.fake[blend.mask == 0])
    assert 3 < equally_sharp < 15
    items = dataset.__getitems__([Draw(0, 3, 224, 1.0, RECONSTRUCTION)])
    assert [item.label for item in items] == [REAL, FAKE]


def test_evaluation_gets_blended_twins_of_its_reals_and_always_the_same(extracted, blendable):
    reals = [video for video in blendable if video["label"] == REAL]
    both = with_blended_twins(reals)
    dataset = FaceFrames(extracted / "frames", both, SETTINGS, False, self_blend=True)
    kinds = Counter((s.label, dataset.videos[s.video]["method"]) for s in dataset.samples)
    assert kinds == {(REAL, "original"): 24, (FAKE, "self-blend"): 24, (FAKE, "swap"): 24}
    items = dataset.__getitems__([0, 24, 48])
    assert [item.label for item in items] == [REAL, FAKE, FAKE]
    plain = FaceFrames(extracted / "frames", reals, SETTINGS, False)
    assert torch.equal(items[0].image, plain.__getitems__([0])[0].image)
    for item, same in zip(items, dataset.__getitems__([0, 24, 48]), strict=True):
        assert torch.equal(item.image, same.image)
    assert not torch.equal(items[1].image, items[2].image)
    people = [set(video["identities"]) for video in dataset.videos]
    assert dataset.partners.keys() == {sample.name for sample in dataset.samples}
    for sample in dataset.samples:
        own = people[sample.video]
        for partner in dataset.partners[sample.name]:
            assert own.isdisjoint(people[dataset.samples[partner].video])
            assert dataset.samples[partner].label == REAL


def test_evaluation_can_show_crops_as_bad_video_would_both_twins_alike(extracted, blendable):
    reals = with_blended_twins([video for video in blendable if video["label"] == REAL])
    dataset = FaceFrames(extracted / "frames", reals, SETTINGS, False, self_blend=True)
    numbers = range(0, 24)
    before = [dataset.shown_image(n).astype(int) for n in numbers]
    sharp = [dataset.sharpness(n) for n in numbers]
    dataset.worse = True
    after = [dataset.shown_image(n).astype(int) for n in numbers]
    assert np.array_equal(after[3], dataset.shown_image(3))
    changed = [n for n in numbers if not np.array_equal(before[n], after[n])]
    assert len(changed) > 12
    harms = [[dataset.harm(n + 24 * twin) for n in numbers] for twin in range(3)]
    assert harms[0] == harms[1] == harms[2] and len(set(harms[0])) > 1
    by_video = {(dataset.samples[n].video, dataset.harm(n)) for n in numbers}
    assert len(by_video) == len({dataset.samples[n].video for n in numbers})
    assert set(harms[0]) <= set(HARMS)
    # The crops are all of one face, so their median tells what bad video does to sharpness.
    assert np.median([dataset.sharpness(n) for n in changed]) < np.median(sharp)
    twin = dataset.shown_image(changed[0] + 48).astype(int)
    corner = (slice(0, 20), slice(0, 20))  # which a swap leaves as it is
    assert np.abs(twin[corner] - after[changed[0]][corner]).mean() < 4


def test_blending_without_landmarks_is_refused(extracted, videos):
    with pytest.raises(CropError, match="with --detector yunet"):
        FaceFrames(extracted / "frames", videos, SETTINGS, True, self_blend=True)
