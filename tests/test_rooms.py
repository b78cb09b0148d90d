"""The rooms of src/: imports between them run one way, and heavy libraries stay in their rooms."""

import ast
import re

import pytest
from conftest import ROOT

SOURCE = ROOT / "src"
ORDER = re.search(
    r"<!-- order of the rooms -->\s*`([^`]+)`",
    (ROOT / "documentation" / "architecture.md").read_text(encoding="utf-8"),
)[1].split(" < ")
# A library, and the rooms that may import it; those with torch may import all that needs it.
WITH_TORCH = {
    "pictures",
    "generators",
    "network",
    "datasets",
    "judging",
    "evaluation",
    "training",
    "reports",
}
ONLY_IN = {"matplotlib": {"reports"}, "seaborn": {"reports"}}
ONLY_IN |= {"torch": WITH_TORCH, "torchvision": WITH_TORCH}
FILES = sorted(SOURCE.glob("*/*.py"))


def imports_of(path) -> set[str]:
    """Modules that a file imports anywhere in it, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            whole = (SOURCE / node.module).is_dir()  # from utils import console
            found |= {f"{node.module}.{a.name}" for a in node.names} if whole else {node.module}
    return found


def test_the_written_order_names_every_room():
    assert sorted(ORDER) == sorted({path.parent.name for path in FILES})


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_run_one_way_and_heavy_libraries_stay_at_home(path):
    room = path.parent.name
    for module in imports_of(path):
        top = module.partition(".")[0]
        if top in ORDER:
            assert ORDER.index(top) <= ORDER.index(room), f"{module}: upwards"
        assert room in ONLY_IN.get(top, {room}), f"{module} does not belong into {room}/"
        assert not (SOURCE / f"{top}.py").exists(), f"{module} is a script"


def test_no_circles_within_a_room():
    graph = {
        f"{path.parent.name}.{path.stem}": {m for m in imports_of(path) if m.split(".")[0] in ORDER}
        for path in FILES
    }
    done = set()
    while ready := {name for name in graph.keys() - done if graph[name] <= done}:
        done |= ready
    assert not graph.keys() - done, "these import each other"


def test_rooms_are_small_and_their_files_told_apart():
    for room in ORDER:
        names = [path.stem for path in FILES if path.parent.name == room and path.stem[0] != "_"]
        assert 3 <= len(names) <= 9, room
        assert room not in names
    everything = {path.stem for path in FILES}
    assert not {name for name in everything if name + "s" in everything}


def test_init_files_are_empty():
    assert not [path for path in FILES if path.name == "__init__.py" and path.read_bytes()]
