"""The checkpoint file: the one place that knows its format."""

import contextlib
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from network.model import DeepfakeDetector
from network.soundness import (
    TRAINED,
    check,
    check_marks,
    checked_preprocessing,
    fitting,
    foreign,
    number,
    plain,
)
from pictures.transforms import Preprocessing
from scoring.verdict import Marks, known_marks
from utils.config import ARCHITECTURES
from utils.console import Failure
from utils.files import atomic_file

FORMAT = "deepfake-detector"
VERSION = 2
NO_MARKS = (
    "the model's file does not say how much its scores weigh, so they decide nothing: run "
    "src/2_train_model.py --only-calibrate"
)


class CheckpointError(Failure):
    """A checkpoint that is missing or unusable; the message names it and the remedy."""


@dataclass
class Checkpoint:
    """A model with everything needed to use it, and where wanted to train it further.

    metrics: figures measured on validation, and by 'calibration' the marks that it set. training:
    configuration and state of the run.
    """

    model: DeepfakeDetector
    preprocessing: Preprocessing
    metrics: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)

    @property
    def caveat(self) -> str | None:
        """Why its scores decide nothing, or None."""
        return None if _is_calibrated(self.metrics) else NO_MARKS

    @property
    def marks(self) -> Marks:
        """What validation taught about its scores; without that, they decide nothing."""
        return known_marks(self.metrics["calibration"]) if self.caveat is None else Marks()


def save_checkpoint(path: Path, checkpoint: Checkpoint, half: bool = False) -> None:
    """Write atomically; plain containers and tensors only, so that weights_only=True reads it.

    half: store weights in half precision, which halves the file and serves inference as well.
    """
    weights = checkpoint.model.state_dict()
    if half:
        largest = torch.finfo(torch.float16).max
        weights = {
            name: value.clamp(-largest, largest).half() if value.is_floating_point() else value
            for name, value in weights.items()
        }
    content = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": checkpoint.model.arch,
        "state_dict": weights,
        "preprocessing": asdict(checkpoint.preprocessing),
        "metrics": checkpoint.metrics,
        "training": checkpoint.training,
    }
    with atomic_file(path) as stream:
        torch.save(content, stream)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to the CPU, in evaluation mode. No code in the file is executed.

    Raises CheckpointError for a missing, damaged, unsafe or foreign file, and for one whose values
    make no sense.
    """
    content = read_file(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        is_bare = isinstance(content, dict) and any(map(torch.is_tensor, content.values()))
        bare = " (bare weights, without the settings and marks that belong to them)" * is_bare
        raise CheckpointError(f"{path} is not a checkpoint of this project{bare}: {TRAINED}")
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has format version {content.get('version')}, this code reads "
            f"{VERSION}: train again with src/2_train_model.py"
        )
    arch = content.get("architecture")
    if arch not in ARCHITECTURES:
        raise CheckpointError(
            f"{path} is for the architecture {arch}, which this code does not know: "
            "name another file with --model"
        )
    try:
        with torch.device("meta"):  # no random weights that the file's would replace at once
            model = DeepfakeDetector(arch=arch)
        model.load_state_dict(fitting(content["state_dict"], model.state_dict()), assign=True)
        for name, low, high in (("temperature", 1e-3, 1e3), ("threshold", 1e-6, 1 - 1e-6)):
            number(content.get(name, 0.5), name, low, high)  # of older files; unused
        metrics, training = plain(content["metrics"], finite=True), plain(content["training"])
        check(
            isinstance(metrics, dict) and isinstance(training, dict),
            "no table of metrics, or of training",
        )
        if _is_calibrated(metrics):
            check_marks(metrics["calibration"])
        preprocessing = checked_preprocessing(content["preprocessing"])
        model.by_place = training.get("config", {}).get("place_weight", 0.0) > 0
        return Checkpoint(model.eval(), preprocessing, metrics, training)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(
            f"{path} does not fit this network ({reason.splitlines()[0]}): train again with "
            "src/2_train_model.py"
        ) from error


def _is_calibrated(metrics: dict) -> bool:
    """Whether it holds marks as they are now: once they were thresholds of p_fake."""
    return "likelihood" in (metrics.get("calibration") or ())


def read_file(path: Path):
    """What a file of torch.save holds: containers, tensors and numbers. Raises CheckpointError."""
    try:
        if what := foreign(path):
            raise CheckpointError(f"{path} {what}")
        with _numpy_numbers_allowed():
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} not found: run src/2_train_model.py first, or see the pipeline at work with "
            "src/3_test_video.py --demo"
        ) from error
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is damaged, or holds more than weights; nothing in it was executed: {TRAINED}"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # torch raises as many kinds as there are ways to damage a file
        reason = error.strerror if isinstance(error, OSError) else "not a whole checkpoint"
        raise CheckpointError(
            f"{path} is truncated or damaged ({reason}): copy it again, or train again"
        ) from error


def _numpy_numbers_allowed():
    """Numbers and arrays of them, as metrics may be; still no code in the file is executed."""
    if not hasattr(torch.serialization, "safe_globals"):  # before PyTorch 2.5
        return contextlib.nullcontext()
    makers = [np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]]
    kinds = [type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"]
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")  # before and since NumPy 2
    names = [(maker, f"{module}.{maker.__name__}") for maker in makers for module in modules]
    return torch.serialization.safe_globals([np.dtype, np.ndarray, *makers, *names, *kinds])


def untrained_checkpoint() -> Checkpoint:
    """A network with random weights, always the same, to show the pipeline without a model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Checkpoint(DeepfakeDetector().eval(), Preprocessing())
