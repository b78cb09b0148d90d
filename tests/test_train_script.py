"""2_train_model.py as its users run it."""

import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import HANG_SECONDS, ROOT, load_script, read_json, unprivileged

from network.checkpoint import Checkpoint, load_checkpoint, untrained_checkpoint
from scoring.likelihood import ratio_of
from scoring.metrics import Scores
from training import epoch, loaders, saving, trainer, validation
from utils.config import REAL, TrainConfig
from utils.console import Failure


@pytest.fixture
def script():
    return load_script("2_train_model")


@pytest.fixture
def root(tmp_path, extracted):
    shutil.copytree(extracted / "frames", tmp_path / "frames")
    return tmp_path


def arguments(root, *more) -> list[str]:
    flags = (
        f"--frames-dir {root}/frames --splits {root}/splits.json --models {root}/models "
        f"--results {root}/results --no-pretrained --image-size-px 32 --epochs 2 --workers 0 "
        "--batch-size 8 --learning-rate 1e-3 --device cpu --precision fp32"
    )
    return [*flags.split(), *more]


def test_training_writes_a_model_and_prints_the_promised_figures(root, script, capsys):
    assert script.main(arguments(root)) == 0
    printed = capsys.readouterr().out
    for word in ("Test Accuracy", "Precision", "Recall", "F1-Score", "True Negatives"):
        assert printed.count(word) == 2  # by video and by frame
    assert "No identity is in two splits" in printed
    best = load_checkpoint(root / "models" / "best_model.pth")
    assert best.preprocessing.detector == "haar" and best.preprocessing.image_size_px == 32
    assert best.metrics["validation"]["n"] == 4
    assert best.caveat is None and best.marks.fake_from is None  # of four videos nobody learns
    assert best.marks.likelihood.reals == best.marks.likelihood.fakes == 2
    assert "⚖️ MARKS" in printed and "no verdict FAKE: too few validation videos" in printed
    assert best.training["datasets"] == ["faceforensics"]
    report = read_json(root / "results" / "training" / "run" / "report.json")
    assert report["test"]["video"]["n"] == 4 and report["test"]["frame"]["n"] == 8
    assert [entry["epoch"] for entry in report["history"]] == [1, 2]
    lines = (root / "results" / "training" / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == report["history"]
    assert report["config"]["seed"] == 42
    assert set(report["test"]["by_method"]) == {
        *(f"faceforensics {method}" for method in ("original", "Deepfakes", "FaceSwap"))
    }
    pictures = [
        "training_curves",
        "confusion_matrix",
        "roc",
        "per_method",
        "reliability",
        "samples",
        "batches",
    ]
    for name in pictures:
        picture = cv2.imread(str(root / "results" / "training" / "run" / f"{name}.png"))
        assert picture is not None and picture.shape[1] >= 500


@pytest.fixture(scope="module")
def finished(tmp_path_factory, extracted):
    """A function: the root of a finished run with these flags more, which is made once."""
    made = {}

    def root_of(*more) -> Path:
        if more not in made:
            made[more] = tmp_path_factory.mktemp("finished")
            shutil.copytree(extracted / "frames", made[more] / "frames")
            assert load_script("2_train_model").main(arguments(made[more], *more)) == 0
        return made[more]

    return root_of


@pytest.fixture
def done(tmp_path, finished):
    """A root of its own, with a finished run of the defaults."""
    return shutil.copytree(finished(), tmp_path / "done")


def last_of(root: Path) -> Checkpoint:
    return load_checkpoint(root / "models" / "last.pth")


def same_weights(one: Path, other: Path) -> bool:
    """Whether last.pth of both holds the same weights."""
    weights, others = (last_of(root).model.state_dict() for root in (one, other))
    return weights.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in weights.items()
    )


