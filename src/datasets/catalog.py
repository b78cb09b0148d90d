"""Which videos a data set holds: what each is called, its class, and who is in it."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from utils.config import FAKE, IMAGE_SUFFIXES, REAL, VIDEO_SUFFIXES
from utils.search import files_below, once, uncopied_name, walk

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

    def facts(self) -> dict:
        """What records say of it, but for its size."""
        return {
            "id": self.id,
            "dataset": self.dataset,
            "method": self.method,
            "label": self.label,
            "identities": list(self.identities),
            "official_split": self.official_split,
        }


def discover_faceforensics(root: Path) -> list[Video]:
    """FaceForensics++ and DFD below root: the official tree or the c23 archive, in any case, with
    the official train.json, val.json and test.json (pairs of people) where they are there too."""
    lists = {path: PAIR_LISTS[path.name] for path in _lists(root, PAIR_LISTS)}
    splits = {person: name for path, name in lists.items() for person in _listed_people(path)}
    videos = []
    for video in _in_known_folders(root, FACEFORENSICS, VIDEO_SUFFIXES):
        if "masks" not in video.id.lower().split("/"):
            names = {splits.get(person) for person in video.identities}
            split = names.pop() if len(names) == 1 else None
            videos.append(replace(video, official_split=split))
    return videos


def _lists(root: Path, wanted) -> list[Path]:
    """Files of the wanted names below root."""
    return [Path(folder, n) for folder, _, names in walk(root) for n in names if n in wanted]


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
    for path in _lists(root, (CELEB_TEST_LIST,)):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            folder, _, name = line.partition(" ")[2].strip().partition("/")
            listed.add((folder.lower(), name))
    if not listed:
        return videos
    splits = {True: "test", False: "train"}
    return [
        replace(
            video,
            official_split=splits[(video.method.lower(), uncopied_name(video.path)) in listed],
        )
        for video in videos
    ]


def discover_dfdc(root: Path) -> list[Video]:
    """DFDC below root: the videos that the metadata.json beside them labels.

    The people are not named, but those of one folder recur in it and hardly in others, so a folder
    counts as one identity.
    """
    videos, labels = [], {}
    for path, parts in files_below(root, VIDEO_SUFFIXES):
        if path.parent not in labels:
            labels[path.parent] = _dfdc_labels(path.parent / "metadata.json")
        label = labels[path.parent].get(path.name)
        if label is not None:
            method = "dfdc-fake" if label == FAKE else "dfdc-real"
            people = ("dfdc:" + "/".join(parts[:-1]),)
            videos.append(Video("/".join(("dfdc", *parts)), path, "dfdc", method, label, people))
    return _in_order(videos)


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
    for folder, subfolders, names in walk(root):
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
    return _in_order(videos)


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
        person = folders[last + 1] if len(folders) > last + 1 else video.identities[0]
        videos.append(replace(video, identities=(f"own:{person}",)))
    return videos


def _in_order(videos: list[Video]) -> list[Video]:
    """By id; where links lead to one file, once."""
    paths = set(once(video.path for video in videos))
    return sorted((video for video in videos if video.path in paths), key=lambda video: video.id)


def _in_known_folders(root: Path, folders: dict, suffixes: set[str]) -> list[Video]:
    """Every file below root that lies in a known folder, ordered by id."""
    found = []
    for path, parts in files_below(root, suffixes):
        known = [folders[part.lower()] for part in parts[:-1] if part.lower() in folders]
        if known:
            dataset, method, label = known[-1]
            video_id = "/".join((dataset, *parts))
            people = _identities(dataset, method, uncopied_name(path))
            if not people:  # many files may be numbered so, but a copy has its original beside it
                original = path.with_name(uncopied_name(path))
                name = original.name if original.exists() else path.name
                people = ("/".join(("only:" + dataset, *parts[:-1], name)),)
            found.append(Video(video_id, path, dataset, method, label, people))
    return _in_order(found)


def _identities(dataset: str, method: str, name: str) -> tuple[str, ...]:
    """People named by a file name; empty when it does not follow its data set's pattern."""
    stem = Path(name).stem
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
