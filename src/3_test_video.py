"""Judge videos and images: frame-by-frame scores, Grad-CAM, a verdict and three PNG reports."""

import argparse
import contextlib
import gc
import hashlib
import json
import os
import shlex
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from utils import console
from utils.analysis import Analysis, find_faces, score_and_judge
from utils.config import IMAGE_SUFFIXES, VIDEO_SUFFIXES, TestConfig, add_flags, from_flags
from utils.console import shown
from utils.demo import make_demo_clips
from utils.faces import load_detector
from utils.files import atomic_folder, sha256_of
from utils.transcript import print_analysis
from utils.video import VideoError

PROMPT = "\n📹 Enter video path: "
UNTRAINED = "the weights are untrained, so these scores mean nothing"
# Names under analysis_results/ that other scripts use for their own folders.
RESERVED_NAMES = {"training", "evaluation", "extraction", "demo"}


def parse_args(argv: list[str] | None) -> tuple[TestConfig, list[str], bool]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="videos, images, folders; without any: a prompt")
    parser.add_argument("--demo", action="store_true", help="make two clips and judge them")
    add_flags(parser, TestConfig)
    args = parser.parse_args(argv)
    if args.demo and args.paths:
        parser.error("--demo makes its own clips: give either paths or --demo")
    return from_flags(TestConfig, args), args.paths, args.demo


class Judge:
    """What one session keeps: detector, model, device. The model loads while videos are read."""

    def __init__(self, config: TestConfig, allow_untrained: bool):
        self.config = config
        self.is_trained = config.model.exists() or not allow_untrained
        self._model: Future = ThreadPoolExecutor(1).submit(_load_model, config, self.is_trained)
        self.detector = load_detector(config.detector, config.models)
        self._has_warned = False

    def model(self):
        """(checkpoint, device, facts for report.json); raises what loading raised."""
        return self._model.result()

    def analyse(self, path: Path) -> Analysis:
        """Judge one file. Raises VideoError."""
        results = find_faces(path, self.detector, self.config.frames)
        checkpoint, device, _ = self.model()
        self._compare_detectors(checkpoint.preprocessing.detector)
        caveat = None if self.is_trained else UNTRAINED
        return score_and_judge(path, results, checkpoint, device, caveat)

    def write_reports(self, analysis: Analysis) -> Path:
        """Write the PNGs and report.json; returns their folder."""
        from utils.report import write_reports  # matplotlib loads behind torch, off the main thread

        facts = self.model()[2] | {"detector": self.detector.name}
        folder = results_folder(self.config.results, analysis.path)
        with atomic_folder(folder, keep_others=True) as temporary:
            write_reports(temporary, analysis, facts)
        return folder

    def _compare_detectors(self, trained_with: str) -> None:
        """Warn, once, where the model was trained on another detector's crops."""
        if self.is_trained and self.detector.name != trained_with and not self._has_warned:
            self._has_warned = True
            console.warn(
                f"The model was trained on crops of {trained_with}, these are of "
                f"{self.detector.name}: scores may differ a little"
            )


def _load_model(config: TestConfig, is_trained: bool):
    from utils.checkpoint import load_checkpoint, untrained_checkpoint
    from utils.device import pick_device, place

    device = pick_device(config.device)
    checkpoint = load_checkpoint(config.model) if is_trained else untrained_checkpoint()
    place(checkpoint.model, device)
    import utils.report  # noqa: F401 (warms up matplotlib while the main thread decodes)

    gc.freeze()  # what torch imported stays: the collector need not walk it for every video

    facts = {
        "architecture": checkpoint.model.arch,
        "is_trained": is_trained,
        "file": str(config.model) if is_trained else None,
        "sha256": sha256_of(config.model) if is_trained else None,
        "epoch": checkpoint.training.get("epoch"),
        "validation": checkpoint.metrics.get("validation"),
        "device": str(device),
    }
    return checkpoint, device, facts


def results_folder(results: Path, path: Path) -> Path:
    """results/<video_name>/, with a digest of the path added where another file has that name."""
    name = "".join(c if c.isprintable() else "_" for c in path.stem)[:100].strip(". ") or "video"
    folder = results / name
    owner = None
    if folder.exists():
        try:
            owner = json.loads((folder / "report.json").read_bytes())["file"]["path"]
        except (OSError, ValueError, KeyError, TypeError):
            owner = "unknown"
    if name.lower() in RESERVED_NAMES or owner not in (None, str(path.resolve())):
        digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]
        folder = results / f"{name}_{digest}"
    return folder