def interrupt_after(monkeypatch, batches: int) -> None:
    """Press Ctrl-C while the given batch, counted over all epochs, is trained."""
    original, calls = epoch._update, []

    def update(*args):
        calls.append(1)
        if len(calls) == batches:
            signal.raise_signal(signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(epoch, "_update", update)


SCHEDULE = ["--schedule", "cosine", "--ema", "0.9", "--start-size-px", "24"]


@pytest.mark.parametrize(
    "batch, workers, schedule",  # of 4 batches an epoch
    [(2, "0", []), (4, "0", []), (2, "2", SCHEDULE), (7, "0", SCHEDULE)],
)
def test_an_interrupted_run_resumes_to_the_same_weights(
    root, script, finished, monkeypatch, capsys, batch, workers, schedule
):
    undisturbed, more = finished(*schedule), [*schedule, "--workers", workers]
    with monkeypatch.context() as patch:
        interrupt_after(patch, batch)
        assert script.main(arguments(root, *more)) == 130
    assert "saved, go on with --resume" in capsys.readouterr().err
    state = last_of(root).training
    assert state["epoch"] * 4 + state["step"] == batch
    assert script.main(arguments(root, *more)) == 1  # it would overwrite an unfinished run
    assert "go on with --resume, or delete it" in capsys.readouterr().err
    torch.manual_seed(999)  # what happened in between must not matter
    assert script.main(arguments(root, *more, "--resume")) == 0
    assert same_weights(undisturbed, root)
    histories = [last_of(place).training["history"] for place in (undisturbed, root)]
    for entry, other in zip(*histories, strict=True):
        assert entry["train"]["loss"] == other["train"]["loss"]
        assert entry["video"] == other["video"]
    best = [(place / "models" / "best_model.pth").read_bytes() for place in (undisturbed, root)]
    assert best[0] == best[1]


def test_interrupted_in_validation_nothing_is_trained_again(
    root, script, finished, monkeypatch, capsys
):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "evaluate", interrupted)
        assert script.main(arguments(root)) == 130
    assert "saved, go on with --resume" in capsys.readouterr().err
    assert last_of(root).training["step"] == 4
    assert script.main(arguments(root, "--resume")) == 0
    assert same_weights(finished(), root)


def test_a_killed_run_goes_on_from_its_last_save(root, script, finished, monkeypatch):
    """kill -9 leaves what the last save wrote: here that of the second batch."""
    environment = os.environ | {"DEEPFAKE_OFFLINE": "1"}
    code = (
        "import os, sys, training.trainer as trainer, importlib.util as i\n"
        "trainer.SECONDS_BETWEEN_SAVES = 0\n"
        "original, calls = trainer.save_run, []\n"
        "def save(*args):\n"
        "    original(*args); calls.append(1)\n"
        "    if len(calls) == 2: os.kill(os.getpid(), 9)\n"
        "trainer.save_run = save\n"
        f"spec = i.spec_from_file_location('s', {str(ROOT / 'src' / '2_train_model.py')!r})\n"
        "script = i.module_from_spec(spec); spec.loader.exec_module(script)\n"
        f"script.main({arguments(root)!r})\n"
    )
    environment["PYTHONPATH"] = str(ROOT / "src")
    killed = subprocess.run([sys.executable, "-c", code], env=environment, timeout=HANG_SECONDS)
    assert killed.returncode == -9
    assert last_of(root).training["step"] == 2
    assert script.main(arguments(root, "--resume")) == 0
    assert same_weights(finished(), root)
    last = [last_of(place).training["history"][-1] for place in (finished(), root)]
    assert last[0]["video"] == last[1]["video"]


def test_interrupted_before_training_says_so_and_leaves_nothing(root, script, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "make_loaders", interrupted)
    assert script.main(arguments(root)) == 130
    assert "nothing was trained" in capsys.readouterr().err
    assert not (root / "models").exists()


