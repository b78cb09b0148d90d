"""The PNG reports: legible at any number of frames, honest about where the heat lies."""

import csv
import itertools
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import HANG_SECONDS, ROOT, made_analysis, read_json
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from faces.detect import Face, square_around
from judging.analysis import View
from judging.attention import MAP_PX, face_map, inside_share
from judging.summary import report_content
from reports import video as report
from reports import video_frames
from reports.folder import SHOWN_ROWS, write_summary
from reports.tiles import frame_tiles
from utils.files import sha256_of

SIZES = [(1280, 720), (360, 640), (640, 480)]
LONG_NAME = "Ein sehr langer Name (final, v2) " * 6 + "$x_1$ 視.mp4"


def texts_of(figure):
    """(text, extent in pixels) of all that is written on a figure; ticks out of view are not."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            outside = (t for t in axis.get_major_ticks() if not low <= t.get_loc() <= high)
            hidden.update(label for tick in outside for label in (tick.label1, tick.label2))
            if not axes.axison:
                hidden.update(axis.get_ticklabels())
    found = []
    for artist in figure.findobj(Text):
        if artist.get_visible() and artist.get_text().strip() and artist not in hidden:
            found.append((artist.get_text(), artist.get_window_extent(canvas.get_renderer())))
    return found


def check_texts(figure, page):
    height, width = page.shape[:2]
    texts = texts_of(figure)
    assert texts
    for text, box in texts:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    for (one, box), (other, other_box) in itertools.combinations(texts, 2):
        overlap_x = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        overlap_y = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert overlap_x < 1 or overlap_y < 1, (one, other)


@pytest.mark.parametrize("n_frames, faces", [(1, 1), (2, 1), (5, 1), (10, 1), (1, 3), (10, 3)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", ["draw_frame_analysis", "draw_timeline", "draw_statistics"])
def test_no_text_overlaps_another_or_leaves_the_page(
    tmp_path, monkeypatch, draw, n_frames, faces, size
):
    figures = []
    room = video_frames if draw == "draw_frame_analysis" else report
    original = room.render
    monkeypatch.setattr(room, "render", lambda f: figures.append(f) or original(f))
    missing = {1} if n_frames > 2 else ()
    analysis = made_analysis(tmp_path, n_frames, size, missing, LONG_NAME[-200:], faces)
    page = getattr(room, draw)(analysis)
    check_texts(figures[-1], page)


def with_its_view(analysis):
    return analysis, analysis.tracks[0].views[0]


@pytest.mark.parametrize("size", SIZES)
def test_heat_and_box_lie_on_the_face_in_the_full_frame(tmp_path, size):
    analysis, view = with_its_view(made_analysis(tmp_path, 1, size))
    tile, crop, overlay = frame_tiles(analysis, 0, analysis.lead, size, 255)
    changed = np.argwhere((tile != 120).any(axis=2))
    left, top, right, bottom = view.visible
    assert changed[:, 0].min() >= max(top, 0) - 2 and changed[:, 0].max() <= bottom + 2
    assert changed[:, 1].min() >= max(left, 0) - 2 and changed[:, 1].max() <= right + 2
    x, y = map(round, view.face.centre_xy)
    assert np.abs(tile[y, x].astype(int) - 120).max() > 60  # the heat peaks at the face's centre
    assert (crop == 120).all()
    assert (overlay[127, 127] != 120).any() and (overlay[2, 2] == 120).all()


def test_heat_beyond_the_border_of_the_frame_is_cut_off(tmp_path):
    analysis, view = with_its_view(made_analysis(tmp_path, 1))
    view.face = Face((-40, -40, 60, 60), None, 0.9)
    view.visible = square_around(view.face, 1.35)
    tile, _, _ = frame_tiles(analysis, 0, analysis.lead, (640, 480), 255)
    assert tile.shape == (480, 640, 3) and (tile[:20, :20] != 120).any()


def test_other_faces_of_a_frame_are_marked_and_not_heated(tmp_path):
    analysis = made_analysis(tmp_path, 1, faces=2)
    other = analysis.tracks[1].views[0]
    other.face = Face((500, 20, 560, 80), None, 0.9)
    tile, _, _ = frame_tiles(analysis, 0, analysis.tracks[0], (640, 480), 255)
    left, top, right, bottom = map(round, other.face.box_xyxy)
    assert (tile[top, left:right] != 120).any() and (tile[bottom, left:right] != 120).any()
    assert (tile[round(other.face.centre_xy[1]), round(other.face.centre_xy[0])] == 120).all()


def test_the_grid_grows_with_faces_and_frames_within_limits(tmp_path):
    def height(n_frames, faces):
        analysis = made_analysis(tmp_path, n_frames, faces=faces)
        return video_frames.draw_frame_analysis(analysis).shape[0]

    assert height(3, 1) < height(30, 1) < height(32, 1) == height(40, 1)
    assert height(3, 1) < height(3, 2) < height(3, 3) == height(3, 8)


def test_attention_is_counted_inside_the_box(tmp_path):
    _, view = with_its_view(made_analysis(tmp_path, 1))
    inside, chance = inside_share([view])  # a square box of 1 / 1.35 of the seen square
    assert inside > 0.99 and chance == pytest.approx(1 / 1.35**2, abs=0.03)
    view.heat = np.ones((7, 7), np.float32)
    inside, chance = inside_share([view])
    assert inside == pytest.approx(chance)
    view.heat = np.zeros((7, 7), np.float32)
    assert inside_share([view]) is None
    view.heat[0, 0] = 1
    assert inside_share([view])[0] < 0.2


def test_the_mean_face_brings_views_of_any_place_and_size_together(tmp_path):
    _, view = with_its_view(made_analysis(tmp_path, 1))
    views = []
    for scale, shift in ((1.0, 0), (0.7, 12)):
        left, top, right, _ = view.visible
        # Eyes, nose and mouth of a face drawn at this scale and place in the seen square.
        points = np.array([(75, 90), (149, 90), (112, 136), (82, 170), (142, 170)]) * scale + shift
        landmarks = points * (right - left) / 224 + (left, top)
        face = Face(view.face.box_xyxy, tuple(map(tuple, landmarks)), 0.9)
        crop = np.zeros((256, 256, 3), np.uint8)
        x, y = (points[2] + 16).round().astype(int)
        cv2.circle(crop, (int(x), int(y)), 9, (255, 255, 255), -1)
        views.append(View(face, crop, view.visible, 0.5, view.heat))
    picture, heat = face_map(views)
    assert picture.shape == (MAP_PX, MAP_PX, 3) and heat.shape == (MAP_PX, MAP_PX)
    ys, xs = np.nonzero(picture[..., 0] > 200)  # where the nose is white in both
    assert len(xs) > 60 and heat.max() == pytest.approx(1.0)
    assert np.ptp(xs) < 40 and np.ptp(ys) < 40


def test_reports_without_any_face_are_written_too(tmp_path):
    analysis = made_analysis(tmp_path, 3, missing={0, 1, 2})
    report.write_reports(tmp_path, analysis, report_content(analysis, {}))
    for name in ("frame_analysis", "confidence_timeline", "statistics"):
        assert cv2.imread(str(tmp_path / f"{name}.png")) is not None
    content = read_json(tmp_path / "report.json")
    assert content["verdict"]["outcome"] == "INCONCLUSIVE" and content["faces"] == []


def test_report_json_holds_what_a_reader_needs_to_check_it(tmp_path):
    analysis = made_analysis(tmp_path, 5, missing={2}, faces=2)
    lead, other = analysis.lead, next(t for t in analysis.tracks if t is not analysis.lead)
    report.write_reports(tmp_path, analysis, report_content(analysis, {"sha256": "abc"}))
    content = read_json(tmp_path / "report.json")
    assert content["version"] == 5 and content["model"]["sha256"] == "abc"
    assert content["file"]["path"] == str(analysis.path.resolve())
    assert content["file"]["sha256"] == sha256_of(Path(content["file"]["path"]))
    frames = content["frames"]
    assert [frame["index"] for frame in frames] == [0, 10, 20, 30, 40]
    assert frames[2]["p_fake"] is frames[2]["box_xyxy"] is frames[2]["vote"] is None
    assert frames[0]["p_fake"] == lead.scores[0] and frames[0]["vote"] == "FAKE"
    assert len(frames[0]["box_xyxy"]) == 4 and frames[1]["seconds"] == 0.4
    assert content["votes"] == {"fake": 4, "real": 0}
    assert content["verdict"]["outcome"] == analysis.verdict.outcome
    assert content["verdict"]["p_fake"] == analysis.verdict.p_fake
    assert content["verdict"]["likelihood_ratio"] == analysis.verdict.likelihood_ratio > 1
    assert content["verdict"]["title"] == analysis.verdict.title
    assert content["verdict"]["weight"].endswith("support for FAKE)")
    assert content["marks"]["fake_from"] == 4 and content["marks"]["likelihood"]["high"] == 1e7
    assert content["decided_by"] == lead.name and content["bystanders"][0]["frames"] == 2
    by_name = {face["name"]: face for face in content["faces"]}
    assert set(by_name) == {"A", "B"}
    assert by_name[other.name]["p_fake_by_frame"] == other.scores
    assert by_name[other.name]["temporal"]["neighbour_agreement"] == 1.0


def test_frames_of_a_portrait_clip_are_not_tiny(tmp_path):
    analysis = made_analysis(tmp_path, 10, size=(360, 640))
    analysis.frames[0].image[:] = 200  # brighter than the page's other greys
    page = video_frames.draw_frame_analysis(analysis)
    columns = np.flatnonzero((page == 200).all(axis=2).any(axis=0))
    assert np.ptp(columns[columns < page.shape[1] // 2]) >= 150


def test_a_folders_summary_is_sorted_by_suspicion(tmp_path):
    reports = []
    for number, (outcome, p_fake) in enumerate(
        [("REAL", 0.1), ("FAKE", 0.8), ("INCONCLUSIVE", None), ("INCONCLUSIVE", 0.5), ("FAKE", 0.9)]
    ):
        verdict = {"outcome": outcome, "p_fake": p_fake, "confidence": None}
        verdict |= {"likelihood_ratio": p_fake and p_fake / (1 - p_fake), "weight": "in words"}
        verdict |= {"reasons": ["a", "b"] if number == 2 else [], "span": [1, 2.5] * (number == 1)}
        file = {"path": f"/videos/{number}, ü.mp4"}
        facts = {
            "votes": {"fake": 1, "real": 0},
            "decided_by": "A",
            "faces": [],
            "notes": ["c", "d"],
        }
        reports.append({"file": file, "verdict": verdict} | facts)
    write_summary(tmp_path, reports)
    with open(tmp_path / "summary.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"][8] for row in rows] == ["4", "1", "3", "2", "0"]
    assert (
        rows[1]["span"] == "1.00-2.50" and rows[3]["reasons"] == "a; b" and rows[3]["p_fake"] == ""
    )
    assert float(rows[0]["likelihood_ratio"]) == pytest.approx(9)
    assert (
        rows[0]["notes"] == "c; d"
        and rows[0]["weight"] == "in words"
        and rows[3]["likelihood_ratio"] == ""
    )
    short = cv2.imread(str(tmp_path / "overview.png")).shape[0]
    write_summary(tmp_path, reports * 100)
    tall = cv2.imread(str(tmp_path / "overview.png")).shape[0]
    assert short < tall < 26 * (SHOWN_ROWS + 10)


CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "MATPLOTLIB"))}


def drawn_in(folder: Path, environment: dict) -> subprocess.CompletedProcess:
    """A process that prints the checksum of a picture."""
    code = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1]); import numpy as np; "
        "from reports.folder import draw_overview; from reports.training import draw_confusion; "
        "row = {'file': 'a $b$.mp4', 'verdict': 'REAL', 'p_fake': 0.2}; "
        "print(hashlib.sha256(draw_overview([row]).tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(ROOT / "src")]
    options = {"capture_output": True, "text": True, "check": True, "timeout": HANG_SECONDS}
    return subprocess.run(command, cwd=folder, env=environment, **options)


@pytest.fixture(scope="module")
def clean_picture() -> str:
    return drawn_in(ROOT, CLEAN).stdout


@pytest.mark.parametrize(
    "backend", ["module://no_such_package.backend_inline", "nonsense", "TkAgg"]
)
def test_the_users_matplotlib_does_not_reach_the_reports(tmp_path, clean_picture, backend):
    rc = "text.usetex: True\nfont.family: No Such Font\nfigure.facecolor: red\nno.such.key: 1\n"
    (tmp_path / "matplotlibrc").write_text(rc)
    theirs = CLEAN | {"MPLBACKEND": backend, "MATPLOTLIBRC": str(tmp_path)}
    seen = drawn_in(tmp_path, theirs)
    assert seen.stdout == clean_picture != "" and seen.stderr == ""
