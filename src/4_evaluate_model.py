"""Measure a checkpoint on the test split, or on any labelled videos, and say how sure the figures
are: intervals by bootstrap over people, figures by method, and what compression does to them."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from utils import console
from utils.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from utils.config import REGISTRY_NAME, EvaluateConfig, add_flags, from_flags
from utils.console import shown
from utils.device import describe_device, pick_device, place
from utils.evaluation import (
    EvaluationError,
    auc,
    bootstrap,
    crops_of_dataset,
    crops_of_videos,
    figures,
    find_labelled,
    people_groups,
    score_all,
)
from utils.faces import load_detector
from utils.files import sha256_of
from utils.frame import sample_indices
from utils.frames import CropError, FaceFrames, with_blended_twins
from utils.metrics import Outcome
from utils.registry import RegistryError, load_registry
from utils.robustness import SWEEP
from utils.splits import SplitError, load_or_make_splits


def parse_args(argv: list[str] | None) -> EvaluateConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, EvaluateConfig)
    return from_flags(EvaluateConfig, parser.parse_args(argv))


def load_models(config: EvaluateConfig, device) -> list[Checkpoint]:
    models = [load_checkpoint(config.model)]
    if config.against:
        models.append(load_checkpoint(Path(config.against)))
        one, other = (replace(model.preprocessing, image_size_px=0) for model in models)
        if one != other:
            raise EvaluationError(
                f"the two checkpoints want different crops ({one} and {other}): "
                "evaluate them one at a time"
            )
    for model in models:
        place(model.model, device)
    return models


def open_source(config: EvaluateConfig, settings) -> tuple:
    """The records to be judged, and the iterator over their crops."""
    if config.videos:
        videos = find_labelled(Path(config.videos))
        missing = [video for video in videos if not video.path.exists()]
        for video in missing:
            console.bad(f"{shown(video.path)} not found")
        if missing and not config.skip_missing:
            raise EvaluationError(f"{len(missing)} videos are missing: --skip-missing goes on")
        videos = [video for video in videos if video.path.exists()]
        records = [asdict(video) for video in videos]
        detector = load_detector(settings.detector, config.models)
        return records, crops_of_videos(videos, detector, config.frames, settings)
    registry = load_registry(config.frames_dir)
    cut = registry["settings"]
    if (cut["crop_size_px"], cut["crop_margin"]) != (settings.crop_size_px, settings.crop_margin):
        raise EvaluationError(
            f"{config.frames_dir / REGISTRY_NAME} was cut with other settings than the model's: "
            "extract anew, or name its videos with --videos"
        )
    if not config.splits.exists():
        raise EvaluationError(f"{config.splits} not found: run src/2_train_model.py first")
    videos = [v for v in registry["videos"] if any(frame["crop"] for frame in v["frames"])]
    records = load_or_make_splits(config.splits, videos, 0, official=None)["test"]
    if 0 < config.at_most < len(records):
        records = [records[i] for i in sample_indices(len(records), config.at_most)]
    if config.blends:
        records = with_blended_twins(records)
    dataset = FaceFrames(config.frames_dir, records, settings, False, config.blends)
    return records, crops_of_dataset(dataset)


def describe(name: str, result: dict) -> str:
    video = result["video"]
    if video["auc"] is None:
        return f"   {name:34} n = {video['n']:,}: one class only, no AUC"
    interval = video["auc_interval"]
    spread = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    return (
        f"   {name:34} AUC {video['auc']:.3f}{spread}, by frame {result['frame']['auc']:.3f}; "
        f"at the threshold {video['false_positive_rate']:.1%} of reals called fake, "
        f"{video['recall']:.1%} of fakes found; verdict FAKE on "
        f"{result['verdicts']['real']['FAKE']:.1%} of reals, "
        f"{result['verdicts']['fake']['FAKE']:.1%} of fakes"
    )


def evaluate_one(path: Path, model: Checkpoint, tables: dict, about: tuple) -> tuple[dict, Outcome]:
    """The report of one checkpoint, printed, and its outcome on clean crops."""
    labels, kinds, groups = about
    console.heading(f"📊 {shown(path)}")
    conditions = {
        name: figures(table, labels, kinds, groups, model) for name, table in tables.items()
    }
    raw, numbers = tables["clean"].scores(labels, kinds)
    outcome = Outcome(raw, numbers, model.temperature, model.threshold)
    video = conditions["clean"]["video"]
    n_groups = len(set(groups[outcome.numbers]))
    print(f"   {video['n']:,} videos of {n_groups:,} groups of people")
    for name, result in conditions.items():
        print(describe(name, result))
    for name, result in outcome.by_method.items():
        value = "" if result["auc"] is None else f"AUC {result['auc']:.3f} against all reals"
        print(f"   {name:34} {value}")
    for share in ("1%", "5%"):
        rate = video[f"tpr_at_{share}_fpr"]
        if rate is not None:
            print(f"   at most {share} of reals called fake: {rate:.1%} of fakes found")
    report = {
        "version": 1,
        "model": {"file": str(path), "sha256": sha256_of(path), "training": model.training},
        "threshold": model.threshold,
        "temperature": model.temperature,
        "groups": n_groups,
        "conditions": conditions,
        "by_method": outcome.by_method,
    }
    return report, outcome


def compare(outcomes: list[Outcome], groups: np.ndarray) -> dict | None:
    """The difference of two checkpoints' video AUC, by a bootstrap that draws both alike."""
    one, other = (outcome.videos for outcome in outcomes)
    seen = groups[np.unique(outcomes[0].numbers)]

    def difference(drawn: np.ndarray) -> float | None:
        values = [auc(v.p_fake[drawn], v.labels[drawn]) for v in (one, other)]
        return None if None in values else values[0] - values[1]

    value = difference(np.arange(len(seen)))
    if value is None:
        return None
    interval = bootstrap(seen, difference)
    print(f"\nAUC of the first minus the second: {value:+.3f}, 95 % interval {interval}")
    return {"auc_difference": value, "interval": interval}


