"""Reading evenly spaced images from a folder or tar archive: a video cut into its frames."""

import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from media.frame import Frame, Frames, VideoError, decode_image, sample_indices
from utils.config import IMAGE_SUFFIXES
from utils.search import is_passed_over, walk


def read_sequence(path: Path, count: int) -> Frames:
    """At most count evenly spaced images of a folder or tar archive, ordered by name and number.

    Nothing is unpacked to disk. index is the place in that order, seconds is 0 for there are none.
    Raises VideoError.
    """
    try:
        if path.is_dir():
            found = (Path(folder, name) for folder, _, names in walk(path) for name in names)
            contents = {file.relative_to(path).as_posix(): file for file in found}
            names = _image_names(contents)
            wanted = {names[i]: i for i in sample_indices(len(names), count)}
            found = {name: contents[name].read_bytes() for name in wanted}
        else:
            with tarfile.open(path) as archive:
                names = _image_names(member.name for member in archive if member.isfile())
            wanted = {names[i]: i for i in sample_indices(len(names), count)}
            with tarfile.open(path) as archive:
                members = (member for member in archive if member.name in wanted)
                found = {m.name: archive.extractfile(m).read() for m in members}
    except (tarfile.TarError, EOFError, zlib.error, OSError, AttributeError) as error:
        raise VideoError(f"cannot be read ({error})") from error
    if not wanted:
        raise VideoError("holds no images")
    return Frames(Frame(wanted[name], 0.0, decode_image(found[name])) for name in wanted)


def _image_names(names) -> list[str]:
    """The images among names, 2.png before 10.png."""
    images = {name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES}
    images = {name for name in images if not any(map(is_passed_over, PurePosixPath(name).parts))}
    return sorted(images, key=lambda n: [p.zfill(12) for p in re.findall(r"\d+|\D+", n)])
