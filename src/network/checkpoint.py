"""The checkpoint file: the one place that knows its format."""

import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from network.model import BACKBONES, DeepfakeDetector
from pictures.transforms import Preprocessing
from scoring.verdict import Marks
from utils.console import Failure
from utils.files import atomic_file

FORMAT = "deepfake-detector"
VERSION = 2  # 2: temperature


class CheckpointError(Failure):
    """A checkpoint that is missing or unusable; the message names it and the remedy."""


@dataclass
class Checkpoint:
    """A model with everything needed to use it, and where wanted to train it further.

    threshold: p_fake from which a frame or video counts as fake, in [0, 1], after its log-odds were
    divided by temperature.
    metrics: figures measured on validation. training: configuration and state of the run.
    """

    model: DeepfakeDetector
    preprocessing: Preprocessing
    threshold: float = 0.5
    temperature: float = 1.0
    metrics: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)

    def marks(self, sharpness: float | None = None) -> Marks:
        """What validation taught about scores; with sharpness, about faces as sharp as this."""
        known = self.metrics.get("calibration", {})
        for part in known.get("by_sharpness", ()) if sharpness is not None else ():
            if part["below"] is None or sharpness < part["below"]:
                known = known | part
                break
        return Marks(
            self.threshold,
            known.get("real_below", self.threshold),
            known.get("fake_from", self.threshold),
            known.get("false_alarms"),
            known.get("voting", "mean"),
        )


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
        "threshold": float(checkpoint.threshold),
        "temperature": float(checkpoint.temperature),
        "metrics": checkpoint.metrics,
        "training": checkpoint.training,
    }
    with atomic_file(path) as stream:
        torch.save(content, stream)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to the CPU, in evaluation mode. No code in the file is executed.

    Raises CheckpointError for a missing, damaged, unsafe or foreign file.
    """
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this project: use one that src/2_train_model.py wrote"
        )
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has format version {content.get('version')}, this code reads "
            f"{VERSION}: train again with src/2_train_model.py"
        )
    arch = content.get("architecture")
    if arch not in BACKBONES:
        raise CheckpointError(
            f"{path} is for the architecture {arch}, which this code does not know: "
            "name another file with --model"
        )
    try:
        with torch.device("meta"):  # no random weights that the file's would replace at once
            model = DeepfakeDetector(arch=arch)
        weights = content["state_dict"].items()
        weights = {k: v.float() if v.is_floating_point() else v for k, v in weights}
        model.load_state_dict(weights, assign=True)
        return Checkpoint(
            model.eval(),
            Preprocessing(**content["preprocessing"]),
            float(content["threshold"]),
            float(content["temperature"]),
            content["metrics"],
            content["training"],
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{path} does not fit this network ({reason}): train again with src/2_train_model.py"
        ) from error


def _read(path: Path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} not found: run src/2_train_model.py first, or see the pipeline at work with "
            "src/3_test_video.py --demo"
        ) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is damaged, or holds more than weights; nothing in it was executed: "
            "use a file that src/2_train_model.py wrote"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a whole checkpoint"
        raise CheckpointError(
            f"{path} is truncated or damaged ({reason}): copy it again, or train again"
        ) from error


def untrained_checkpoint() -> Checkpoint:
    """A network with random weights, always the same, to show the pipeline without a model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Checkpoint(DeepfakeDetector().eval(), Preprocessing())
