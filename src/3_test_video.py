"""Judge videos and images: frame-by-frame scores, Grad-CAM, a verdict, PNG reports and a page."""

import utils.early  # noqa: F401 (first, for Ctrl-C may come while the others load)

import argparse
import contextlib
import json
import os
import shlex
import sys
from itertools import compress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from handout.html import PAGE, write_page
from handout.index import write_index
from judging.demo import make_demo_clips
from judging.session import UNTRAINED, Session, joined, results_folder
from judging.transcript import SIGNS, print_analysis
from media.frame import VideoError, is_image
from utils import console, search
from utils.config import FILM_NAME, IMAGE_SUFFIXES, VIDEO_SUFFIXES, TestConfig
from utils.console import run_script, shown
from utils.files import atomic_folder
from utils.flags import DOWNLOAD, add_flags, from_flags, is_address, local_path

MODEL_SUFFIXES = (".pth", ".pt")
PROMPT = "\n📹 Enter video path: "


def parse_args(argv: list[str] | None) -> tuple[TestConfig, list[str], bool]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="videos, images, folders; without any: a prompt")
    parser.add_argument("--demo", action="store_true", help="make two clips and judge them")
    add_flags(parser, TestConfig)
    args = parser.parse_args(argv)
    # --model takes all that follows: what is no checkpoint there is to be judged.
    is_model = [not n or str(name).endswith(MODEL_SUFFIXES) for n, name in enumerate(args.model)]
    args.paths += [name for name, is_one in zip(args.model, is_model, strict=True) if not is_one]
    try:
        args.model = tuple(local_path(str(name)) for name in compress(args.model, is_model))
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --model: {error}")
    if args.demo and args.paths:
        parser.error("--demo makes its own clips: give either paths or --demo")
    if args.json and not (args.demo or args.paths):
        parser.error("--json needs paths")
    return from_flags(TestConfig, args), args.paths, args.demo


