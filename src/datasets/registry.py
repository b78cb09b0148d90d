"""Writing crops and their record, which record is current, and the registry of all records."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import cv2

from datasets.catalog import Video, original_name
from faces.detect import Face, crop_square, square_around, to_crop
from faces.quality import describe
from media.frame import Frame
from utils import console
from utils.config import REGISTRY_NAME
from utils.console import Failure
from utils.files import json_bytes, write_json
from utils.search import walk

VERSION = 3  # 2: landmarks and box in crop pixels, quality; 3: skin
RECORD_NAME = "video.json"
JPEG_QUALITY = 95


class CropError(Failure):
    """Crops that the registry names but that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class CropSettings:
    """Everything that decides what a crop looks like."""

    frames: int
    crop_size_px: int
    crop_margin: float
    detector: str  # 'yunet' or 'haar'
    original_boxes: bool = False  # fakes are cut where the face of their original is


def write_record(
    folder: Path,
    about: dict,
    frames: list[Frame],
    faces: list[Face | None],
    settings: CropSettings,
    sides_px: list[float] | None = None,
) -> dict:
    """Write the crops of a video's faces, and its record, which begins with about; return it.

    folder: an atomic one, as the record is not. sides_px: of each face in the picture it came from,
    where the frame is a scaled copy of that.
    """
    sides_px = sides_px or [None] * len(frames)
    entries = [
        _write_frame(folder, frame, face, settings, side_px)
        for frame, face, side_px in zip(frames, faces, sides_px, strict=True)
    ]
    record = {"version": VERSION} | about | {"settings": asdict(settings), "frames": entries}
    (folder / RECORD_NAME).write_bytes(json_bytes(record, None))
    return record


def _write_frame(
    folder: Path, frame: Frame, face: Face | None, settings: CropSettings, side_px: float | None
) -> dict:
    entry = {"index": frame.index, "seconds": round(frame.seconds, 3), "crop": None}
    if face is None:
        return entry
    square = square_around(face, settings.crop_margin)
    crop = crop_square(frame.image, square, settings.crop_size_px)
    name = f"{frame.index:06d}.jpg"
    _, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    (folder / name).write_bytes(jpeg)
    left, top, right, bottom = face.box_xyxy
    corners = to_crop([(left, top), (right, bottom)], square, settings.crop_size_px)
    box = corners[0] + corners[1]
    points = face.landmarks_xy and to_crop(face.landmarks_xy, square, settings.crop_size_px)
    return entry | {
        "crop": name,
        "face_side_px": round(side_px or face.side_px, 1),
        "score": round(face.score, 3),
        "box_in_crop_xyxy": box,
        "landmarks_in_crop_xy": points,
        **describe(crop, side_px or face.side_px, box, points),
    }


def source_of(record: dict) -> str:
    """Where a record's footage comes from: its collection, or the data set itself."""
    return record.get("source") or record["dataset"]


def counts_of(record: dict) -> dict[str, int]:
    """1 video, its crops, its frames without a face, its crops with a quality flag, and whether its
    boxes are its own although there is an original."""
    crops = [frame for frame in record["frames"] if frame["crop"]]
    return {
        "videos": 1,
        "crops": len(crops),
        "no face": len(record["frames"]) - len(crops),
        "flagged": sum(bool(frame["flags"]) for frame in crops),
        "own boxes": int(bool(record.get("original")) and record["boxes_of"] == "own"),
    }


def finished_record(video: Video, settings: CropSettings, output: Path) -> dict | None:
    """The record of a video already cut with these settings, from files of these sizes, or None."""
    record = _read_record(output / video.id / RECORD_NAME)
    if not record or not _is_current(record, settings):
        return None
    try:
        is_same = record["size_bytes"] == size_of(video.path)
    except OSError:
        return None
    original = about_original(video)  # one that is gone since has served
    return record if is_same and original in (None, record.get("original")) else None


def about_original(video: Video) -> dict | None:
    """What a fake's record says of its original, by which it can tell a changed one."""
    try:
        return video.original and {
            "id": video.original.id,
            "size_bytes": size_of(video.original.path),
        }
    except OSError:  # a broken link
        return None


def detector_used(output: Path) -> str | None:
    """The detector of the first record found below output; a killed run leaves no registry."""
    for folder, _, names in walk(output):
        if RECORD_NAME in names and (record := _read_record(Path(folder, RECORD_NAME))):
            return record["settings"].get("detector")
    return None


def is_current(folder: Path, about: dict, indices: list[int], settings: CropSettings) -> bool:
    """Whether a folder holds the record of just these facts and frames, cut with these settings,
    and no file of it is empty, as a power cut may leave them. A fact that is None may lack."""
    record = _read_record(folder / RECORD_NAME)
    if not record or not _is_current(record, settings):
        return False
    frames = record["frames"]
    try:
        return (
            all(record.get(key) == value for key, value in about.items())
            and [frame["index"] for frame in frames] == indices
            and all((folder / frame["crop"]).stat().st_size for frame in frames)
        )
    except OSError:
        return False


def size_of(path: Path) -> int:
    return 0 if path.is_dir() else path.stat().st_size


def _read_record(path: Path) -> dict | None:
    """A record, or None for a file that is missing or damaged."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    keys = {"id", "label", "identities", "settings", "size_bytes", "frames"}
    is_whole = isinstance(record, dict) and keys <= set(record)
    return record if is_whole and isinstance(record["settings"], dict) else None


def _is_current(record: dict, settings: CropSettings) -> bool:
    cut = {"original_boxes": False} | record["settings"]  # which older records lack
    if not original_name(record.get("dataset"), PurePosixPath(record["id"]).stem):
        cut["original_boxes"] = settings.original_boxes  # it makes no difference here
    return record.get("version") == VERSION and cut == asdict(settings)


def collate(output: Path, settings: CropSettings, without: Collection[str] = ()) -> dict:
    """Write the registry of all records below output that have these settings, and return it.

    without: ids of videos that stay out.
    The registry follows from the records alone: the same records give the same bytes.
    """
    records, stale = [], 0
    for folder, _, names in walk(output):
        video_id = Path(folder).relative_to(output).as_posix()
        if RECORD_NAME in names and video_id not in without:
            record = _read_record(Path(folder, RECORD_NAME))
            # Where the id is another, somebody copied the folder.
            if record and _is_current(record, settings) and record["id"] == video_id:
                records.append(record)
            else:
                stale += 1
    if stale:
        console.warn(
            f"{stale} folders cut with other settings, or damaged, stay out of the registry"
        )
    registry = {
        "version": VERSION,
        "settings": asdict(settings),
        "videos": sorted(
            ({k: v for k, v in r.items() if k not in ("version", "settings")} for r in records),
            key=lambda record: record["id"],
        ),
    }
    write_json(output / REGISTRY_NAME, registry, indent=None)
    return registry


def load_registry(frames_dir: Path) -> dict:
    """The registry in frames_dir. Raises Failure when it is missing or unusable."""
    path = frames_dir / REGISTRY_NAME
    remedy = "run src/1_extract_frames.py first"
    try:
        registry = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise Failure(f"{path} not found: {remedy}") from error
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read ({error}): {remedy}") from error
    if not isinstance(registry, dict) or registry.get("version") != VERSION:
        raise Failure(f"{path} is not a registry of version {VERSION}: {remedy}")
    return registry
