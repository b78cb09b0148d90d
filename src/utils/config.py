"""Fixed paths, class labels, and default settings."""

from __future__ import annotations  # setup_checker.py must run on an old Python

from dataclasses import dataclass
from pathlib import Path

from utils.flags import (
    fraction,
    inner_fraction,
    local,
    local_path,
    natural_float,
    natural_int,
    option,
    plain_name,
    positive_float,
    positive_int,
    shard,
)

ROOT = Path(__file__).resolve().parents[2]
FACEFORENSICS_DIR = ROOT / "data" / "faceforensics" / "archive" / "FaceForensics++_C23"
CELEB_DF_DIR = ROOT / "data" / "archive (1)"
DFDC_DIR = ROOT / "data" / "dfdc"
WILDDEEPFAKE_DIR = ROOT / "data" / "wilddeepfake"
OWN_DIR = ROOT / "data" / "own"
FRAMES_DIR = ROOT / "data" / "all_datasets_frames"
SPLITS_FILE = ROOT / "data" / "splits.json"
MODELS_DIR = ROOT / "models"
RESULTS_DIR = ROOT / "analysis_results"

REGISTRY_NAME = "video_registry.json"
BEST_MODEL_NAME = "best_model.pth"
LAST_MODEL_NAME = "last.pth"
FILM_NAME = "annotated.mp4"

