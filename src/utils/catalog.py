"""Which videos a data set holds: what each is called, its class, and who is in it."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import os
import re
from dataclasses import dataclass
from pathlib import Path

from utils.config import FAKE, REAL, VIDEO_SUFFIXES

# Folder name in lower case -> (data set, method, label). The innermost known folder decides.
FACEFORENSICS = {
    "original": ("faceforensics", "original", REAL),
    "youtube": ("faceforensics", "original", REAL),
    "deepfakes": ("faceforensics", "Deepfakes", FAKE),
    "face2face": ("faceforensics", "Face2Face", FAKE),
    "faceswap": ("faceforensics", "FaceSwap", FAKE),
    "faceshifter": ("faceforensics", "FaceShifter", FAKE),
    "neuraltextures": ("faceforensics", "NeuralTextures", FAKE),
    "actors": ("dfd", "actors", REAL),
    "deepfakedetection": ("dfd", "DeepFakeDetection", FAKE),
}
CELEB_DF = {
    "celeb-real": ("celebdf", "Celeb-real", REAL),
    "youtube-real": ("celebdf", "YouTube-real", REAL),
    "celeb-synthesis": ("celebdf", "Celeb-synthesis", FAKE),
}

_FF_NAME = re.compile(r"(\d{3})(?:_(\d{3}))?$")
_DFD_NAME = re.compile(r"(\d{2})(?:_(\d{2}))?__")
_CELEB_NAME = re.compile(r"(id\d+)(?:_(id\d+))?_\d+$")


@dataclass(frozen=True)
class Video:
    """One video of a data set.

    id: data set and path below its root, unique and the same on every machine.
    identities: the people it shows or borrows from, namespaced ('ff:004'), never empty.
    """

    id: str
    path: Path
    dataset: str
    method: str
    label: int
    identities: tuple[str, ...]


def discover_faceforensics(root: Path) -> list[Video]:
    """FaceForensics++ and DFD below root: the official tree or the c23 archive, in any case."""
    return _discover(root, FACEFORENSICS)


def discover_celeb_df(root: Path) -> list[Video]:
    """Celeb-DF v2 below root, with or without a videos/ level."""
    return _discover(root, CELEB_DF)


def _discover(root: Path, folders: dict) -> list[Video]:
    """Every video below root that lies in a known folder, once, ordered by id."""
    found: dict[str, Video] = {}
    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real_folder = os.path.realpath(folder)
        if real_folder in seen:  # a link to a folder above or beside it
            subfolders.clear()
            continue
        seen.add(real_folder)
        subfolders.sort()
        parts = Path(folder).relative_to(root).parts
        known = [folders[part.lower()] for part in parts if part.lower() in folders]
        if not known or "masks" in (part.lower() for part in parts):
            continue
        dataset, method, label = known[-1]
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() not in VIDEO_SUFFIXES or name.startswith("."):
                continue
            path = Path(folder, name)
            real_path = os.path.realpath(path)  # a link and its target are one video
            if real_path in seen:
                continue
            seen.add(real_path)
            video_id = "/".join((dataset, *parts, name))
            identities = _identities(dataset, method, stem) or (f"only:{video_id}",)
            found[video_id] = Video(video_id, path, dataset, method, label, identities)
    return [found[key] for key in sorted(found)]


def _identities(dataset: str, method: str, stem: str) -> tuple[str, ...]:
    """People named by a file name; empty when it does not follow its data set's pattern."""
    if method == "YouTube-real":
        return (f"celeb:youtube-{stem}",)
    pattern, space = {
        "faceforensics": (_FF_NAME, "ff"),
        "dfd": (_DFD_NAME, "dfd"),
        "celebdf": (_CELEB_NAME, "celeb"),
    }[dataset]
    match = pattern.match(stem)
    return tuple(f"{space}:{name}" for name in match.groups() if name) if match else ()