def test_two_processes_train_one_model(root):
    """Each draw is seen once, the weights agree on both, and rank 0 alone writes and prints."""
    code = (
        "import sys, pathlib, torch, importlib.util as i, training.trainer as trainer\n"
        "original, seen = trainer.train_one_epoch, []\n"
        "def train_one_epoch(run, net, loader, *rest):\n"
        "    seen.extend(d.index for batch in loader.batch_sampler for d in batch)\n"
        "    result = original(run, net, loader, *rest)\n"
        "    trainer.held = run.model\n"
        "    return result\n"
        "trainer.train_one_epoch = train_one_epoch\n"
        f"spec = i.spec_from_file_location('s', {str(ROOT / 'src' / '2_train_model.py')!r})\n"
        "script = i.module_from_spec(spec); spec.loader.exec_module(script)\n"
        "import os; rank = os.environ['RANK']\n"
        f"code = script.main({arguments(root, '--epochs', '1')!r})\n"
        f"out = pathlib.Path({str(root)!r}, f'rank{{rank}}.pt')\n"
        "torch.save({'seen': seen, 'weights': trainer.held.state_dict()}, out)\n"
        "sys.exit(code)\n"
    )
    (root / "run.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", root / "run.py"],
        env=environment | {"MASTER_ADDR": "127.0.0.1"}, capture_output=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[:3000]
    assert done.stdout.decode().count("TEST RESULTS BY VIDEO") == 1
    first, second = (torch.load(root / f"rank{rank}.pt") for rank in (0, 1))
    seen = first["seen"] + second["seen"]
    assert len(first["seen"]) and len(second["seen"]) and len(seen) == len(set(seen))
    registry = read_json(root / "frames" / "video_registry.json")
    splits = read_json(root / "splits.json")["splits"]
    reals = sum(v["label"] == 0 and v["id"] in splits["train"] for v in registry["videos"])
    assert len(seen) >= 2 * 2 * reals  # two crops of each real video, and at least as many fakes
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
    saved = last_of(root).model.state_dict()
    assert all(torch.equal(saved[name], value) for name, value in first["weights"].items())


def fails(script, capsys, argv) -> str:
    assert script.main(argv) == 1
    printed = capsys.readouterr().err.strip()
    assert "\n" not in printed
    return printed


def test_resume_refuses_what_does_not_fit(root, done, script, capsys):
    assert "not found" in fails(script, capsys, arguments(root, "--resume"))
    root = done
    text = fails(script, capsys, arguments(root, "--resume", "--batch-size", "4"))
    assert "--batch-size 8, not 4" in text
    path = root / "frames" / "video_registry.json"
    path.write_text(path.read_text().replace('"ff:000"', '"ff:099"'))
    text = fails(script, capsys, arguments(root, "--resume"))
    assert "splits.json was made for another registry" in text
    (root / "splits.json").unlink()
    text = fails(script, capsys, arguments(root, "--resume"))
    assert "last.pth was trained on other crops: delete it" in text
    last = root / "models" / "last.pth"
    shutil.copy(root / "models" / "best_model.pth", last)
    assert "no state of a run: delete it" in fails(script, capsys, arguments(root))
    last.write_bytes(b"half")
    for flags in ((), ("--resume",)):
        assert "damaged: delete it" in fails(script, capsys, arguments(root, *flags))
    last.unlink()
    assert script.main(arguments(root, "--epochs", "1")) == 0


def test_resume_refuses_crops_cut_in_another_way(done, script, capsys):
    path = done / "frames" / "video_registry.json"
    path.write_text(path.read_text().replace('"crop_margin": 1.54', '"crop_margin": 2.0'))
    assert "other crops" in fails(script, capsys, arguments(done, "--resume"))


def test_an_interruption_after_a_finished_run_does_not_offer_its_state(
    done, script, monkeypatch, capsys
):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "train", interrupted)
    assert script.main(arguments(done)) == 130
    assert "nothing was trained" in capsys.readouterr().err
    assert (done / "models" / "best_model.pth").exists()


