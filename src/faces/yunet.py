"""The YuNet face detector's file: where it is, and where it comes from."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import hashlib
import os
import urllib.request
from pathlib import Path

from utils import console
from utils.files import atomic_file

YUNET_FILE = "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_URL = (
    "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/" + YUNET_FILE
)
YUNET_VARIABLE = "YUNET_MODEL"
OFFLINE_VARIABLE = "DEEPFAKE_OFFLINE"


def find_yunet_file(models_dir: Path) -> Path:
    """YuNet's file: in models_dir, else where $YUNET_MODEL says, else downloaded to models_dir.

    Every candidate must have the published SHA-256. Raises OSError when there is none.
    """
    candidates = [models_dir / YUNET_FILE]
    if YUNET_VARIABLE in os.environ:
        candidates.append(Path(os.environ[YUNET_VARIABLE]))
    for candidate in candidates:
        if candidate.is_file():
            if is_yunet(candidate.read_bytes()):
                return candidate
            console.warn(f"{console.shown(candidate)} is not YuNet 2023mar (checksum): ignored")
    if os.environ.get(OFFLINE_VARIABLE, "0") != "0":
        raise FileNotFoundError(f"no {YUNET_FILE}, and {OFFLINE_VARIABLE} forbids the download")
    with urllib.request.urlopen(YUNET_URL, timeout=10) as reply:
        content = reply.read(1 << 20)
    if not is_yunet(content):
        raise OSError("the downloaded file has a wrong checksum")
    with atomic_file(candidates[0]) as stream:
        stream.write(content)
    console.good(f"YuNet face detector downloaded to {console.shown(candidates[0])}")
    return candidates[0]


def is_yunet(content: bytes) -> bool:
    """Whether this is the published file."""
    return hashlib.sha256(content).hexdigest() == YUNET_SHA256
