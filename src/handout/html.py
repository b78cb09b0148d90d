"""report.html: one video's verdict and what it stands on, in one file that can be mailed."""

import shlex
from pathlib import Path

from handout.markup import (
    bullets,
    escaped,
    facts,
    name,
    paragraphs,
    picture,
    section,
    write_document,
)
from handout.timeline import timeline
from judging.analysis import Analysis
from judging.transcript import NO_PROBABILITY, behind_verdict, describe_facts
from media.frame import sample_indices
from reports.tiles import frame_tiles
from scoring.likelihood import comparison
from scoring.verdict import FAKE, INCONCLUSIVE, REAL
from utils.config import ROOT

PAGE = "report.html"
SHOWN_FRAMES, FRAME_PX, CROP_PX = 6, 640, 224
MEANING = {
    FAKE: "The face scores as forgeries often do, and as few real faces.",
    REAL: "The face scores as real faces often do, and as few known forgeries. That no trace was "
    "found is no proof that there is none.",
    INCONCLUSIVE: "Nothing can be concluded:",
}
LIMITS = (
    "This is no proof. The likelihood ratio says how much the scores weigh, not how probable a "
    "forgery is: where the file comes from, and what else is known of it, counts beside it.",
    "Of a video some frames were looked at, each by itself, and in them the faces alone. A forgery "
    "between them, in movement, in the sound or beside the face goes unseen, and so does a true "
    "picture with a false story.",
    "Forgeries of kinds that the model never met can look real to it: faces generated as a whole, "
    "faces moved by somebody else's, new tools. Strong compression, blur and small faces hide "
    "traces, and now and then make a real face look forged.",
    "Bright places show where the model's evidence lies, not how much of it there is.",
    "Validation is a set of labelled videos on which the model was measured; in square brackets "
    "stand 95 % intervals. How often the model that ships is wrong, and on what, is in the "
    "program's documentation/model_card.md.",
)


def write_page(folder: Path, analysis: Analysis, report: dict) -> None:
    """Write report.html: what report.json holds, with pictures of the analysis."""
    file = report["file"]
    body = [
        f"<header><h1><small>Deepfake analysis of</small> {name(file['name'])}</h1></header>",
        "<main>",
        _verdict(analysis, report),
        _faces(analysis, report),
        _scores(analysis),
        _frames(analysis, report),
        _of_the_file(report),
        section("What this cannot see", bullets(LIMITS)),
        section("To check and to repeat", *_to_repeat(report)),
        "</main>",
    ]
    write_document(folder / PAGE, f"Deepfake analysis of {file['name']}", "\n".join(body))


def _verdict(analysis: Analysis, report: dict) -> str:
    verdict = report["verdict"]
    title, outcome, weight = verdict["title"], verdict["outcome"], verdict["weight"]
    if verdict["span"]:
        title += " from {:.2f} s to {:.2f} s".format(*verdict["span"])
    if weight and outcome != INCONCLUSIVE:
        weight += f": {comparison(verdict['likelihood_ratio'])}"
    lines = [f"Likelihood ratio {weight}. {NO_PROBABILITY}"] if weight else []
    if len(report["faces"]) > 1:
        lines.append(f"Of {len(report['faces'])} faces, face {report['decided_by']} decides")
    return section(
        "Verdict",
        f'<div class="verdict {outcome.lower()}"><strong>{escaped(title)}</strong>',
        paragraphs([MEANING[outcome]]),
        bullets(verdict["reasons"]),
        paragraphs(lines),
        "</div>",
        paragraphs(behind_verdict(analysis)),
    )


def _faces(analysis: Analysis, report: dict) -> str:
    items = []
    for track, face in zip(analysis.tracks, report["faces"], strict=True):
        verdict, votes = face["verdict"], face["votes"]
        view = max(track.seen, key=lambda view: abs(view.p_fake - 0.5))
        image = picture(view.crop[..., ::-1], f"Face {face['name']}")
        weight = f"Likelihood ratio {verdict['weight']}. " if verdict["weight"] else ""
        text = (
            f"{weight}In {len(track.seen)} of {len(track.views)} frames, {track.side_px:.0f} px; "
            f"votes: {votes['fake']} FAKE, {votes['real']} REAL"
        )
        items.append(
            f'<li class="{verdict["outcome"].lower()}">{image}<div>Face {face["name"]}: '
            f"<strong>{escaped(verdict['title'])}</strong><br>{escaped(text)}</div></li>"
        )
    lines = [] if items else ["No face was found"]
    if others := len(report["bystanders"]):
        lines.append(f"Not judged, being small or many: {others}")
    return section("Faces", f'<ul class="faces">{"".join(items)}</ul>', paragraphs(lines))


