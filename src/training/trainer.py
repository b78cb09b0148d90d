"""The training loop, from the first epoch to the one look at the test set."""

import contextlib
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from datasets.sampling import size_at
from network.checkpoint import load_checkpoint
from network.device import describe_device, place
from pictures.transforms import Preprocessing
from scoring.calibration import Outcome
from scoring.intervals import about_records, by_name
from scoring.metrics import by_video, metrics, paired
from training.epoch import diverged, evaluate, train_one_epoch
from training.loaders import class_weights, counts_by_source, set_size
from training.run import Run, Setup, save_if_best, save_run
from training.validation import calibrate_best, score_split, score_validation
from utils import console
from utils.config import BEST_MODEL_NAME, FAKE, LAST_MODEL_NAME, REAL
from utils.console import shown
from utils.files import write_json_lines

SECONDS_BETWEEN_SAVES = 600


class Saver:
    """Saves a run while it trains, every ten minutes and where Ctrl-C asks for a stop; that happens
    between two batches, or at once when it asks twice."""

    def __init__(self, run: Run, setup: Setup):
        self.run, self.setup = run, setup
        self.stop_asked, self.saved = False, time.monotonic()

    @contextlib.contextmanager
    def on_interrupt(self):
        def ask(*_):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.stop_asked = True

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def after_batch(self) -> None:
        asked = self.setup.team.any(self.stop_asked)
        if asked or time.monotonic() - self.saved > SECONDS_BETWEEN_SAVES:
            self.save()
        if asked:
            raise KeyboardInterrupt

    def save(self) -> None:
        self.saved = time.monotonic()
        if self.setup.team.is_main:
            save_run(self.run, self.setup)


def train(run: Run, setup: Setup) -> None:
    """Train and judge the epochs that are left. Raises Failure when numbers are none."""
    config, team, loader = setup.config, setup.team, setup.loaders["train"]
    sampler, saver = loader.batch_sampler, Saver(run, setup)
    net = torch.compile(run.model) if config.compile else run.model
    if team.size > 1:
        net = nn.parallel.DistributedDataParallel(net)
    while run.epoch < config.epochs:
        sampler.set_epoch(run.epoch, run.step)
        weights = class_weights(sampler.counts)
        if not run.history and not run.step:
            print(
                f"   {sampler.counts.sum():,} crops an epoch, "
                f"{sampler.counts[FAKE] / sampler.counts.sum():.0%} fake; loss weights: "
                f"real {weights[REAL]:.2f}, fake {weights[FAKE]:.2f}"
            )
        run.frozen_norm = run.epoch >= round(config.batch_norm * config.epochs)
        with saver.on_interrupt():
            trained = train_one_epoch(run, net, loader, weights, saver.after_batch)
        team.share_buffers(run.model)
        saver.save()  # so that an interruption of the validation costs no training
        judged, measured = validate(run, setup)
        run.finish_epoch({"size_px": judged.image_size_px, "train": trained} | measured)
        is_best = team.is_main and save_if_best(run, setup, judged)
        if team.is_main:
            write_json_lines(setup.results / "history.jsonl", run.history)
        saver.save()
        print_epoch(run, is_best)


def validate(run: Run, setup: Setup) -> tuple[Preprocessing, dict]:
    """What judges an epoch, and its figures by frame and by video. Raises Failure."""
    loader = setup.loaders["watch"]
    judged = set_size(loader, setup.preprocessing, size_at(setup.config, run.epoch))
    frames, numbers = evaluate(run.judged_model, loader, setup.device, "Validation", setup.team)
    if not np.isfinite(frames.p_fake).all():
        if setup.team.is_main:  # it would only come here again
            (setup.config.models / LAST_MODEL_NAME).unlink(missing_ok=True)
        raise diverged("validation scores are no numbers after epoch", run.epoch + 1)
    videos = by_video(frames, numbers)
    return judged, {
        "frame": metrics(frames) | {"paired": paired(frames)},
        "video": metrics(videos) | {"paired": paired(videos)},
    }


def print_epoch(run: Run, is_best: bool) -> None:
    done = run.history[-1]
    trained, video = done["train"], done["video"]
    print(
        f"Epoch {run.epoch}/{run.epochs}: train loss {trained['loss']:.4f}, "
        f"accuracy {trained['accuracy']:.2%}, {trained['images_per_second']:.1f} images/s; "
        f"validation video AUC {video['auc']:.4f}, accuracy {video['accuracy']:.2%}"
        + paired_text(video["paired"], done["frame"]["paired"])
        + (" (best, saved)" if is_best else ""),
        flush=True,
    )


def paired_text(videos: dict, frames: dict) -> str:
    """The paired measures as the console adds them to other figures; '' where there are none."""
    if not videos["n"]:
        return ""
    text = f", {videos['share']:.2%} of {videos['n']} fakes above their own footage"
    return f"{text}, {frames['share']:.2%} by frame"


def percent(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2%}"


def print_results(title: str, result: dict) -> None:
    rows = [f"  {title}", None]
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        label = {"accuracy": "Test Accuracy", "f1": "F1-Score", "auc": "AUC"}.get(name)
        rows.append(f"{label or name.capitalize()}:".ljust(18) + percent(result[name]))
    rows += ["", "Confusion Matrix:"]
    for key, name in (
        ("tn", "True Negatives"),
        ("fp", "False Positives"),
        ("fn", "False Negatives"),
        ("tp", "True Positives"),
    ):
        rows.append(f"  {name + ':':17}{result['confusion'][key]:,}")
    print("╔" + "═" * 40 + "╗")
    for row in rows:
        print("╠" + "═" * 40 + "╣" if row is None else f"║ {row:38} ║")
    print("╚" + "═" * 40 + "╝")


def test_best(run: Run, setup: Setup) -> tuple[dict, dict[str, Outcome]] | None:
    """Touch the test set, once, with the epoch that validation chose. Returns what report.json
    holds, and the outcomes on 'val' and 'test'; None but for the team's first."""
    config, loaders, device, team = setup.config, setup.loaders, setup.device, setup.team
    team.wait()  # until the last epoch is saved
    path = config.models / BEST_MODEL_NAME
    best = load_checkpoint(path)
    place(best.model, device)
    scored = score_validation(best, loaders["val"], device, team)
    tested = score_split(best, loaders["test"], device, "Test", team)
    if not team.is_main:
        return None
    calibrate_best(config, best, scored, loaders["val"].dataset)
    test = replace(tested, marks=best.marks)
    console.heading("📊 TEST RESULTS")
    results = {"video": metrics(test.videos), "frame": metrics(test.frames)}
    for unit, result in results.items():
        print_results(f"TEST RESULTS BY {unit.upper()} (n = {result['n']:,})", result)
    if text := paired_text(paired(test.videos), paired(test.frames)):
        print(f"   By video{text}")
    shown_videos = {
        name: [v for v in loaders[name].dataset.videos if v["dataset"] != "blended"]
        for name in ("train", "val", "test")
    }
    about = about_records(loaders["test"].dataset.videos)
    kinds = by_name(test, about.kinds, about)
    report = {
        "version": 2,
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "registry": setup.data_mark,
        "sources": {
            ", ".join(kind): counts for kind, counts in counts_by_source(shown_videos).items()
        },
        "device": describe_device(device),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "best_epoch": best.training["epoch"],
        "calibration": best.metrics["calibration"],
        "history": run.history,
        "test": results | {"by_method": {name: found["video"] for name, found in kinds.items()}},
    }
    console.good(f"Model: {shown(path)}, of epoch {best.training['epoch']}")
    return report, {"val": replace(scored[0], marks=best.marks), "test": test}
