"""Which videos a data set holds: what each is called, its class, and who is in it."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from utils.config import FAKE, IMAGE_SUFFIXES, REAL, VIDEO_SUFFIXES

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
PAIR_LISTS = {f"{name}.json": name for name in ("train", "val", "test")}
CELEB_TEST_LIST = "List_of_testing_videos.txt"
OWN = {"real": ("own", "real", REAL), "fake": ("own", "fake", FAKE)}
WILD_FOLDERS = {
    f"{name}_{part}": (part, label)
    for name, label in (("real", REAL), ("fake", FAKE))
    for part in ("train", "test")
}

_NAMES = {
    "faceforensics": ("ff", re.compile(r"(\d{3})(?:_(\d{3}))?$")),
    "dfd": ("dfd", re.compile(r"(\d{2})(?:_(\d{2}))?__")),
    "celebdf": ("celeb", re.compile(r"(id\d+)(?:_(id\d+))?_\d+$")),
}


@dataclass(frozen=True)
class Video:
    """One video of a data set, or one of its face sequences or images.

    id: data set and path below its root, unique and the same on every machine.
    identities: the people it shows or borrows from, namespaced ('ff:004'), never empty.
    official_split: 'train', 'val' or 'test' where the data set's own list says so.
    is_cut: path is a folder or archive of images of faces that are cut out already.
    pair: what a fake shares with the real footage it was made from, where that is known.
    original: the real video whose footage a fake shows, where extraction found and wants it.
    """

    id: str
    path: Path
    dataset: str
    method: str
    label: int
    identities: tuple[str, ...]
    official_split: str | None = None
    is_cut: bool = False
    pair: str | None = None
    original: Video | None = None


def discover_faceforensics(root: Path) -> list[Video]:
    """FaceForensics++ and DFD below root: the official tree or the c23 archive, in any case, with
    the official train.json, val.json and test.json (pairs of people) where they are there too."""
    splits = {person: name for path, name in _pair_lists(root) for person in _listed_people(path)}
    videos = []
    for video in _in_known_folders(root, FACEFORENSICS, VIDEO_SUFFIXES):
        if "masks" not in video.id.lower().split("/"):
            names = {splits.get(person) for person in video.identities}
            split = names.pop() if len(names) == 1 else None
            videos.append(replace(video, official_split=split))
    return videos


def _pair_lists(root: Path):
    for folder, _, names in _walk(root):
        yield from ((Path(folder, n), PAIR_LISTS[n]) for n in names if n in PAIR_LISTS)


def _listed_people(path: Path) -> list[str]:
    """Identities in a file of pairs such as [["071", "054"]]; none if it is something else."""
    try:
        return [f"ff:{name}" for pair in json.loads(path.read_bytes()) for name in pair]
    except (OSError, ValueError, TypeError):
        return []


def discover_celeb_df(root: Path) -> list[Video]:
    """Celeb-DF v2 below root, with or without a videos/ level, with its official test list."""
    videos = _in_known_folders(root, CELEB_DF, VIDEO_SUFFIXES)
    listed = set()
    for path in sorted(root.rglob(CELEB_TEST_LIST)):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            folder, _, name = line.partition(" ")[2].strip().partition("/")
            listed.add((folder.lower(), name))
    if not listed:
        return videos
    splits = {True: "test", False: "train"}
    return [
        replace(video, official_split=splits[(video.method.lower(), video.path.name) in listed])
        for video in videos
    ]


def discover_dfdc(root: Path) -> list[Video]:
    """DFDC below root: the videos that the metadata.json beside them labels.

    The people are not named, but those of one folder recur in it and hardly in others, so a folder
    counts as one identity.
    """
    videos, labels = [], {}
    for path, parts in _files(root, VIDEO_SUFFIXES):
        if path.parent not in labels:
            labels[path.parent] = _dfdc_labels(path.parent / "metadata.json")
        label = labels[path.parent].get(path.name)
        if label is not None:
            method = "dfdc-fake" if label == FAKE else "dfdc-real"
            people = ("dfdc:" + "/".join(parts[:-1]),)
            videos.append(Video("/".join(("dfdc", *parts)), path, "dfdc", method, label, people))
    return sorted(videos, key=lambda video: video.id)


def _dfdc_labels(path: Path) -> dict[str, int]:
    try:
        facts = json.loads(path.read_bytes())
        return {name: FAKE if fact["label"] == "FAKE" else REAL for name, fact in facts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def discover_wilddeepfake(root: Path) -> list[Video]:
    """WildDeepfake below root: archives N.tar.gz or folders N in {real,fake}_{train,test}.

    Each holds the cut faces of one source video, and so is one video and one identity.
    """
    videos = []
    for folder, subfolders, names in _walk(root):
        part, label = WILD_FOLDERS.get(Path(folder).name.lower(), (None, None))
        if part is None:
            continue
        packed = {name: name[: name.lower().rindex(".tar")] for name in names if is_archive(name)}
        unpacked = [name for name in subfolders if name not in packed.values()]
        for name in sorted([*packed, *unpacked]):
            parts = (*Path(folder).relative_to(root).parts, packed.get(name, name))
            video_id = "/".join(("wilddeepfake", *parts))
            method = "wild-fake" if label == FAKE else "wild-real"
            place, people = Path(folder, name), (f"wild:{'/'.join(parts)}",)
            video = Video(video_id, place, "wilddeepfake", method, label, people, part, is_cut=True)
            videos.append(video)
        subfolders.clear()
    return sorted(videos, key=lambda video: video.id)


def is_archive(name: str) -> bool:
    return name.lower().endswith((".tar.gz", ".tar")) and not name.startswith(".")


def discover_own(root: Path) -> list[Video]:
    """Videos and images of the user's own below root/real and root/fake.

    A folder below real/ or fake/ is one person's: real/anna/ and fake/anna/ show the same Anna. A
    file outside such a folder is a person of its own.
    """
    videos = []
    for video in _in_known_folders(root, OWN, VIDEO_SUFFIXES | IMAGE_SUFFIXES):
        folders = video.id.split("/")[1:-1]
        last = max(n for n, name in enumerate(folders) if name.lower() in OWN)
        person = folders[last + 1] if len(folders) > last + 1 else f"only:{video.id}"
        videos.append(replace(video, identities=(f"own:{person}",)))
    return videos


def _walk(root: Path):
    """os.walk in a fixed order, through links, each folder once however many links lead to it."""
    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real_folder = os.path.realpath(folder)
        if real_folder in seen:
            subfolders.clear()
            continue
        seen.add(real_folder)
        subfolders.sort()
        yield folder, subfolders, sorted(names)


def _files(root: Path, suffixes: set[str]):
    """(path, parts below root) of every file with one of the suffixes; a link's target once.

    A folder called x.mp4 is no place to look for videos, but a broken one to report.
    """
    seen = set()
    for folder, subfolders, names in _walk(root):
        odd = [name for name in subfolders if _suffix(name) in suffixes]
        subfolders[:] = [name for name in subfolders if name not in odd]
        paths = [Path(folder, name) for name in names + odd if _suffix(name) in suffixes]
        for path in sorted(paths, key=lambda path: (path.is_symlink(), path.name)):
            real_path = os.path.realpath(path)
            if real_path not in seen and not path.name.startswith("."):
                seen.add(real_path)
                yield path, path.relative_to(root).parts


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _in_known_folders(root: Path, folders: dict, suffixes: set[str]) -> list[Video]:
    """Every file below root that lies in a known folder, ordered by id."""
    found = []
    for path, parts in _files(root, suffixes):
        known = [folders[part.lower()] for part in parts[:-1] if part.lower() in folders]
        if known:
            dataset, method, label = known[-1]
            video_id = "/".join((dataset, *parts))
            people = _identities(dataset, method, path.stem) or (f"only:{video_id}",)
            found.append(Video(video_id, path, dataset, method, label, people))
    return sorted(found, key=lambda video: video.id)


def _identities(dataset: str, method: str, stem: str) -> tuple[str, ...]:
    """People named by a file name; empty when it does not follow its data set's pattern."""
    if method == "YouTube-real":
        return (f"celeb:youtube-{stem}",)
    match = dataset in _NAMES and _NAMES[dataset][1].match(stem)
    return tuple(f"{_NAMES[dataset][0]}:{name}" for name in match.groups() if name) if match else ()


def original_name(dataset: str | None, stem: str) -> str | None:
    """The name of the video whose footage a fake shows, if the fake's own name tells: 004_982 is
    made of 004, id3_id20_0009 of id3_0009, 24_11__walking__ABCDEFGH of 24__walking."""
    match = dataset in _NAMES and _NAMES[dataset][1].match(stem)
    if not match or not match[2]:
        return None
    return re.sub(r"(__.+)__[^_]+$", r"\1", stem[: match.start(2) - 1] + stem[match.end(2) :])


# Name on screen, name of its flag and config field, how to find its videos.
DATA_SETS = (
    ("FaceForensics++", "faceforensics", discover_faceforensics),
    ("Celeb-DF", "celeb_df", discover_celeb_df),
    ("DFDC", "dfdc", discover_dfdc),
    ("WildDeepfake", "wilddeepfake", discover_wilddeepfake),
    ("own videos", "own", discover_own),
)