def run(config: EvaluateConfig) -> int:
    device = pick_device(config.device)
    models = load_models(config, device)
    records, source = open_source(config, models[0].preprocessing)
    console.heading("🔬 EVALUATION")
    print(f"   Device: {describe_device(device)}")
    sweep = SWEEP if config.robustness else {}
    conditions = {
        f"{kind}, {strength}": change
        for kind, steps in sweep.items()
        for strength, change in steps.items()
    }
    tables = score_all(source, models, conditions, device, bool(config.videos))
    if not tables[0]["clean"].p_fake:
        raise EvaluationError("no video could be evaluated")
    labels = np.array([record["label"] for record in records])
    kinds = np.array([f"{record['dataset']} {record['method']}" for record in records])
    about = (labels, kinds, people_groups(records))
    folder = config.results / "evaluation" / config.run_name
    paths = [config.model] + [Path(config.against)] * (len(models) > 1)
    reports, outcomes = zip(
        *(evaluate_one(*each, about) for each in zip(paths, models, tables, strict=True)),
        strict=True,
    )
    report = reports[0]
    if len(models) > 1:
        report |= {"against": reports[1], "comparison": compare(outcomes, about[2])}
    from utils.report_evaluation import score_rows, write_evaluation

    write_evaluation(folder, report, outcomes[0], score_rows(outcomes[0], records))
    console.good(f"Report: {shown(folder)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    try:
        return run(config)
    except KeyboardInterrupt:
        console.error("interrupted: nothing was written")
        return 130
    except (
        CheckpointError,
        CropError,
        EvaluationError,
        RegistryError,
        SplitError,
        ValueError,
        OSError,
    ) as error:
        console.error(shown(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
