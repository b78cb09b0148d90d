"""Measure checkpoints on the test split, or on any labelled videos, and say how sure the figures
are: intervals by bootstrap over people, figures by method, and what compression does to them."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from datasets.crops import FaceFrames
from datasets.partners import with_blended_twins
from datasets.registry import load_registry
from datasets.splits import load_or_make_splits
from evaluation.labelled import crops_of_dataset, crops_of_videos, find_labelled
from evaluation.others import evaluate_other
from evaluation.scores import across_datasets, evaluate, score_all
from evaluation.tables import difference_text, print_across, print_evaluation, print_other
from faces.detect import load_detector
from judging.session import joined
from media.frame import sample_indices
from network.checkpoint import Checkpoint
from network.device import describe_device, pick_device, place
from network.joint import load_joint
from scoring.calibration import Outcome
from scoring.intervals import about_records, difference
from utils import console
from utils.config import REGISTRY_NAME, EvaluateConfig
from utils.console import Failure, run_script, shown
from utils.files import check_writable, sha256_of
from utils.flags import add_flags, from_flags

# Of last.pth too, which holds more.
TRAINING_FACTS = {"config", "registry", "epoch", "datasets", "tools"}


def parse_args(argv: list[str] | None) -> EvaluateConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, EvaluateConfig)
    return from_flags(EvaluateConfig, parser.parse_args(argv))


def load_models(names: list[tuple[Path, ...]], device) -> list[Checkpoint]:
    models = [load_joint(paths) for paths in names]
    wanted = [replace(model.preprocessing, image_size_px=0) for model in models]
    for paths, other in zip(names, wanted, strict=True):
        if other != wanted[0]:
            raise Failure(
                f"{paths[0]} wants other crops than {names[0][0]} ({other} and {wanted[0]}): "
                "evaluate them one at a time"
            )
    for paths, model in zip(names, models, strict=True):
        if model.caveat:
            console.warn(f"{shown(paths[0])}: {model.caveat}")
        place(model.model, device)
    return models


def open_source(config: EvaluateConfig, settings, left_out: list[dict]) -> tuple:
    """The records to be judged, and the iterator over their crops; left_out gets the others."""
    if config.videos:
        videos = find_labelled(Path(config.videos))
        missing = [video for video in videos if not video.path.exists()]
        for video in missing:
            console.bad(f"{shown(video.path)} not found")
            left_out.append({"id": video.id, "reason": "not found"})
        if len(missing) == len(videos):
            raise Failure(f"all {len(videos)} videos of {config.videos} are missing")
        if missing and not config.skip_missing:
            raise Failure(
                f"{len(missing)} of {len(videos)} videos are missing: --skip-missing goes on"
            )
        videos = [video for video in videos if video.path.exists()]
        records = [asdict(video) for video in videos]
        detector = load_detector(settings.detector, config.models)
        return records, crops_of_videos(videos, detector, config.frames, settings, left_out)
    registry = load_registry(config.frames_dir)
    cut = registry["settings"]
    if (cut["crop_size_px"], cut["crop_margin"]) != (settings.crop_size_px, settings.crop_margin):
        raise Failure(
            f"{config.frames_dir / REGISTRY_NAME} was cut with other settings than the model's: "
            "extract anew, or name its videos with --videos"
        )
    if not config.splits.exists():
        raise Failure(f"{config.splits} not found: run src/2_train_model.py first")
    videos = [v for v in registry["videos"] if any(frame["crop"] for frame in v["frames"])]
    splits = load_or_make_splits(config.splits, videos, 0, official=None)
    records = [record for name in dict.fromkeys(config.split) for record in splits[name]]
    if 0 < config.at_most < len(records):
        records = [records[i] for i in sample_indices(len(records), config.at_most)]
    if config.blends:
        records = with_blended_twins(records)
    dataset = FaceFrames(config.frames_dir, records, settings, False, config.blends)
    return records, crops_of_dataset(dataset, left_out)


def add_comparisons(reports: list[dict], outcomes: list[Outcome], groups: np.ndarray) -> None:
    """Give every report but the first what the first is ahead by on the same videos; print it."""
    seen = groups[np.unique(outcomes[0].numbers)]
    for report, outcome in zip(reports[1:], outcomes[1:], strict=True):
        found = difference(outcomes[0].videos, outcome.videos, seen)
        report["auc_of_the_first_minus_this"] = found
        first, other = (shown(each["model"]["file"]) for each in (reports[0], report))
        print(f"\n   Video AUC of {first} minus {other}: {difference_text(found)}")


def run(config: EvaluateConfig) -> int:
    device = pick_device(config.device)
    check_writable(config.results)
    names = [config.model, *((path,) for path in config.against)]
    models = load_models(names, device)
    left_out: list[dict] = []
    records, source = open_source(config, models[0].preprocessing, left_out)
    console.heading("🔬 EVALUATION")
    print(f"   Device: {describe_device(device)}")
    about = about_records(records)
    tables, misses = score_all(source, models, config.robustness, device)
    if not (said := tables[0]["clean"]):
        raise Failure("no video could be evaluated")
    if left_out:
        console.warn(f"{len(left_out)} videos left out; report.json names them too")
    reports, outcomes = [], []
    for paths, model, table in zip(names, models, tables, strict=True):
        training = {k: v for k, v in model.training.items() if k in TRAINING_FACTS}
        file = {"file": joined(paths), "sha256": joined(map(sha256_of, paths))}
        report, outcome = evaluate(model, table, about, records)
        reports.append({"version": 4, "model": file | {"training": training}} | report)
        outcomes.append(outcome)
        print_evaluation(reports[-1])
    add_comparisons(reports, outcomes, about.groups)
    report = reports[0] | {"left_out": left_out, "against": reports[1:]}
    others = [evaluate_other(table, records, outcomes[0], about) for table in config.scores]
    report["others"] = [other for other, _ in others]
    for other in report["others"]:
        print_other(other)
    if len(reports) > 1 or len(report["by_dataset"]) > 1:
        report["across_datasets"] = across_datasets(reports)
        print_across(report["across_datasets"])
    from reports.evaluation import write_evaluation

    folder = config.results / "evaluation" / config.run_name
    outcomes += [outcome for _, outcome in others]
    for number, face in said.items():
        records[number] = records[number] | {"verdict": face.verdict.outcome}
    write_evaluation(folder, report, outcomes, records, misses)
    console.good(f"Report: {shown(folder)}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run(config), "interrupted: nothing was written")


if __name__ == "__main__":
    sys.exit(main())