def test_bad_input_gives_one_line_with_the_remedy(root, script, capsys):
    text = fails(script, capsys, arguments(root, "--device", "toaster"))
    assert "toaster is not available" in text
    text = fails(script, capsys, arguments(root, "--arch", "vit_b_16"))
    assert "vit_b_16 takes 224 px alone" in text
    text = fails(script, capsys, arguments(root, "--init", str(root / "none.pth")))
    assert "none.pth cannot be read" in text
    crops = list((root / "frames").rglob("*.jpg"))
    for crop in crops:
        crop.write_bytes(b"no jpeg")
    for workers in ("0", "1"):
        text = fails(script, capsys, arguments(root, "--workers", workers))
        assert "crops cannot be read, the last" in text and "run src/1_extract_frames.py" in text
        assert any(str(crop) in text for crop in crops)
    path = root / "frames" / "video_registry.json"
    path.write_text('{"version": 1, "settings": {}, "videos": []}')
    fails(script, capsys, arguments(root, "--splits", str(root / "other.json")))
    path.unlink()
    assert "run src/1_extract_frames.py first" in fails(script, capsys, arguments(root))


def test_a_models_folder_that_cannot_be_written_is_named(root, script, capsys):
    (root / "models").write_text("a file where the folder should be")
    assert str(root / "models") in fails(script, capsys, arguments(root))


def test_a_folder_that_cannot_be_written_is_noticed_before_training(root, script, capsys):
    (root / "models").mkdir()
    (root / "models").chmod(0o555)
    (root / "free").mkdir()
    (root / "free").chmod(0o777)
    with unprivileged(root):
        text = fails(script, capsys, arguments(root, "--splits", str(root / "free" / "s.json")))
    assert "Permission denied" in text and str(root / "models") in text
    assert not (root / "results" / "training").exists()