VIDEO_SUFFIXES = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"}
VIDEO_SUFFIXES |= {".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".gif", ".ogv", ".vob", ".asf", ".f4v"}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".avif"}

REAL, FAKE = 0, 1
LABEL_NAMES = ("real", "fake")

ARCHITECTURES = (*(f"efficientnet_b{n}" for n in range(5)), "convnext_tiny", "vit_b_16")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

# The network sees the middle 7/8 of a stored crop: 224 of 256 px.
VISIBLE_SHARE = 7 / 8


@dataclass(frozen=True)
class ExtractConfig:
    """Settings of 1_extract_frames.py.

    The 256 px crop spans 1.54 x the longer side of the face box. The network sees its middle
    224 px, which is 1.35 x the face box; the rest is room for training to shift and zoom.
    """

    faceforensics: Path = option(FACEFORENSICS_DIR, "FaceForensics++: official tree or c23 archive")
    celeb_df: Path = option(CELEB_DF_DIR, "Celeb-DF v2")
    dfdc: Path = option(DFDC_DIR, "DFDC: folders with a metadata.json each")
    wilddeepfake: Path = option(WILDDEEPFAKE_DIR, "WildDeepfake: archives or folders of faces")
    own: Path = option(OWN_DIR, "your own videos and images, in real/ and fake/")
    output: Path = option(FRAMES_DIR, "where crops and registry go")
    models: Path = option(MODELS_DIR, "where the face detector's file is, or is downloaded to")
    frames: int = option(6, "evenly spaced frames a video", type=positive_int)
    crop_size_px: int = option(256, "side of a stored crop in pixels", type=positive_int)
    crop_margin: float = option(1.54, "side of a crop over side of the face", type=positive_float)
    detector: str = option("auto", "face detector", choices=("auto", "yunet", "haar"))
    original_boxes: bool = option(True, "cut fakes where the face of their original is")
    workers: int = option(0, "worker processes; 0 means one a core", type=natural_int)
    timeout_seconds: float = option(300.0, "give up on a video after this", type=positive_float)
    shard: str = option("1/1", "do part i of n, to share the work among machines", type=shard)
    results: Path = option(RESULTS_DIR, "where extraction/ goes: tables, counts, contact sheet")
    dry_run: bool = option(False, "only say what would be done, what it takes and how long")


@dataclass(frozen=True)
class ImportConfig:
    """Settings of import_faces.py."""

    faces: Path = option(ROOT / "data" / "faces", "folder of faces.csv and its pictures or shards")
    output: Path = option(ROOT / "data" / "faces_frames", "where crops and registry go")
    dataset: str = option("faces", "name of the data set", type=plain_name)
    margin: float = option(1.7, "side of a picture over side of its face", type=positive_float)


@dataclass(frozen=True)
class TrainConfig:
    """Settings of 2_train_model.py: the reference's hyper-parameters, and the rooms beside them."""

    preset: str = option("reference", "defaults of the flags below", choices=("reference", "blend"))
    frames_dir: Path = option(FRAMES_DIR, "output of 1_extract_frames.py")
    splits: Path = option(SPLITS_FILE, "identity-disjoint splits, made when absent")
    official_splits: bool = option(False, "obey the data sets' own lists where they have one")
    models: Path = option(MODELS_DIR, "where best_model.pth and last.pth go")
    results: Path = option(RESULTS_DIR, "where training/<run>/ goes")
    run_name: str = option("run", "name of this run under the results folder", type=plain_name)
    arch: str = option("efficientnet_b1", "network", choices=ARCHITECTURES)
    pretrained: bool = option(True, "start from ImageNet weights")
    init: tuple = option(
        (),
        "start from these weights: EfficientNet-Lite1's file, a checkpoint, or the mean of several",
        nargs="+",
        type=local,
    )
    epochs: int = option(10, "passes over the training set", type=positive_int)
    batch_size: int = option(24, "crops a step, of all processes together", type=positive_int)
    learning_rate: float = option(1e-4, "AdamW learning rate", type=positive_float)
    schedule: str = option("plateau", "of the learning rate", choices=("plateau", "cosine"))
    weight_decay: float = option(1e-5, "AdamW weight decay", type=fraction)
    dropout: float = option(0.3, "dropout in the head", type=fraction)
    stochastic_depth: float = option(0.2, "share of blocks left out in training", type=fraction)
    clip_gradient: float = option(0.0, "longest gradient, its L2 norm; 0: any", type=natural_float)
    place_weight: float = option(
        0.0, "weight of the loss by place: where a fake differs from its real", type=natural_float
    )
    ema: float = option(0.0, "decay of the averaged weights, as 0.999; 0 for none", type=fraction)
    image_size_px: int = option(224, "side of the network's input in pixels", type=positive_int)
    start_size_px: int = option(0, "its side in the first 3/4; 0: the same", type=natural_int)
    select: str = option("auc", "which epoch is kept, by validation", choices=("auc", "paired"))
    val_pictures: int = option(0, "single pictures that judge an epoch; 0: all", type=natural_int)
    fake_share: float = option(0.7, "share of fake videos in a training epoch", type=inner_fraction)
    self_blend: float = option(0.0, "share of fakes that are blended from reals", type=fraction)
    wide_blends: bool = option(False, "blends of more kinds, with distractors beside the face")
    moved_parts: float = option(0.0, "share of blends that only move mouth or eyes", type=fraction)
    reconstructed: float = option(0.0, "share of fakes: reals through a generator", type=fraction)
    unpaired: float = option(0.5, "share of deepfakes without their own footage", type=fraction)
    epoch_crops: int = option(0, "crops an epoch shows; 0: each real once", type=natural_int)
    source_power: float = option(0.5, "a source counts by its size to this power", type=fraction)
    least_shown: float = option(0.25, "least times the average that a real is shown", type=fraction)
    most_shown: float = option(
        4.0, "most times the average that a real is shown", type=positive_float
    )
    tool_repeats: float = option(
        10.0, "most times a deepfake's frame is shown", type=positive_float
    )
    frames_shown: int = option(0, "frames of a real video that count; 0: all", type=natural_int)
    curriculum: float = option(0.4, "share of epochs in which blends get harder", type=fraction)
    batch_norm: float = option(1.0, "share of epochs that normalise by the batch", type=fraction)
    precision: str = option("auto", "arithmetic; auto measures", choices=PRECISIONS)
    compile: bool = option(False, "compile the network: slower to start, faster to train")
    device: str = option("auto", "auto, cpu, cuda or mps")
    workers: int = option(2, "data loading processes", type=natural_int)
    seed: int = option(42, "seed of splits, sampling, augmentation and weights", type=int)
    resume: bool = option(False, "go on after an interruption")
    only_calibrate: bool = option(
        False, "no training: measure best_model.pth, or --init, on validation"
    )


# What --preset changes. blend: real faces only, weights not from ImageNet's usual file.
PRESETS = {
    "reference": {},
    "blend": {
        "self_blend": 1.0,
        "pretrained": False,
        "epochs": 40,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "weight_decay": 1e-2,
        "dropout": 0.1,
        "stochastic_depth": 0.0,
        "clip_gradient": 2.0,
        "ema": 0.999,
        "batch_norm": 0.4,
        "image_size_px": 128,
    },
}


@dataclass(frozen=True)
class TestConfig:
    """Settings of 3_test_video.py."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    model: tuple = option(
        (MODELS_DIR / BEST_MODEL_NAME,),
        "checkpoint of 2_train_model.py, or several, which judge together",
        nargs="+",
        type=str,
    )
    models: Path = option(MODELS_DIR, "where the face detector's file is, or is downloaded to")
    results: Path = option(RESULTS_DIR, "where <video_name>/ goes")
    frames: int = option(10, "evenly spaced frames a video", type=positive_int)
    detector: str = option("auto", "face detector", choices=("auto", "yunet", "haar"))
    device: str = option("auto", "auto, cpu, cuda or mps")
    again: bool = option(False, "judge files of a folder anew that were judged before")
    quiet: bool = option(False, "one line a file")
    annotate: bool = option(False, "also write annotated.mp4: faces followed, scores, a timeline")
    json: bool = option(False, "print report.json of each file on one line, and nothing else")


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of 4_evaluate_model.py."""

    model: tuple = option(
        (MODELS_DIR / BEST_MODEL_NAME,),
        "checkpoint of 2_train_model.py, or several, which judge together",
        nargs="+",
        type=local_path,
    )
    against: tuple = option((), "others, on the same videos", nargs="+", type=local_path)
    scores: tuple = option(
        (), "CSVs of path,p_fake: other detectors, on the same videos", nargs="+", type=local_path
    )
    videos: str = option(
        "", "folder or CSV of labelled videos, instead of the test split", type=local
    )
    frames_dir: Path = option(FRAMES_DIR, "output of 1_extract_frames.py")
    splits: Path = option(SPLITS_FILE, "splits, one part of which is evaluated")
    split: tuple = option(
        ("test",), "what is evaluated of the splits", nargs="+", type=str, choices=("val", "test")
    )
    blends: bool = option(False, "add blended fakes of the test split's real faces")
    at_most: int = option(0, "take so many of the split's videos; 0: all", type=natural_int)
    robustness: bool = option(False, "also with JPEG, H.264, blur and others, and attacked")
    frames: int = option(10, "evenly spaced frames a video, with --videos", type=positive_int)
    models: Path = option(MODELS_DIR, "where the face detector's file is, or is downloaded to")
    results: Path = option(RESULTS_DIR, "where evaluation/<run>/ goes")
    run_name: str = option("run", "name of this run under the results folder", type=plain_name)
    skip_missing: bool = option(False, "go on when listed videos are not there")
    device: str = option("auto", "auto, cpu, cuda or mps")


@dataclass(frozen=True)
class VerdictConfig:
    """When a verdict is INCONCLUSIVE, and whom it is about. Shares and probabilities in [0, 1]."""

    min_frames: int = 3
    min_agreement: float = 0.7  # share of frames that must vote with the verdict
    min_run: float = 0.3  # share of frames in a row that make a part of the video FAKE
    max_faces: int = 8  # judged; the others are only counted
