"""2_train_model.py as its users run it."""

import shutil

import cv2
import pytest
import torch
from conftest import load_script, read_json

from utils.checkpoint import load_checkpoint


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
        "--batch-size 8 --learning-rate 1e-3 --device cpu"
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
    assert best.threshold == best.metrics["calibration"]["threshold"]
    assert best.temperature == best.metrics["calibration"]["temperature"]
    report = read_json(root / "results" / "training" / "run" / "report.json")
    assert report["test"]["video"]["n"] == 4 and report["test"]["frame"]["n"] == 8
    assert [entry["epoch"] for entry in report["history"]] == [1, 2]
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
    ]
    for name in pictures:
        picture = cv2.imread(str(root / "results" / "training" / "run" / f"{name}.png"))
        assert picture is not None and picture.shape[1] >= 500


plain_arguments = arguments


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_interrupted_run_resumes_to_the_same_weights(root, script, monkeypatch, capsys, workers):
    def arguments(*args):
        return [*plain_arguments(*args), "--workers", workers]

    assert script.main(arguments(root)) == 0
    undisturbed = load_checkpoint(root / "models" / "last.pth")
    shutil.rmtree(root / "models")

    original, calls = script.train_one_epoch, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(script, "train_one_epoch", interrupted)
        assert script.main(arguments(root)) == 130
    assert "--resume" in capsys.readouterr().err
    assert script.main(arguments(root)) == 1  # it would overwrite an unfinished run
    assert "go on with --resume, or delete it" in capsys.readouterr().err
    torch.manual_seed(999)  # what happened in between must not matter
    assert script.main(arguments(root, "--resume")) == 0
    resumed = load_checkpoint(root / "models" / "last.pth")
    for name, value in undisturbed.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    for entry, other in zip(
        undisturbed.training["history"], resumed.training["history"], strict=True
    ):
        assert entry["train"]["loss"] == other["train"]["loss"]
        assert entry["video"] == other["video"]


def test_interrupted_in_the_first_epoch_says_so_and_leaves_nothing(root, script, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "train_one_epoch", interrupted)
    assert script.main(arguments(root)) == 130
    assert not (root / "models").exists()


def fails(script, capsys, argv) -> str:
    assert script.main(argv) == 1
    printed = capsys.readouterr().err.strip()
    assert "\n" not in printed
    return printed


def test_resume_refuses_what_does_not_fit(root, script, capsys):
    assert "not found" in fails(script, capsys, arguments(root, "--resume"))
    assert script.main(arguments(root)) == 0
    capsys.readouterr()
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


def test_resume_refuses_crops_cut_in_another_way(root, script, capsys):
    assert script.main(arguments(root)) == 0
    capsys.readouterr()
    path = root / "frames" / "video_registry.json"
    path.write_text(path.read_text().replace('"crop_margin": 1.54', '"crop_margin": 2.0'))
    assert "other crops" in fails(script, capsys, arguments(root, "--resume"))


def test_an_interruption_after_a_finished_run_does_not_offer_its_state(
    root, script, monkeypatch, capsys
):
    assert script.main(arguments(root)) == 0

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "train_one_epoch", interrupted)
    assert script.main(arguments(root)) == 130
    assert "no epoch was finished" in capsys.readouterr().err
    assert (root / "models" / "best_model.pth").exists()


def test_bad_input_gives_one_line_with_the_remedy(root, script, capsys):
    text = fails(script, capsys, arguments(root, "--device", "toaster"))
    assert "toaster is not available" in text
    crop = next((root / "frames").rglob("*.jpg"))
    crop.write_bytes(b"no jpeg")
    for workers in ("0", "1"):
        text = fails(script, capsys, arguments(root, "--workers", workers))
        assert text == (
            f"❌ {crop} cannot be read: delete its folder and run src/1_extract_frames.py again"
        )
    path = root / "frames" / "video_registry.json"
    path.write_text('{"version": 1, "settings": {}, "videos": []}')
    fails(script, capsys, arguments(root, "--splits", str(root / "other.json")))
    path.unlink()
    assert "run src/1_extract_frames.py first" in fails(script, capsys, arguments(root))


def test_a_models_folder_that_cannot_be_written_is_named(root, script, capsys):
    (root / "models").write_text("a file where the folder should be")
    assert str(root / "models") in fails(script, capsys, arguments(root))