def _scores(analysis: Analysis) -> str:
    if len(analysis.frames) < 2:
        return ""
    legend = (
        "p_fake of each frame: ▲ votes FAKE, ● votes REAL, hollow where the frame by itself says "
        "little, × where no face was found. In the grey band the score of a video decides nothing."
    )
    return section("Timeline", _figure(timeline(analysis), legend))


def _frames(analysis: Analysis, report: dict) -> str:
    lead, rows = analysis.lead, report["frames"]
    if not lead:
        legend = "Some of the frames in which a face was looked for."
        numbers = sample_indices(len(rows), SHOWN_FRAMES)
    else:
        numbers = [n for n, row in enumerate(rows) if row["p_fake"] is not None]
        numbers.sort(key=lambda n: -abs(rows[n]["p_fake"] - 0.5))
        legend = (
            "Below the picture, what the model saw, and the same under its heat: bright places are "
            f"evidence for {lead.heat_side}."
        )
        if len(numbers) > 1:
            legend += " These frames' scores lie furthest from the middle, here in order of time."
    figures = [_frame(analysis, report, n) for n in sorted(numbers[:SHOWN_FRAMES])]
    title = "The most telling frames" if lead and len(numbers) > 1 else "What was looked at"
    return section(title, paragraphs([legend]), '<div class="frames">', *figures, "</div>")


def _frame(analysis: Analysis, report: dict, number: int) -> str:
    """A frame with its boxes, and below it the face that decides, without and with its heat."""
    row, lead = report["frames"][number], analysis.lead
    height, width = analysis.frames[number].image.shape[:2]
    scale = min(FRAME_PX / max(height, width), 1)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    whole, crop, heat = frame_tiles(analysis, number, lead, size, CROP_PX)
    place = f"Frame {number + 1} at {row['seconds']:.2f} s"
    if not lead:
        return _figure(picture(whole, place, "whole"), f"{place}: no face found")
    crops = picture(crop, f"{place}: the face") + picture(heat, f"{place}: the face under its heat")
    whole = picture(whole, f"{place}: the picture, boxes around its faces", "whole")
    text = f"{place}: p_fake {row['p_fake']:.3f}, votes {row['vote']}"
    return _figure(f'{whole}<div class="pair">{crops}</div>', text)


def _figure(content: str, text: str) -> str:
    return f"<figure>{content}<figcaption>{escaped(text)}</figcaption></figure>"


def _of_the_file(report: dict) -> str:
    file, known = report["file"], report["file_facts"]
    seconds = [frame["seconds"] for frame in report["frames"]]
    looked_at = f"{len(seconds)}, from {seconds[0]:.2f} s to {seconds[-1]:.2f} s"
    rows = [("Name", file["name"]), ("Size", f"{file['size_bytes']:,} bytes")]
    rows.append(("Frames looked at", looked_at if len(seconds) > 1 else "1"))
    rows += describe_facts(known) if known else []
    notes = report["notes"] + ([known["caveat"]] if known else [])
    return section("The file", facts(rows), bullets(notes))


def _to_repeat(report: dict) -> list[str]:
    model = report["model"]
    command = ["python", "src/3_test_video.py"]
    if model["is_trained"]:
        command += ["--frames", str(model["frames"]), "--detector", model["detector"], "--model"]
        command += [_place(Path(each).absolute()) for each in model["file"].split(" + ")]
        command += ["--", report["file"]["name"]]
    else:
        command.append("--demo")
    rows = [
        ("SHA-256 of the file", report["file"]["sha256"]),
        ("SHA-256 of the model", model["sha256"] or "none: its weights are untrained"),
        ("Model", f"{model['architecture']}, on {model['device']}"),
        ("Versions", ", ".join(f"{key} {value}" for key, value in model["versions"].items())),
        ("Analysed", f"{report['created']} (UTC)"),
    ]
    return [
        facts(rows),
        f"<p>Command: <code>{escaped(shlex.join(command))}</code></p>",
        '<p class="soft">The file is the one judged if its checksum is the one above. All figures '
        "of this page are in report.json, which the program writes beside it.</p>",
    ]


def _place(path: Path) -> str:
    """A model's place in the program's folder, else its name: folders tell of their owner."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name)