def test_a_full_disk_at_save_time_loses_nothing(root, script, capsys):
    """A limit on file size stands for it: the write of last.pth fails half way."""
    assert script.main(arguments(root, "--epochs", "1")) == 0
    before = (root / "models" / "last.pth").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, limits[1]))
    try:
        text = fails(script, capsys, arguments(root, "--resume"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    needed = re.search(r"last\.pth cannot be written \(File too large\): (\d+) MB are needed", text)
    assert int(needed[1]) == pytest.approx(len(before) / 1e6, abs=2)
    assert "MB are free" in text and "go on with --resume" in text
    assert (root / "models" / "last.pth").read_bytes() == before
    assert sorted(path.name for path in (root / "models").iterdir())[-1] == "last.pth"
    assert script.main(arguments(root, "--resume")) == 0
    assert last_of(root).training["epoch"] == 2


def test_without_a_state_nobody_is_sent_to_resume(tmp_path, monkeypatch):
    def full(path, checkpoint, half):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "save_checkpoint", full)
    with pytest.raises(Failure, match="start again, for nothing was saved") as caught:
        saving.write(tmp_path / "best_model.pth", untrained_checkpoint(), half=True)
    assert "best_model.pth cannot be written (No space left on device): 15 MB" in str(caught.value)


def test_weights_that_diverge_are_never_saved(root, script, capsys):
    text = fails(script, capsys, arguments(root, "--learning-rate", "1e20"))
    assert "lower --learning-rate, or try --precision fp32, and start anew" in text
    last = root / "models" / "last.pth"
    assert not last.exists() or load_checkpoint(last)


def test_scores_that_are_no_numbers_are_said_to_be(root, script, capsys, monkeypatch):
    def judge(*args):
        frames, numbers = evaluate(*args)
        return Scores(frames.p_fake * np.nan, frames.labels), numbers

    evaluate = trainer.evaluate
    monkeypatch.setattr(trainer, "evaluate", judge)
    text = fails(script, capsys, arguments(root))
    assert "validation scores are no numbers after epoch 1: lower --learning-rate" in text
    assert not list((root / "models").glob("*.pth"))  # so that nothing is in the way of another run


def test_a_small_shared_memory_is_noticed_before_it_is_used(tmp_path, monkeypatch, capsys):
    free = SimpleNamespace(free=64 << 20)
    monkeypatch.setattr(loaders.shutil, "disk_usage", lambda path: free)
    monkeypatch.setattr(loaders, "SHARED_MEMORY", tmp_path)
    config = TrainConfig(workers=2, batch_size=24, image_size_px=224)
    assert loaders.workers_that_fit(config) == 0
    printed = capsys.readouterr().out
    assert "has 67 MB free, 2 loading processes need 130 MB" in printed
    assert loaders.workers_that_fit(replace(config, batch_size=8)) == 2  # 43 MB
    assert loaders.workers_that_fit(replace(config, start_size_px=64, image_size_px=128)) == 2
    monkeypatch.setattr(loaders, "SHARED_MEMORY", tmp_path / "none")  # as on a Mac
    assert loaders.workers_that_fit(config) == 2
    assert capsys.readouterr().out == ""


def test_a_loading_process_that_gives_nothing_does_not_hang(root, script, capsys, monkeypatch):
    monkeypatch.setattr(loaders, "collate", lambda items: time.sleep(60))
    monkeypatch.setattr(loaders, "SECONDS_TO_WAIT", 1)
    text = fails(script, capsys, arguments(root, "--workers", "1"))
    assert "a loading process died or hangs (DataLoader timed out after 1 seconds)" in text
    assert text.endswith("try --workers 0")


def test_a_loading_process_that_dies_is_told_with_the_remedy(root, script, capsys, monkeypatch):
    monkeypatch.setattr(loaders, "collate", lambda items: os.kill(os.getpid(), signal.SIGKILL))
    text = fails(script, capsys, arguments(root, "--workers", "1"))
    assert "a loading process died" in text and text.endswith("try --workers 0")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.cuda.OutOfMemoryError(), RuntimeError("can't allocate memory: 9 GB")],
)
def test_too_little_memory_says_which_batch_size_to_try(root, script, capsys, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(script, "train", fail)
    assert "try --batch-size 4" in fails(script, capsys, arguments(root))


def test_training_on_blends_needs_no_fakes(root, script, capsys):
    path = root / "frames" / "video_registry.json"
    registry = read_json(path)
    registry["videos"] = [video for video in registry["videos"] if video["label"] == 0]
    for video in registry["videos"]:
        for frame in video["frames"]:
            points = [[96, 105], [160, 105], [128, 140], [102, 175], [154, 175]]
            frame |= {"landmarks_in_crop_xy": points, "skin_lab": [150, 140, 140]}
    path.write_text(json.dumps(registry))
    flags = ["--preset", "blend", "--epochs", "1", "--image-size-px", "32"]
    assert script.main([*arguments(root), *flags]) == 0
    printed = capsys.readouterr().out
    assert "50% fake" in printed
    report = read_json(root / "results" / "training" / "run" / "report.json")
    assert set(report["test"]["by_method"]) == {
        "blended self-blend",
        "blended swap",
        "faceforensics original",
    }
    assert report["config"]["self_blend"] == 1.0 and report["config"]["epochs"] == 1
    folder = root / "results" / "training" / "run"
    assert cv2.imread(str(folder / "blends.png")).shape[1] >= 500
    best = root / "models" / "best_model.pth"
    assert best.stat().st_size < 15_000_000
    again = arguments(root, *flags, "--init", str(best), "--models", str(root / "again"))
    assert script.main(again) == 0


class Crops:
    """A split of records of two frames each, whose crops are noisy or blurred where made worse."""

    def __init__(self, count):
        self.worse = False
        sources = ("web", "tool")
        self.videos = [{"label": n % 2, "dataset": sources[n % 2]} for n in range(count)]
        self.samples = [SimpleNamespace(video=n // 2) for n in range(2 * count)]

    def sharpness(self, index):
        return index % 7 + ({"noise": 200, "blur": 10}[self.harm(index)] if self.worse else 100)

    def harm(self, index):
        return "noise" if index % 16 < 4 else "blur"


def test_marks_hold_for_crops_made_worse(tmp_path, monkeypatch, capsys):
    """Noise moves all scores up: so few of its reals may be called FAKE as of any others."""
    count, saved = 400, []
    rng, dataset = np.random.default_rng(0), Crops(count)
    numbers = np.repeat(np.arange(count), 2)

    def scored(model, loader, device, label, team):
        odds = rng.normal(np.where(numbers % 2, 2.0, -2.0), 1.0)
        harmed = np.array([dataset.worse and dataset.harm(n) == "noise" for n in range(2 * count)])
        odds += 2.5 * harmed
        labels, groups = numbers % 2, np.full(2 * count, "any")
        return Scores(1 / (1 + np.exp(-odds)), labels, groups, np.arange(2 * count)), numbers

    monkeypatch.setattr(validation, "evaluate", scored)
    monkeypatch.setattr(validation, "set_size", lambda *_: None)
    monkeypatch.setattr(validation, "save_best", lambda config, best: saved.append(best))
    best, loader = untrained_checkpoint(), SimpleNamespace(dataset=dataset)
    found = validation.score_validation(best, loader, "cpu")
    validation.calibrate_best(TrainConfig(models=tmp_path), best, found, dataset)
    assert saved == [best] and not dataset.worse
    marks, (clean, worse) = best.marks, found
    assert worse.sharpness.min() >= 10 and set(worse.sharpness[:2]) == {200.5}
    noisy = (numbers % 8 < 2)[::2] & (np.arange(count) % 2 == REAL)
    calm, loud = (ratio_of(replace(each, marks=marks).videos.p_fake) for each in (clean, worse))
    assert (loud[noisy] >= marks.fake_from).mean() <= 0.03 < (loud[noisy] >= 2).mean()
    assert (calm[::2] >= marks.fake_from).mean() <= 0.01
    assert "FAKE from " in capsys.readouterr().out


def test_a_trained_model_is_calibrated_again_and_the_test_set_untouched(
    root, script, monkeypatch, capsys
):
    assert script.main(arguments(root, "--epochs", "1")) == 0
    path = root / "models" / "best_model.pth"
    before = load_checkpoint(path)
    content = torch.load(path, weights_only=True)
    content["metrics"]["calibration"] = {"real_below": 0.4, "fake_from": 0.6}  # as of old
    torch.save(content, path)
    assert load_checkpoint(path).caveat
    seen = []
    original = validation.evaluate

    def watched(model, loader, *more):
        seen.append({video["id"] for video in loader.dataset.videos})
        return original(model, loader, *more)

    monkeypatch.setattr(validation, "evaluate", watched)
    capsys.readouterr()
    assert script.main(arguments(root, "--only-calibrate")) == 0
    assert seen == [set(read_json(root / "splits.json")["splits"]["val"])] * 2
    assert "no verdict REAL" in capsys.readouterr().out
    after = load_checkpoint(path)
    assert after.marks == before.marks and after.training == before.training
    for name, value in before.model.state_dict().items():
        assert torch.equal(after.model.state_dict()[name], value)
    last = path.with_name("last.pth")
    content = torch.load(last, weights_only=True)
    bias = "head.5.bias"
    wanted = (before.model.state_dict()[bias] + content["state_dict"][bias] + 1) / 2
    content["state_dict"][bias] += 1
    torch.save(content, last)
    mean = arguments(root, "--only-calibrate", "--init", str(path), str(last))
    assert script.main(mean) == 0
    after = load_checkpoint(path)
    assert after.training["mean_of"] == ["best_model.pth", "last.pth"]
    assert after.training["tools"] == before.training["tools"] and after.caveat is None
    assert torch.allclose(after.model.state_dict()[bias], wanted, atol=1e-3)
    wrong = arguments(root, "--only-calibrate", "--splits", str(root / "none.json"))
    assert "none.json not found: name those of its training" in fails(script, capsys, wrong)
    gone = arguments(root, "--only-calibrate", "--models", str(root / "none"))
    assert "best_model.pth not found" in fails(script, capsys, gone)


def test_a_run_of_before_a_flag_came_goes_on_as_if_it_were_unset(root, script, capsys):
    assert script.main(arguments(root, "--epochs", "1")) == 0
    path = root / "models" / "last.pth"
    content = torch.load(path, weights_only=True)
    del content["training"]["config"]["clip_gradient"]
    torch.save(content, path)
    again = arguments(root, "--epochs", "2", "--resume")
    assert script.main([*again, "--clip-gradient", "2"]) == 1
    assert "made with --clip-gradient 0.0, not 2.0" in capsys.readouterr().err
    assert script.main(again) == 0
