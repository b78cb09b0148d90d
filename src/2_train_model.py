"""Train EfficientNet-B1 on extracted face crops, split by identity, and test it once at the end.

torchrun --nproc_per_node=N src/2_train_model.py trains on N devices together.
"""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import sys

import torch

from network.device import describe_device, keep_freed_memory, pick_device
from network.distributed import join_team
from training.loaders import load_data, make_loaders
from training.run import Setup, check_not_unfinished, describe_place, resume_run, start_run
from training.trainer import test_best, train
from training.validation import calibrate_again
from utils import console
from utils.config import LAST_MODEL_NAME, PRESETS, TrainConfig
from utils.console import Failure, run_script, shown
from utils.files import check_writable, remove_leftovers
from utils.flags import add_flags, from_flags


def parse_args(argv: list[str] | None) -> TrainConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, TrainConfig)
    preset, _ = parser.parse_known_args(argv)
    parser.set_defaults(**PRESETS[preset.preset])
    return from_flags(TrainConfig, parser.parse_args(argv))


def run(config: TrainConfig) -> int:
    if config.arch == "vit_b_16" and {config.image_size_px, config.start_size_px} - {0, 224}:
        raise Failure("vit_b_16 takes 224 px alone: add --image-size-px 224 --start-size-px 0")
    if config.only_calibrate:
        calibrate_again(config)
        return 0
    device = pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    team = join_team(device.type == "cuda")
    torch.manual_seed(config.seed)
    torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
    if not team.is_main:
        team.wait()  # until the splits are written
    splits, preprocessing, data_mark = load_data(config)
    check_not_unfinished(config)
    if team.is_main:
        remove_leftovers(config.models)
        team.wait()
    loaders = make_loaders(config, splits, preprocessing, team)
    if team.is_main:
        for folder in (config.models, config.results):
            check_writable(folder)
    console.heading("🚀 TRAINING")
    print(f"   Device: {describe_device(device)}" + f", {team.size} processes" * (team.size > 1))
    state = start_run(config, device)
    setup = Setup(config, preprocessing, data_mark, loaders, device, team)
    if config.resume:
        resume_run(state, setup)
        print(f"   Resumed after {describe_place({'epoch': state.epoch, 'step': state.step})}.")
    elif team.is_main:  # a finished run's state must not pass for this one's
        (config.models / LAST_MODEL_NAME).unlink(missing_ok=True)
        from reports.samples import write_first_sheets

        shown_first = loaders["train"].batch_sampler.batches
        write_first_sheets(setup.results, loaders["train"].dataset, shown_first)
    print(f"   {config.arch}, {state.precision}")
    if team.rank:  # dropout of its own for everybody
        torch.manual_seed(config.seed + 1000 * (1 + state.epoch) + team.rank)
    train(state, setup)
    if result := test_best(state, setup):
        from reports.training import write_training_report

        write_training_report(setup.results, *result, loaders["test"].dataset)
        console.good(f"Report: {shown(setup.results)}")
    team.leave()
    return 0


def run_within_memory(config: TrainConfig) -> int:
    try:
        return run(config)
    except torch.cuda.OutOfMemoryError:
        where = "the GPU"
    except MemoryError:
        where = "the machine"
    except RuntimeError as error:
        if "DataLoader" in str(error):
            again = " and --resume" * (config.models / LAST_MODEL_NAME).exists()
            reason = str(error).splitlines()[0].rstrip(".")
            raise Failure(
                f"a loading process died or hangs ({reason}): try --workers 0{again}"
            ) from error
        if "can't allocate memory" not in str(error):
            raise
        where = "the machine"
    except KeyboardInterrupt as error:
        has_state = (config.models / LAST_MODEL_NAME).exists()
        remedy = "saved, go on with --resume" if has_state else "nothing was trained, start again"
        raise KeyboardInterrupt(f"interrupted: {remedy}") from error
    smaller = max(config.batch_size // 2, 1)
    raise Failure(f"{where} is out of memory: try --batch-size {smaller}")


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    return run_script(lambda: run_within_memory(config))


if __name__ == "__main__":
    sys.exit(main())
