"""What one session of judging keeps: detector, model, device, and where its reports go."""

import gc
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from faces.detect import load_detector
from judging.analysis import Analysis, find_faces, score_and_judge
from judging.summary import VERSION, report_content
from utils import console
from utils.config import TestConfig
from utils.files import sha256_of

UNTRAINED = "the weights are untrained, so these scores mean nothing"
SAME_FACTS = ("sha256", "detector", "frames")  # what a report must share not to be made again
NAME_BYTES = 130  # of 255, or 143 where names are encrypted; a digest may follow
# Names under analysis_results/ that other scripts use for their own folders.
RESERVED_NAMES = {"training", "evaluation", "extraction", "demo", "summary"}


class Session:
    """The model loads in a thread while the first video is read. output: where JSON goes.

    warm_up: what that thread does behind it, such as importing what writes reports.
    """

    def __init__(
        self,
        config: TestConfig,
        allow_untrained: bool,
        output,
        warm_up: Callable[[], object] = lambda: None,
    ):
        self.config, self.output = config, output
        self.is_trained = all(path.exists() for path in config.model) or not allow_untrained
        self._model: Future = ThreadPoolExecutor(1).submit(
            _load_model, config, self.is_trained, warm_up
        )
        self.detector = load_detector(config.detector, config.models)
        self._has_warned = False

    def model(self):
        """(checkpoint, device, facts for report.json); raises what loading raised."""
        return self._model.result()

    def analyse(self, path: Path) -> Analysis:
        """Judge one file. Raises VideoError."""
        analysis = find_faces(path, self.detector, self.config.frames)
        checkpoint, device, _ = self.model()
        self._compare_detectors(checkpoint.preprocessing.detector)
        caveat = checkpoint.caveat if self.is_trained else UNTRAINED
        score_and_judge(analysis, checkpoint, device, caveat)
        return analysis

    def report(self, analysis: Analysis) -> dict:
        """What report.json holds."""
        return report_content(analysis, self._facts())

    def earlier_report(self, path: Path) -> dict | None:
        """report.json of the same file, unchanged since, by the same model and settings."""
        folder = results_folder(self.config.results, path)
        try:
            report, about = json.loads((folder / "report.json").read_bytes()), path.stat()
            known = report["file"]["size_bytes"], report["file"]["modified_ns"]
            facts = self._facts()
            is_same = report["version"] == VERSION
            is_same &= all(report["model"][name] == facts[name] for name in SAME_FACTS)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return report if is_same and known == (about.st_size, about.st_mtime_ns) else None

    def _facts(self) -> dict:
        return self.model()[2] | {"detector": self.detector.name, "frames": self.config.frames}

    def _compare_detectors(self, trained_with: str) -> None:
        """Warn, once, where the model was trained on another detector's crops."""
        if self.is_trained and self.detector.name != trained_with and not self._has_warned:
            self._has_warned = True
            console.warn(
                f"The model was trained on crops of {trained_with}, these are of "
                f"{self.detector.name}: scores may differ a little"
            )


def _load_model(config: TestConfig, is_trained: bool, warm_up: Callable[[], object]):
    from network.checkpoint import untrained_checkpoint
    from network.device import pick_device, place
    from network.joint import load_joint

    device = pick_device(config.device)
    checkpoint = load_joint(config.model) if is_trained else untrained_checkpoint()
    place(checkpoint.model, device)
    warm_up()
    gc.freeze()  # what torch imported stays: the collector need not walk it for every video

    facts = {
        "architecture": checkpoint.model.arch,
        "is_trained": is_trained,
        "file": joined(config.model) if is_trained else None,
        "sha256": joined(map(sha256_of, config.model)) if is_trained else None,
        "epoch": checkpoint.training.get("epoch"),
        "validation": checkpoint.metrics.get("validation"),
        "device": str(device),
        "versions": _versions(),
    }
    return checkpoint, device, facts


def joined(parts: Iterable) -> str:
    """What is said of a model, or of several that judge together."""
    return " + ".join(map(str, parts))


def _versions() -> dict:
    import av
    import torch

    known = {"Python": platform.python_version(), "torch": torch.__version__}
    return known | {"opencv": cv2.__version__, "av": av.__version__, "numpy": np.__version__}


def results_folder(results: Path, path: Path) -> Path:
    """results/<video_name>/, with a digest of the path added where another file has that name."""
    name = folder_name(path.stem)
    folder = results / name
    owner = None
    if folder.exists():
        try:
            owner = json.loads((folder / "report.json").read_bytes())["file"]["path"]
        except (OSError, ValueError, KeyError, TypeError):
            owner = "unknown"
    if name.lower() in RESERVED_NAMES or owner not in (None, os.path.realpath(path)):
        digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:8]
        folder = results / f"{name}_{digest}"
    return folder


def folder_name(text: str) -> str:
    """A folder's name of text: at most 100 characters and, for file systems count these, bytes."""
    name = "".join(c if c.isprintable() else "_" for c in text)[:100]
    return name.encode()[:NAME_BYTES].decode(errors="ignore").strip(". ") or "video"
