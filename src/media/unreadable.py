"""What a file is that cannot be read as a video or image, as far as its first bytes tell."""

import codecs
from pathlib import Path

NO_VIDEO = "has no readable video stream: {}"
UNKNOWN = "damaged, incomplete, or not a video"
SOUND_ALONE = "it holds sound alone"
CUT_OFF = "it is incomplete, for its index (moov) is missing: copy it again"
ENCRYPTED = "is encrypted: get a copy without protection"
PAGE = "it is a web page, such as one to log in, not the file itself: download it again"
TEXT = "it is a text"
PICTURE = "it is a {} picture, which is not read here: save it as JPEG or PNG"
PACKED = "it is a {} archive: unpack it first"
HEAD_BYTES = 4096

# First bytes of files that are neither videos nor images read here.
KINDS = {
    b"version https://git-lfs": "it is a Git LFS pointer, not the file itself: run git lfs pull",
    b"#EXTM3U": "it is a playlist, which only names videos: download the video itself",
    b"%PDF": "it is a PDF",
    b"PK\x03\x04": PACKED.format("ZIP"),
    b"\x1f\x8b": PACKED.format("gzip"),
    b"Rar!": PACKED.format("RAR"),
    b"7z\xbc\xaf\x27\x1c": PACKED.format("7-Zip"),
    b"\xff\x0a": PICTURE.format("JPEG XL"),
    b"\x00\x00\x00\x0cJXL ": PICTURE.format("JPEG XL"),
    b"8BPS": PICTURE.format("Photoshop"),
    b"<svg": PICTURE.format("SVG"),
}
WEB_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


def why_unreadable(path: Path, streams: list[str] | None = None) -> str:
    """The reason for a VideoError; streams: the types of those that the file has."""
    if streams and "audio" in streams:
        return NO_VIDEO.format(SOUND_ALONE)
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        head = b""
    return NO_VIDEO.format(named(head) or _cut_off(path, head) or UNKNOWN)


def named(head: bytes) -> str | None:
    """What a file with these first bytes is, if it is something known that is no video."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for start, kind in KINDS.items():
        if head.startswith(start) or text.startswith(start):
            return kind
    if text[:20].lower().startswith(WEB_PAGES):
        return PAGE
    return TEXT if _is_text(text) else None


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c.isspace() for c in text)


def _cut_off(path: Path, head: bytes) -> str | None:
    """Whether an MP4 lacks its index, which lies at the end of most."""
    if head[4:8] != b"ftyp":
        return None
    place, size, kinds = 0, path.stat().st_size, []
    with open(path, "rb") as stream:
        while place + 8 <= size:
            stream.seek(place)
            start = stream.read(16)
            length, kind = int.from_bytes(start[:4], "big"), start[4:8]
            length = int.from_bytes(start[8:16], "big") if length == 1 else length
            kinds.append(kind)
            if length < 8:  # 0: to the end of the file
                break
            place += length
    if b"moov" in kinds:
        return None
    return CUT_OFF
