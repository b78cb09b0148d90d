"""Where the content of pictures is, in files of their own or in tar files, and which are equal."""

import hashlib
import shutil
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from utils.files import equal_contents


class Place(NamedTuple):
    """Size bytes of a file, from offset on."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """The content. Raises OSError, also where the file ends early."""
        with open(self.path, "rb") as stream:
            stream.seek(self.offset)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise OSError(f"{self.path} ends early")
        return content


def find_files(
    folder: Path, wanted: Iterable[tuple[str, str]], scratch: Path
) -> dict[tuple[str, str], Place | str]:
    """The place of every (tar file, name) in folder, or the reason why there is none.

    The tar file is '' for a file of its own. scratch: a folder for what compressed ones hold.
    """
    names_of = defaultdict(list)
    for shard, name in wanted:
        names_of[shard].append(name)
    places: dict[tuple[str, str], Place | str] = {}
    for name in names_of.pop("", ()):
        try:
            places["", name] = Place(folder / name, 0, (folder / name).stat().st_size)
        except OSError as error:
            places["", name] = str(error)
    for number, (shard, names) in enumerate(names_of.items()):
        members, reason = {}, f"not in {shard}"
        try:
            path = _unpacked(folder / shard, scratch / f"{number}.tar")
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    if member.isfile():
                        place = Place(path, member.offset_data, member.size)
                        members.setdefault(member.name.removeprefix("./"), place)
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            reason = str(error)
        places |= {(shard, name): members.get(name, reason) for name in names}
    return places


def _unpacked(path: Path, scratch: Path) -> Path:
    """A tar file that can be read from any offset: path itself, or its content where compressed."""
    try:
        tarfile.open(path, "r:").close()
        return path
    except tarfile.ReadError:
        with tarfile.open(path) as archive, open(scratch, "wb") as stream:
            archive.fileobj.seek(0)
            shutil.copyfileobj(archive.fileobj, stream)
        return scratch


def equal_files(places: list[Place]) -> list[list[int]]:
    """Numbers of places with the same content; one list for each that occurs twice or more."""

    def digest(number: int) -> bytes:
        return hashlib.sha256(places[number].read()).digest()

    return equal_contents(range(len(places)), lambda number: places[number].size, digest)
