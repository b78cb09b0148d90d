"""Searching people's folders: what is looked into, and which files are the same one twice."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from utils.config import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from utils.console import shown
from utils.files import equal_contents, sha256_of

# In small letters: of unpackers, network disks, wastebaskets, phones and repaired disks. They hold
# copies, thumbnails, or what was thrown away. Names that begin with a dot are passed over anyway.
SERVICE_FOLDERS = {
    "__macosx",
    "@eadir",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "recycler",
    "recycled",
    "system volume information",
    "lost+found",
    "found.000",
    "lost.dir",
    "__pycache__",
}
# What browsers and file managers add to the name of a second copy.
_COPY = r"(?:copy|kopie|copie|copia|cópia|kopia)"
_COPY_MARK = re.compile(
    rf"^{_COPY} (?:of|von|de|van) (?=.)|(?<=.)[ _]?\(\d+\)$"
    rf"|(?<=.)[ _]?\((?:\w+ )?{_COPY}(?: \d+)?\)$|(?<=.)[ _-]+{_COPY}(?: \d+)?$",
    re.IGNORECASE,
)


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or some system's own."""
    return name.startswith(".") or name.lower() in SERVICE_FOLDERS


def walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """os.walk through links, in a fixed order, without what is hidden or some system's own.

    Linked folders come after all others, each once more at most, however many links lead to it; a
    link to a folder that it lies in leads nowhere. Names taken from the list of subfolders are not
    looked into.
    """
    waiting: list[str] = [os.fspath(root)]
    links: list[str] = []
    for seen in (set(), set()):
        while waiting:
            for folder, subfolders, names in os.walk(waiting.pop(0)):
                real_folder = os.path.realpath(folder)
                if real_folder in seen:
                    subfolders.clear()
                    continue
                seen.add(real_folder)
                subfolders[:] = sorted(name for name in subfolders if not is_passed_over(name))
                yield folder, subfolders, sorted(n for n in names if not is_passed_over(n))
                paths = [os.path.join(folder, name) for name in subfolders]
                links += [path for path in paths if os.path.islink(path) and not _leads_up(path)]
        waiting = links  # the same list, so that links found behind links are followed too


def _leads_up(link: str) -> bool:
    target, place = Path(os.path.realpath(link)), Path(os.path.realpath(os.path.dirname(link)))
    return target == place or target in place.parents


def suffix_of(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def files_below(root: Path, suffixes: set[str]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """(path, parts below root) of every file with one of the suffixes.

    A folder called x.mp4 is no place to look for videos, but a broken one to report.
    """
    for folder, subfolders, names in walk(root):
        odd = [name for name in subfolders if suffix_of(name) in suffixes]
        subfolders[:] = [name for name in subfolders if name not in odd]
        for name in sorted(names + odd):
            if suffix_of(name) in suffixes:
                path = Path(folder, name)
                yield path, path.relative_to(root).parts


def files_in(root: Path, suffixes: Iterable[str]) -> tuple[list[Path], Counter]:
    """The files below root with one of the suffixes, by name, a link's target once; and how many
    others of each suffix there are."""
    found, others = [], Counter()
    for folder, _, names in walk(root):
        for name in names:
            if suffix_of(name) in suffixes:
                found.append(Path(folder, name))
            else:
                others[suffix_of(name)] += 1
    return sorted(once(found)), others


def passed_over(root: Path) -> str:
    """Which files below root are neither videos nor images by their names: 'PATH: 3 other files are
    passed over (2 .txt, 1 without suffix)', or '' for none."""
    _, others = files_in(root, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
    if not others:
        return ""
    kinds = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in others.most_common(8))
    more = ", ..." if len(others) > 8 else ""
    total = sum(others.values())
    files = "other files are" if total > 1 else "other file is"
    return f"{shown(root)}: {total:,} {files} passed over ({kinds}{more})"


def once(paths: Iterable[Path]) -> list[Path]:
    """Without links to a file that is there itself, and with one of several links to another."""
    kept: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: (path.is_symlink(), len(path.parts), path)):
        kept.setdefault(os.path.realpath(path), path)
    return list(kept.values())


def uncopied_name(path: Path) -> str:
    """The name of the file that one is by its name a second copy of: 253.mp4 of '253 (1).mp4'."""
    stem = path.stem
    while (shorter := _COPY_MARK.sub("", stem)) != stem:
        stem = shorter
    return stem + path.suffix


def copies_in(paths: Iterable[Path]) -> dict[Path, Path]:
    """Each file with the content of another of paths, the first whose name is no copy's, and
    that."""
    paths = sorted(paths, key=lambda path: uncopied_name(path) != path.name)
    groups = equal_contents(paths, lambda p: p.is_file() and p.stat().st_size, sha256_of)
    return {copy: original for original, *copies in groups for copy in copies}


def without_copies(videos: list) -> tuple[list, list[tuple]]:
    """One video of each content, with the people of all its copies; and every other, with the one
    that it is a copy of. Where copies are real and fake at once none is kept, and that is None.

    videos: dataclasses with path, label and identities, as datasets.catalog has them.
    """
    originals = copies_in(video.path for video in videos)
    groups = defaultdict(list)
    for video in videos:
        groups[originals.get(video.path, video.path)].append(video)
    kept, copies = [], []
    for path, group in groups.items():
        if len({video.label for video in group}) > 1:
            copies += [(video, None) for video in group]
            continue
        people = dict.fromkeys(person for video in group for person in video.identities)
        original = next(video for video in group if video.path == path)
        kept.append(replace(original, identities=tuple(people)))
        copies += [(video, original) for video in group if video is not original]
    return kept, copies
