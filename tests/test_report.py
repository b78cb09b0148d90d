"""The PNG reports: legible at any number of frames, honest about where the heat lies."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import read_json
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from utils import report
from utils.analysis import Analysis, FrameResult
from utils.config import FAKE as FAKE_LABEL
from utils.config import VerdictConfig
from utils.faces import Face, square_around
from utils.files import sha256_of
from utils.tiles import frame_tiles
from utils.verdict import judge
from utils.video import Frame

SIZES = [(1280, 720), (360, 640), (640, 480)]
LONG_NAME = "Ein sehr langer Name (final, v2) " * 6 + "$x_1$ 視.mp4"


def made_analysis(tmp_path, n_frames, size=(640, 480), missing=(), name="clip.mp4"):
    """An analysis of flat grey frames with a face left of the middle and heat at its centre."""
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(b"video")
    rng = np.random.default_rng(0)
    results = []
    for number in range(n_frames):
        image = np.full((size[1], size[0], 3), 120, np.uint8)
        frame = Frame(number * 10, number * 0.4, image)
        if number in missing:
            results.append(FrameResult(frame, None))
            continue
        x, y, side = size[0] * 0.4, size[1] * 0.5, min(size) * 0.3
        face = Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), None, 0.9)
        heat = np.zeros((7, 7), np.float32)
        heat[3, 3] = 1.0
        crop = np.full((256, 256, 3), 120, np.uint8)
        p_fake = float(rng.uniform(0.55, 1.0))
        results.append(FrameResult(frame, face, crop, square_around(face, 1.35), p_fake, heat))
    verdict = judge([r.p_fake for r in results], 0.5, VerdictConfig())
    return Analysis(path, results, verdict, FAKE_LABEL, 0.5)


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


@pytest.mark.parametrize("n_frames", [1, 2, 5, 10])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", ["draw_frame_analysis", "draw_timeline", "draw_statistics"])
def test_no_text_overlaps_another_or_leaves_the_page(tmp_path, monkeypatch, draw, n_frames, size):
    figures = []
    original = report.render
    monkeypatch.setattr(report, "render", lambda f: figures.append(f) or original(f))
    missing = {1} if n_frames > 2 else ()
    analysis = made_analysis(tmp_path, n_frames, size, missing, LONG_NAME[-200:])
    page = getattr(report, draw)(analysis)
    height, width = page.shape[:2]
    texts = texts_of(figures[0])
    assert texts
    for text, box in texts:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    for (one, box), (other, other_box) in itertools.combinations(texts, 2):
        overlap_x = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        overlap_y = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert overlap_x < 1 or overlap_y < 1, (one, other)


@pytest.mark.parametrize("size", SIZES)
def test_heat_and_box_lie_on_the_face_in_the_full_frame(tmp_path, size):
    result = made_analysis(tmp_path, 1, size).frames[0]
    tile, crop, overlay = frame_tiles(result, size, 255)
    changed = np.argwhere((tile != 120).any(axis=2))
    left, top, right, bottom = result.visible
    assert changed[:, 0].min() >= max(top, 0) - 2 and changed[:, 0].max() <= bottom + 2
    assert changed[:, 1].min() >= max(left, 0) - 2 and changed[:, 1].max() <= right + 2
    x, y = map(round, result.face.centre_xy)
    assert np.abs(tile[y, x].astype(int) - 120).max() > 60  # the heat peaks at the face's centre
    assert (crop == 120).all()
    assert (overlay[127, 127] != 120).any() and (overlay[2, 2] == 120).all()


def test_heat_beyond_the_border_of_the_frame_is_cut_off(tmp_path):
    result = made_analysis(tmp_path, 1).frames[0]
    result.face = Face((-40, -40, 60, 60), None, 0.9)
    result.visible = square_around(result.face, 1.35)
    tile, _, _ = frame_tiles(result, (640, 480), 255)
    assert tile.shape == (480, 640, 3) and (tile[:20, :20] != 120).any()


def test_reports_without_any_face_are_written_too(tmp_path):
    analysis = made_analysis(tmp_path, 3, missing={0, 1, 2})
    report.write_reports(tmp_path, analysis, {})
    for name in ("frame_analysis", "confidence_timeline", "statistics"):
        assert cv2.imread(str(tmp_path / f"{name}.png")) is not None
    assert read_json(tmp_path / "report.json")["verdict"]["outcome"] == "INCONCLUSIVE"


def test_report_json_holds_what_a_reader_needs_to_check_it(tmp_path):
    analysis = made_analysis(tmp_path, 5, missing={2})
    report.write_reports(tmp_path, analysis, {"sha256": "abc"})
    content = read_json(tmp_path / "report.json")
    assert content["version"] == 1 and content["model"]["sha256"] == "abc"
    assert content["file"]["path"] == str(analysis.path.resolve())
    assert content["file"]["sha256"] == sha256_of(Path(content["file"]["path"]))
    frames = content["frames"]
    assert [frame["index"] for frame in frames] == [0, 10, 20, 30, 40]
    assert frames[2]["p_fake"] is frames[2]["box_xyxy"] is frames[2]["vote"] is None
    assert frames[0]["p_fake"] == analysis.frames[0].p_fake and frames[0]["vote"] == "FAKE"
    assert len(frames[0]["box_xyxy"]) == 4 and frames[1]["seconds"] == 0.4
    assert content["votes"] == {"fake": 4, "real": 0}
    assert content["verdict"]["outcome"] == analysis.verdict.outcome
    assert content["verdict"]["p_fake"] == analysis.verdict.p_fake


def test_frames_of_a_portrait_clip_are_not_tiny(tmp_path):
    analysis = made_analysis(tmp_path, 10, size=(360, 640))
    result = analysis.frames[0]
    result.frame.image[:] = 200  # brighter than the page's other greys
    page = report.draw_frame_analysis(analysis)
    columns = np.flatnonzero((page == 200).all(axis=2).any(axis=0))
    assert np.ptp(columns[columns < page.shape[1] // 2]) >= 150
