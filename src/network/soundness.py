"""What is refused as a checkpoint: files of other kinds, and values that make no sense."""

import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pictures.transforms import Preprocessing
from scoring.verdict import known_marks

TRAINED = "use one that src/2_train_model.py wrote"
# First bytes, what it is, and the remedy.
KINDS = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself", "run git lfs pull"),
    (b"\x89HDF", "is an HDF5 file, as Keras writes", TRAINED),
    (b"GGUF", "is a GGUF file", TRAINED),
    (b"\x1f\x8b", "is a gzip archive", "unpack it first"),
    (b"7z\xbc\xaf", "is a 7-Zip archive", "unpack it first"),
    (b"Rar!", "is a RAR archive", "unpack it first"),
    (b"%PDF", "is a PDF", TRAINED),
)
PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml")
HEAD_BYTES = 1024
WRAPPERS = ("module.", "_orig_mod.")
DETECTORS = ("yunet", "haar")
MARGINS, MAX_PX = (0.1, 20), 8192


def foreign(path: Path) -> str | None:
    """'is ...: remedy' of what is known not to be a checkpoint, or None. Raises OSError."""
    if path.is_dir():
        return "is a folder: name the file in it"
    with open(path, "rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        return "is empty (0 bytes): copy it again"
    for start, kind, remedy in KINDS:
        if head.startswith(start):
            return f"{kind}: {remedy}"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(PAGE_STARTS) or b"<html" in text:
        return "is a web page, such as one to log in, not the file itself: download it again"
    if _is_safetensors(head, path.stat().st_size):
        return f"is a safetensors file, which holds weights and no settings: {TRAINED}"
    if zipfile.is_zipfile(path):
        return _foreign_archive(path)
    return None


def _is_safetensors(head: bytes, size: int) -> bool:
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _foreign_archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            damaged = archive.testzip()  # torch does not compare the checksums
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        return "is truncated or damaged: copy it again, or train again"
    if damaged:
        return f"is damaged (in {damaged}): copy it again, or train again"
    if any(name.endswith("/constants.pkl") for name in names):
        return f"is a TorchScript program, not a checkpoint: {TRAINED}"
    if not any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return f"is a zip archive without weights: unpack it first, or {TRAINED}"
    return None


def plain(value, finite: bool = False):
    """The same with Python's numbers for NumPy's; if finite, with None for numbers that are none,
    which no report can hold."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain(item, finite) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item, finite) for item in value)
    return None if finite and isinstance(value, float) and not math.isfinite(value) else value


def fitting(weights: dict, wanted: dict) -> dict:
    """Weights by the names that the network wants, as float32. Raises ValueError."""
    weights = {_own_name(name): value for name, value in weights.items()}
    for what, names in (
        ("lacks", wanted.keys() - weights),
        ("has unknown", weights.keys() - wanted),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(f"it {what} {min(names)}{more}")
    for name, value in weights.items():
        shape, is_float = tuple(wanted[name].shape), wanted[name].is_floating_point()
        check(torch.is_tensor(value), f"{name}, which is no tensor")
        check(tuple(value.shape) == shape, f"{name} of shape {tuple(value.shape)}, not {shape}")
        check(value.is_floating_point() == is_float, f"{name} of type {value.dtype}")
        check(not is_float or value.isfinite().all(), f"{name}, which is not finite")
    return {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}


def _own_name(name: str) -> str:
    """Without what DistributedDataParallel and torch.compile put in front."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def check(is_sound: bool, what: str) -> None:
    """Raise ValueError, naming what, unless it is sound."""
    if not is_sound:
        raise ValueError(f"it has {what}")


def number(value, name: str, low: float, high: float) -> float:
    """value as float. Raises ValueError for what is no number from low to high."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    check(
        is_number and low <= value <= high,
        f"{name} {value!r}, not a number from {low:g} to {high:g}",
    )
    return float(value)


def checked_preprocessing(values: dict) -> Preprocessing:
    known = Preprocessing(**values)
    check(known.detector in DETECTORS, f"the detector {known.detector!r}")
    for name in ("crop_size_px", "image_size_px"):
        number(values.get(name, 1), name, 1, MAX_PX)
        check(
            int(getattr(known, name)) == getattr(known, name), f"a {name} that is no whole number"
        )
    number(known.crop_margin, "crop_margin", *MARGINS)
    return replace(
        known, crop_size_px=int(known.crop_size_px), image_size_px=int(known.image_size_px)
    )


def check_marks(stored: dict) -> None:
    """Raise TypeError for a mark that is missing or unknown, ValueError for one that makes no
    sense."""
    marks = known_marks(stored)
    known = marks.likelihood
    for name in ("slope", "frames"):
        number(getattr(known, name), name, 0, math.inf)
    for name in ("offset", "sharpness"):
        number(getattr(known, name), name, -math.inf, math.inf)
    for name, low, high in (("low", 1e-9, 1), ("high", 1, 1e9)):
        number(getattr(known, name), name, low, high)
    lowest, middle, highest = (number(q, "sharp", 1e-9, math.inf) for q in known.sharp)
    check(lowest <= middle <= highest, f"sharp {known.sharp} out of order")
    number(marks.real_below, "real_below", 0, 1)
    if marks.fake_from is not None:
        number(marks.fake_from, "fake_from", 1, math.inf)
    for name in ("false_alarms", "cleared", "found", "missed"):
        for share in getattr(marks, name) or ():
            number(share, name, 0, 1)