def files_in(paths: list[str]) -> tuple[dict[Path, bool], int]:
    """Replace folders by the videos and images in them; returns files, with whether each comes from
    a folder, and the number of errors. What is passed over, or there twice, is said."""
    files, errors = {}, 0
    for text in filter(None, paths):
        if is_address(text) and not text.startswith("file://"):
            console.error(f"{shown(text)}: is a web address: {DOWNLOAD}")
            errors += 1
            continue
        path = Path(local_of(text))
        if not os.path.isdir(path):
            files[path] = False
            continue
        inside, _ = search.files_in(path, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
        files |= dict.fromkeys(inside, True) | files
        if text := search.passed_over(path):
            console.warn(text)
        if not inside:
            console.error(f"{shown(path)}: no videos or images in this folder")
            errors += 1
    for copy, original in search.copies_in(files).items():
        console.warn(f"{shown(copy)}: the same file as {shown(original)}")
    return files, errors


def local_of(text: str) -> str:
    """The path in a file's address, as file managers copy it."""
    return url2pathname(urlsplit(text).path) if text.startswith("file://") else text


def judge_one(
    session: Session, path: Path, from_folder: bool, reports: list[tuple[Path, dict]]
) -> None:
    """Judge a file, say so, add its folder and what report.json holds to reports, and write it.

    What a folder holds is judged once; a file that is named, every time.
    """
    config = session.config
    folder = results_folder(config.results, path)
    earlier = session.earlier_report(path) if from_folder and not config.again else None
    if config.annotate and not is_image(path) and not (folder / FILM_NAME).exists():
        earlier = None
    analysis = None if earlier else session.analyse(path)
    report = earlier or session.report(analysis)
    if config.json:
        print(json.dumps(report), file=session.output, flush=True)
    elif earlier or config.quiet:
        print_line(report, ["judged before"] if earlier else [])
    else:
        print_analysis(analysis, session.is_trained)
    if analysis:
        with atomic_folder(folder, keep_others=True) as temporary:
            video_reports().write_reports(temporary, analysis, report)
            write_page(temporary, analysis, report)
        (folder / FILM_NAME).unlink(missing_ok=True)  # of an earlier verdict
        if not (config.quiet or config.json):
            print(f"\n   Reports: {shown(folder)}")
            print(f"   To hand on: {shown(folder / PAGE)}", flush=True)
        if config.annotate:
            from handout.film import annotate

            annotate(folder, analysis, config.quiet or config.json)
    reports.append((folder, report))


def video_reports():
    """The module that draws them: its matplotlib loads behind the model, off the main thread."""
    import reports.video

    return reports.video


def print_line(report: dict, remarks: list[str]) -> None:
    """A file's verdict on one line, with what must be known of the file."""
    verdict = report["verdict"]
    score = "no score" if verdict["p_fake"] is None else f"p_fake {verdict['p_fake']:.3f}"
    outcome = f"{SIGNS[verdict['outcome']]} {verdict['outcome']:12}"
    remarks = "; ".join([*remarks, *report["notes"]])
    path = shown(report["file"]["path"])
    print("  ".join([outcome, score, path, *([f"({remarks})"] if remarks else [])]))


def judge_files(session: Session, files: dict[Path, bool]) -> int:
    """Judge one file after another; returns how many failed."""
    reports, errors = [], 0
    for path, from_folder in files.items():
        try:
            judge_one(session, path, from_folder, reports)
        except BrokenPipeError:  # nobody reads on
            raise
        except VideoError as error:
            console.error(f"{shown(path)}: {error}")
            errors += 1
        except OSError as error:
            place = f"{shown(session.config.results)} ({error.strerror}): name another"
            console.error(f"{shown(path)}: reports cannot be written to {place} with --results")
            errors += 1
        except MemoryError:
            console.error(f"{shown(path)}: does not fit into memory: try fewer --frames")
            errors += 1
    if len(files) > 1:
        console.heading("📁 ALL FILES")
        print(f"   {len(files) - errors} judged, {errors} failed")
    if len(files) > 1 and reports:
        from reports.folder import write_summary

        folder = session.config.results / "summary"
        write_summary(folder, [report for _, report in reports])
        write_index(folder, reports)
        print(f"   Summary: {shown(folder)}")
    return errors


def typed_path(text: str) -> str:
    """The path that a person typed or dragged in: without the quotes or escapes of a shell."""
    text = local_of(text.strip().removeprefix("& "))
    candidates = [text, text[1:-1] if text[:1] == text[-1:] and text[:1] in "'\"" else text]
    if os.name == "posix":
        with contextlib.suppress(ValueError):  # an apostrophe in the name
            candidates.append(" ".join(shlex.split(text)))
    candidates = [os.path.expanduser(candidate) for candidate in candidates]
    return next((c for c in candidates if "\0" not in c and os.path.exists(c)), candidates[1])


def prompt_loop(session: Session) -> None:
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
            judge_files(session, files_in([typed_path(text)])[0])


def run_demo(session: Session) -> int:
    console.heading("🧪 DEMONSTRATION")
    untouched, altered = make_demo_clips(session.config.results / "demo", session.detector)
    print("Two clips made from a public-domain portrait (Grace Hopper, US Navy), camera moving:")
    print(f"   {shown(untouched)}: the portrait as it is")
    print(f"   {shown(altered)}: the same with an altered copy of the face blended in")
    if not session.is_trained:
        console.warn(
            f"No trained model at {joined(map(shown, session.config.model))}: {UNTRAINED}. "
            "They show what the program does; for verdicts run src/2_train_model.py"
        )
    return judge_files(session, {untouched: False, altered: False})


def run(config: TestConfig, paths: list[str], demo: bool, output) -> int:
    missing = [path for path in config.model if not path.exists()]
    if missing and not demo:
        raise FileNotFoundError(
            f"{missing[0]} not found: run src/2_train_model.py first, or see the pipeline at "
            "work with src/3_test_video.py --demo"
        )
    session = Session(config, demo, output, warm_up=video_reports)
    if demo:
        return 1 if run_demo(session) else 0
    if not paths:
        session.model()  # a damaged checkpoint is told before the first question
        prompt_loop(session)
        return 0
    files, errors = files_in(paths)
    if not all(paths):
        console.error("an empty path names no file")
        errors += 1
    return 1 if errors + judge_files(session, files) else 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config, paths, demo = parse_args(argv)
    output = sys.stdout
    # With --json, what is meant for people goes where errors go.
    with contextlib.redirect_stdout(sys.stderr) if config.json else contextlib.nullcontext():
        return run_script(lambda: run(config, paths, demo, output))


if __name__ == "__main__":
    code = main()
    with contextlib.suppress(OSError):  # nobody reads on
        sys.stdout.flush()
    os._exit(code)  # everything is written, and taking torch apart would take another second
