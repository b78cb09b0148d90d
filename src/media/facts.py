"""What a file says of itself: container, codec, encoder, camera, times, and who wrote it last."""

import re
import warnings
from pathlib import Path

from PIL import Image

from utils.console import shown

CAVEAT = "Such facts can be forged, and programs that convert a file lose them: no proof alone"
LONGEST = 80  # characters of a tag
# What services write into the tags of the files that they hand out; (tag, its beginning).
SERVICES = {
    ("handler_name", "ISO Media file produced by Google"): "YouTube, or another service of Google",
    ("handler_name", "Twitter-vork muxer"): "X (Twitter)",
    ("comment", "vid:v"): "TikTok or Douyin",
}
# Programs, not cameras: FFmpeg, its encoders, and tools that are often met.
PROGRAM = re.compile(
    r"Lavf|Lavc|x26[45]\b|HandBrake|GPAC|L-SMASH|Bento4|mkvmerge|Adobe|GIMP|Snapseed", re.I
)
NAMED = re.compile("[a-z]{4}", re.I)  # what writes more than a version of itself
SIGNED = re.compile(rb"x264 - core \d+|x265 \(build \d+\)")  # in the first packet, by the encoder
SIGNED_BYTES = 4096
MAKE, MODEL, SOFTWARE, DATE, ORIENTATION = 271, 272, 305, 306, 274  # of EXIF
EXIF, TAKEN = 0x8769, 36867
TURNS = {3: 180, 6: 90, 8: 270}  # of EXIF's orientation, clockwise
# Of damaged tags and large pictures, both told elsewhere.
warnings.filterwarnings("ignore", module=r"PIL\.")

NAMES = (
    *("container", "brand", "codec", "profile", "encoder", "camera", "size_bytes"),
    *("width", "height", "rotation_degrees", "frames_per_second", "bits_per_second", "seconds"),
    *("created", "video_streams", "audio_streams", "service", "reencoded", "caveat"),
)


def plain(value) -> str | None:
    """A tag as it can be printed: on one line, control characters escaped, shortened; None where
    it is empty."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
    text = shown(text.strip(" \0\r\n\t")[: LONGEST + 1])
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}…") or None


def video_facts(path: Path, container, stream, first_bytes: bytes) -> dict:
    """The facts of an opened container, of its stream, and of what its first packet begins with.

    NAMES without rotation, which frames tell; None for what is not known. width and height are
    those of the stored picture.
    """
    context, streams = stream.codec_context, container.streams
    own = [{k.lower(): v for k, v in m.items()} for m in (container.metadata, stream.metadata)]
    every = [*own, *({k.lower(): v for k, v in each.metadata.items()} for each in streams)]
    signature = SIGNED.search(first_bytes)
    writers = [tags.get("encoder") for tags in own] + [signature and signature[0]]
    apple = "com.apple.quicktime."
    makers = [_first(own, apple + key, "com.android." + key, key) for key in ("make", "model")]
    makers.append(_first(own, apple + "software"))
    android = _first(own, "com.android.version")
    rate, seconds = stream.average_rate, (container.duration or 0) / 1e6
    facts = {
        "container": plain(container.format.long_name),
        "brand": _first(own, "major_brand"),
        "codec": context.codec.canonical_name,
        "profile": plain(context.profile),
        "encoder": _joined(writers, ", "),
        "camera": _joined([*makers, android and f"Android {android}"]),
        "size_bytes": path.stat().st_size,
        "width": context.width,
        "height": context.height,
        "frames_per_second": round(float(rate), 3) if rate and rate > 0 else None,
        "bits_per_second": container.bit_rate or None,
        "seconds": round(seconds, 3) if seconds > 0 else None,
        "created": _first(own, apple + "creationdate", "creation_time", "date"),
        "video_streams": len(streams.video),
        "audio_streams": len(streams.audio),
        "service": next(
            (
                name
                for (tag, start), name in SERVICES.items()
                if any(tags.get(tag, "").startswith(start) for tags in every)
            ),
            None,
        ),
    }
    return _completed(facts)


def still_facts(path: Path, kind: str | None, width: int, height: int) -> dict:
    """The facts of a picture; kind and size count where Pillow cannot open it."""
    facts = {"container": kind, "width": width, "height": height}
    facts["size_bytes"] = path.stat().st_size
    try:
        with Image.open(path) as image:
            facts["width"], facts["height"] = image.size
            facts["container"] = "JPEG" if image.format == "MPO" else image.format
            # Of a PNG without EXIF, Pillow would decode the whole picture to look behind it.
            has_exif = image.format != "PNG" or "exif" in image.info
            exif = image.getexif() if has_exif else Image.Exif()
            facts["encoder"] = plain(exif.get(SOFTWARE) or image.info.get("Software"))
            facts["camera"] = _joined([exif.get(MAKE), exif.get(MODEL)])
            facts["created"] = plain(exif.get_ifd(EXIF).get(TAKEN) or exif.get(DATE))
            facts["rotation_degrees"] = TURNS.get(exif.get(ORIENTATION), 0)
    except MemoryError:
        raise
    except Exception:  # whatever damaged tags make Pillow raise: what was read before stays
        pass
    return _completed(facts)


def _first(several: list[dict], *names: str) -> str | None:
    """The first of these tags that any of them has."""
    return next(filter(None, (plain(tags.get(n)) for n in names for tags in several)), None)


def _joined(values: list, between: str = " ") -> str | None:
    return between.join(dict.fromkeys(filter(None, map(plain, values)))) or None


def _completed(facts: dict) -> dict:
    facts = dict.fromkeys(NAMES) | facts | {"caveat": CAVEAT}
    return facts | {"reencoded": _reencoded(facts)}


def _reencoded(facts: dict) -> str:
    """Whether a messenger, site or program wrote the file after the camera, by its tags alone."""
    encoder, camera, service = facts["encoder"], facts["camera"], facts["service"]
    if service:
        return f"yes ({service}, by its tags)"
    if encoder and PROGRAM.search(encoder):
        return "perhaps (a program wrote it: an editor, a converter, or a messenger's or site's)"
    if camera and not (encoder and NAMED.search(encoder)):
        return f"no sign of it (its tags name {camera} alone)"
    return "unknown (no camera alone, and no program known here, was found in its tags)"