def files_in(paths: list[str]) -> tuple[list[Path], int]:
    """Replace folders by the videos and images in them; returns files and the number of errors."""
    files, errors = [], 0
    for path in map(Path, filter(None, paths)):
        if not os.path.isdir(path):
            files.append(path)
            continue
        suffixes = VIDEO_SUFFIXES | IMAGE_SUFFIXES
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes)
        inside = [p for p in inside if not p.name.startswith(".") and not p.is_dir()]
        files += inside
        if not inside:
            console.error(f"{shown(path)}: no videos or images in this folder")
            errors += 1
    return files, errors


def judge_files(judge: Judge, files: list[Path]) -> int:
    """Judge one file after another; returns how many failed."""
    errors = 0
    for path in files:
        try:
            analysis = judge.analyse(path)
            print_analysis(analysis, judge.is_trained)
            print(f"\n   Reports: {shown(judge.write_reports(analysis))}", flush=True)
        except VideoError as error:
            console.error(f"{shown(path)}: {error}")
            errors += 1
        except OSError as error:
            place = f"{shown(judge.config.results)} ({error.strerror}): name another with --results"
            console.error(f"{shown(path)}: reports cannot be written to {place}")
            errors += 1
        except MemoryError:
            console.error(f"{shown(path)}: does not fit into memory")
            errors += 1
    if len(files) > 1:
        console.heading("📁 ALL FILES")
        print(f"   {len(files) - errors} judged, {errors} failed")
    return errors


def typed_path(text: str) -> str:
    """The path that a person typed or dragged in: without the quotes or escapes of a shell."""
    text = text.strip().removeprefix("& ")
    candidates = [text, text[1:-1] if text[:1] == text[-1:] and text[:1] in "'\"" else text]
    if os.name == "posix":
        with contextlib.suppress(ValueError):  # an apostrophe in the name
            candidates.append(" ".join(shlex.split(text)))
    candidates = [os.path.expanduser(candidate) for candidate in candidates]
    return next((c for c in candidates if "\0" not in c and os.path.exists(c)), candidates[1])


def prompt_loop(judge: Judge) -> None:
    """Ask for paths until quit, the end of input, or Ctrl-C at the prompt."""
    print("Type a path to a video, image or folder, or drag it in. Leave with: quit")
    while True:
        try:
            text = input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            print("\nGoodbye.")
            return
        if text.strip().lower() in ("quit", "exit", "q"):
            print("Goodbye.")
            return
        if text.strip():
            judge_files(judge, files_in([typed_path(text)])[0])


def run_demo(judge: Judge) -> int:
    console.heading("🧪 DEMONSTRATION")
    untouched, altered = make_demo_clips(judge.config.results / "demo", judge.detector)
    print("Two clips made from a public-domain portrait (Grace Hopper, US Navy), camera moving:")
    print(f"   {shown(untouched)}: the portrait as it is")
    print(f"   {shown(altered)}: the same with an altered copy of the face blended in")
    if not judge.is_trained:
        console.warn(
            f"No trained model at {shown(judge.config.model)}: {UNTRAINED}. "
            "They show what the program does; for verdicts run src/2_train_model.py"
        )
    return judge_files(judge, [untouched, altered])


def run(config: TestConfig, paths: list[str], demo: bool) -> int:
    if not demo and not config.model.exists():
        raise FileNotFoundError(
            f"{config.model} not found: run src/2_train_model.py first, or see the pipeline at "
            "work with src/3_test_video.py --demo"
        )
    judge = Judge(config, allow_untrained=demo)
    if demo:
        return 1 if run_demo(judge) else 0
    if not paths:
        judge.model()  # a damaged checkpoint is told before the first question
        prompt_loop(judge)
        return 0
    files, errors = files_in(paths)
    if not all(paths):
        console.error("an empty path names no file")
        errors += 1
    return 1 if errors + judge_files(judge, files) else 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config, paths, demo = parse_args(argv)
    try:
        return run(config, paths, demo)
    except KeyboardInterrupt:
        console.error("interrupted")
        return 130
    except OSError as error:
        console.error(shown(error))
        return 1
    except ValueError as error:  # an unknown device, a checkpoint that cannot be used
        console.error(shown(error))
        return 1


if __name__ == "__main__":
    code = main()
    with contextlib.suppress(OSError):  # nobody reads on
        sys.stdout.flush()
    os._exit(code)  # everything is written, and taking torch apart would take another second
