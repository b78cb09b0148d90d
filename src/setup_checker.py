"""Say what this machine has and lacks. Needs only Python's standard library."""

from __future__ import annotations  # to run on a Python that is too old, and say so

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

from datasets.catalog import discover_celeb_df, discover_faceforensics
from faces.yunet import YUNET_FILE, YUNET_VARIABLE, is_yunet
from utils import console
from utils.config import (
    BEST_MODEL_NAME,
    CELEB_DF_DIR,
    FACEFORENSICS_DIR,
    FAKE,
    MODELS_DIR,
    ROOT,
)
from utils.console import shown

MIN_PYTHON = (3, 10)
EXTRACTION_GB = 18  # crops of the full FaceForensics++ and Celeb-DF, with room to spare
IMPORT_NAMES = {"opencv-python": "cv2", "pillow": "PIL", "scikit-learn": "sklearn"}
INSTALL = "pip install -r requirements.txt"


class Checker:
    """Prints one line a check and counts them by colour."""

    def __init__(self):
        self.counts = {"good": 0, "warn": 0, "bad": 0}

    def say(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        getattr(console, kind)(text)


def check_python(checker: Checker, version: tuple = sys.version_info) -> None:
    text = "Python " + ".".join(map(str, version[:3]))
    if tuple(version[:2]) >= MIN_PYTHON:
        checker.say("good", text)
    else:
        checker.say("bad", f"{text}: at least {MIN_PYTHON[0]}.{MIN_PYTHON[1]} is needed")


def required_packages(requirements: Path) -> list[tuple[str, str, str | None]]:
    """(name, lower bound, exclusive upper bound or None) of each line of requirements.txt."""
    found = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w-]+)>=([\d.]+)(?:,<([\d.]+))?$", line.strip()):
            found.append(match.groups())
    return found


def check_package(checker: Checker, name: str, low: str, high: str | None) -> None:
    wanted = f"{name}>={low}" + (f",<{high}" if high else "")
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        # OpenCV comes under several names; any of them serves.
        version = _imported_version(IMPORT_NAMES.get(name, name))
    if version is None:
        checker.say("bad", f"{name} is missing: {INSTALL}")
    elif high and numbers(version) >= numbers(high):
        reason = " (5.x has no cascade classifier)" if name == "opencv-python" else ""
        checker.say("bad", f'{name} {version} is the wrong one{reason}: pip install "{wanted}"')
    elif numbers(version) < numbers(low):
        checker.say("bad", f'{name} {version} is too old: pip install "{wanted}"')
    elif name == "opencv-python" and (reason := _import_failure("cv2")):
        remedy = "on Debian: apt-get install libgl1 libglib2.0-0"
        checker.say("bad", f"{name} {version} cannot be imported ({reason}); {remedy}")
    else:
        checker.say("good", f"{name} {version}")


def _import_failure(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        return str(error).partition("\n")[0]
    return None


def numbers(version: str) -> tuple[int, ...]:
    """'2.4.1+cu124' -> (2, 4, 1): the leading numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*", version)[0])))


def _imported_version(module: str) -> str | None:
    if util.find_spec(module) is None:
        return None
    try:
        return getattr(importlib.import_module(module), "__version__", "0")
    except ImportError:
        return None


def check_device(checker: Checker) -> None:
    if reason := _import_failure("torch"):
        gpu = _nvidia_smi() or "unknown"
        checker.say("bad", f"GPU: {gpu}, PyTorch cannot be imported ({reason}): {INSTALL}")
        return
    import torch

    if torch.cuda.is_available():
        facts = torch.cuda.get_device_properties(0)
        memory = f"{facts.total_memory / 1e9:.1f} GB"
        checker.say("good", f"GPU: {facts.name}, {memory}, CUDA {torch.version.cuda}")
    elif torch.backends.mps.is_available():
        checker.say("good", "GPU: Apple MPS")
    elif gpu := _nvidia_smi():
        checker.say("warn", f"GPU: {gpu}, but this PyTorch cannot use it: check driver and CUDA")
    else:
        checker.say("warn", "GPU: none. Testing videos works on the CPU, training takes long")


def _nvidia_smi() -> str | None:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return reply.stdout.strip().partition("\n")[0] or None


def check_disk(checker: Checker, folder: Path) -> None:
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb >= EXTRACTION_GB:
        checker.say("good", f"Disk: {free_gb:.0f} GB free")
    elif free_gb >= 1:
        text = f"Disk: {free_gb:.1f} GB free; a full extraction needs about {EXTRACTION_GB} GB"
        checker.say("warn", text)
    else:
        checker.say("bad", f"Disk: only {free_gb:.2f} GB free: make room")


def check_data(checker: Checker, name: str, folder: Path, discover) -> None:
    videos = discover(folder)
    if videos:
        fake = sum(video.label == FAKE for video in videos)
        counts = f"{len(videos):,} videos ({len(videos) - fake:,} real, {fake:,} fake)"
        checker.say("good", f"{name}: {counts}")
    else:
        checker.say("warn", f"{name}: not found in {shown(folder)} (needed only for training)")


def check_models(checker: Checker, models: Path) -> None:
    places = [models / YUNET_FILE, Path(os.environ.get(YUNET_VARIABLE, ""))]
    found = [place for place in places if place.is_file()]
    if any(is_yunet(place.read_bytes()) for place in found):
        checker.say("good", f"Face detector: {YUNET_FILE}")
    elif found:
        text = "is not YuNet 2023mar (checksum): delete it, so that it is downloaded again"
        checker.say("warn", f"Face detector: {shown(found[0])} {text}")
    else:
        text = "downloaded at the first run; without network a weaker one takes over"
        checker.say("warn", f"Face detector: {YUNET_FILE} is not in {shown(models)}: {text}")
    if (models / BEST_MODEL_NAME).is_file():
        checker.say("good", f"Trained model: {BEST_MODEL_NAME}")
    else:
        text = "run src/2_train_model.py, or see the pipeline at work with 3_test_video.py --demo"
        checker.say("warn", f"Trained model: no {BEST_MODEL_NAME} in {shown(models)}: {text}")


def run() -> int:
    checker = Checker()
    console.heading("🔧 SETUP CHECK")
    check_python(checker)
    for package in required_packages(ROOT / "requirements.txt"):
        check_package(checker, *package)
    check_device(checker)
    check_disk(checker, ROOT)
    check_data(checker, "FaceForensics++", FACEFORENSICS_DIR, discover_faceforensics)
    check_data(checker, "Celeb-DF", CELEB_DF_DIR, discover_celeb_df)
    check_models(checker, MODELS_DIR)

    good, warn, bad = checker.counts.values()
    console.heading("📊 SUMMARY")
    print(f"   {good} fine, {warn} optional or to come, {bad} missing or wrong")
    if bad:
        console.bad("Not ready: mend the lines marked ❌ first")
        return 1
    has_model = (MODELS_DIR / BEST_MODEL_NAME).is_file()
    console.good("Ready: python src/3_test_video.py" + ("" if has_model else " --demo"))
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    return console.run_script(run)


if __name__ == "__main__":
    sys.exit(main())
