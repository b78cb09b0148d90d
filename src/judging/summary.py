"""What programs read of a judged video: report.json, and a row of a folder's summary.csv."""

import os
from dataclasses import asdict
from datetime import datetime, timezone

from judging.analysis import Analysis, Track
from scoring.temporal import drift, fake_runs, frame_vote, neighbour_agreement
from scoring.verdict import FAKE, INCONCLUSIVE, REAL, RULES
from utils.files import sha256_of

# 2: several faces; 3: likelihood ratio; 4: facts of the file, parts of the face; 5: title, versions
VERSION = 5
ORDER = (FAKE, INCONCLUSIVE, REAL)  # the most suspicious first


def report_content(analysis: Analysis, model_facts: dict) -> dict:
    """What report.json holds: plain values only. frames and votes are those of the face that the
    verdict is about."""
    path, lead = analysis.path, analysis.lead
    about = path.stat()
    views = lead.views if lead else [None] * len(analysis.frames)
    rows = [
        {
            "index": frame.index,
            "seconds": round(frame.seconds, 3),
            "box_xyxy": view and [round(value, 1) for value in view.face.box_xyxy],
            "detection_score": view and round(view.face.score, 3),
            "p_fake": view and view.p_fake,
            "vote": view and frame_vote(view.p_fake),
        }
        for frame, view in zip(analysis.frames, views, strict=True)
    ]
    return {
        "version": VERSION,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "file": {
            "name": path.name,
            "path": os.path.realpath(path),
            "size_bytes": about.st_size,
            "modified_ns": about.st_mtime_ns,
            "sha256": sha256_of(path),
        },
        "file_facts": analysis.frames.facts,
        "notes": list(analysis.frames.notes),
        "model": model_facts,
        "rules": asdict(RULES),
        "marks": asdict(analysis.marks),
        "verdict": _verdict(analysis.verdict),
        "votes": {"fake": analysis.verdict.fake_votes, "real": analysis.verdict.real_votes},
        "decided_by": lead and lead.name,
        "face_parts": analysis.parts,
        "frames": rows,
        "faces": [_face(track, analysis) for track in analysis.tracks],
        "bystanders": [{"side_px": side, "frames": n} for side, n in analysis.bystanders],
    }


def _verdict(verdict) -> dict:
    plain = {name: value for name, value in asdict(verdict).items() if "votes" not in name}
    return plain | {"title": verdict.title, "weight": verdict.weight}


def _face(track: Track, analysis: Analysis) -> dict:
    return {
        "name": track.name,
        "side_px": round(track.side_px, 1),
        "p_fake_by_frame": track.scores,
        "verdict": _verdict(track.verdict),
        "votes": {"fake": track.verdict.fake_votes, "real": track.verdict.real_votes},
        "temporal": {
            "neighbour_agreement": neighbour_agreement(track.used),
            "drift": drift(track.used),
            "fake_runs": [asdict(r) for r in fake_runs(track.scores, analysis.seconds)],
        },
        "attention_inside": track.attention and track.attention[0],
        "attention_by_chance": track.attention and track.attention[1],
    }


def summary_row(report: dict) -> dict:
    """A row of summary.csv, from what report.json holds."""
    verdict = report["verdict"]
    return {
        "file": report["file"]["path"],
        "verdict": verdict["outcome"],
        "p_fake": verdict["p_fake"],
        "likelihood_ratio": verdict["likelihood_ratio"],
        "weight": verdict["weight"],
        "confidence": verdict["confidence"],
        "face": report["decided_by"],
        "faces_judged": len(report["faces"]),
        "fake_votes": report["votes"]["fake"],
        "real_votes": report["votes"]["real"],
        "span": "{:.2f}-{:.2f}".format(*verdict["span"]) if verdict["span"] else "",
        "reasons": "; ".join(verdict["reasons"]),
        "notes": "; ".join(report["notes"]),
    }


def suspicion_of(row: dict) -> tuple:
    """By which rows are sorted: FAKE first, then by falling p_fake."""
    return ORDER.index(row["verdict"]), -(row["p_fake"] or 0), row["file"]
