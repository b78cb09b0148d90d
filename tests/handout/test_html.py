"""report.html and index.html: whole, harmless whatever a file is called, as report.json says."""

import json
import shlex
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from conftest import ROOT, made_analysis

from handout.html import LIMITS, write_page
from handout.index import write_index
from judging.summary import report_content
from media.facts import NAMES as NAMES_OF_FACTS
from scoring.verdict import Marks, judge
from utils.console import shown

MODEL = {
    "architecture": "efficientnet_b1",
    "is_trained": True,
    "file": "/home/anna/secret/mine.pth",
    "sha256": "5e" * 32,
    "device": "cpu",
    "detector": "yunet",
    "frames": 10,
    "versions": {"Python": "3.11.7", "torch": "2.3.0"},
}
NAMES = [
    "<script>alert(1)<script>.mp4",
    '"><img src=x onerror=alert(1)>.mp4',
    "it's & &amp; \n \u202e4pm.exe.mp4",
    "100% #1?.mp4",
]


class Page(HTMLParser):
    """tags: (name, attributes) in order. words: the text of all, and of each tag with that name."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags, self.words, self.inside = [], {}, ["all"]
        self.content = path.read_text(encoding="utf-8")
        self.feed(self.content)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.inside.append(tag)
        self.words.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        if tag in ("path", "rect", "polyline") and self.inside[-1] != tag:
            return
        assert self.inside.pop() == tag

    def handle_data(self, data):
        for tag in set(self.inside):
            self.words.setdefault(tag, [""])[-1] += data

    def all(self, tag) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(analysis) -> tuple[Page, dict]:
    report = report_content(analysis, MODEL)
    folder = analysis.path.parent / "page"
    write_page(folder, analysis, report)
    return Page(folder / "report.html"), report


def test_a_page_holds_what_a_reader_needs_and_nothing_from_elsewhere(tmp_path):
    page, report = page_of(made_analysis(tmp_path, 10, missing={3}))
    text = page.words["all"][-1]
    assert page.inside == ["all"]  # every tag is closed
    assert page.all("html")[0]["lang"] == "en"
    assert any(tag.get("name") == "viewport" for tag in page.all("meta"))
    headings = [name for name, _ in page.tags if name in ("h1", "h2", "h3")]
    assert headings[0] == "h1" and set(headings[1:]) == {"h2"}
    for words in (
        report["verdict"]["title"],
        f"Likelihood ratio {report['verdict']['weight']}: such scores are ",
        "Of labelled real faces 2.0% [1.0%, 3.0%] get this verdict",
        "In 9 of 10 frames, 144 px; votes: 9 FAKE, 0 REAL",
        report["file"]["sha256"],
        "5e" * 32,
        "--frames 10 --detector yunet --model mine.pth -- clip.mp4",
        "Python 3.11.7, torch 2.3.0",
        *LIMITS,
    ):
        assert words in text
    assert "anna" not in page.content and str(tmp_path) not in page.content
    pictures = page.all("img")
    assert len(pictures) == 1 + 6 * 3  # the face, and frames with two crops each
    assert all(picture["src"].startswith("data:image/jpeg;base64,") for picture in pictures)
    assert all(picture["alt"] for picture in pictures)
    assert page.all("svg")[0]["aria-label"].startswith("p_fake over time: face A 0.")
    assert "http:" not in page.content and "https:" not in page.content
    assert not page.all("script") and not page.all("link")


def test_the_frames_shown_are_those_furthest_from_the_middle_in_order_of_time(tmp_path):
    analysis = made_analysis(tmp_path, 8)
    scores = [0.9, 0.52, 0.1, 0.8, 0.95, 0.45, 0.7, 0.2]
    for view, score in zip(analysis.tracks[0].views, scores, strict=True):
        view.p_fake = score
    captions = page_of(analysis)[0].words["figcaption"][1:]
    assert [text.split(":")[0] for text in captions] == [
        f"Frame {n + 1} at {0.4 * n:.2f} s" for n in (0, 2, 3, 4, 6, 7)
    ]
    assert captions[1] == "Frame 3 at 0.80 s: p_fake 0.100, votes REAL"


@pytest.mark.parametrize("called", NAMES)
def test_a_name_stays_a_name(tmp_path, called):
    usual, report = page_of(made_analysis(tmp_path, 3))
    report["file"]["name"] = called
    analysis = made_analysis(tmp_path, 3)
    write_page(tmp_path / "named", analysis, report)
    page = Page(tmp_path / "named/report.html")
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in usual.tags]
    assert page.words["title"] == [f"Deepfake analysis of {shown(called)}"]
    assert page.words["h1"] == [f"Deepfake analysis of {shown(called)}"]
    assert page.words["code"][0].endswith(f" -- {shown(shlex.join([called]))}")


def test_a_video_without_a_face_and_an_image_have_pages_too(tmp_path):
    page, _ = page_of(made_analysis(tmp_path, 8, missing=range(8)))
    text = page.words["all"][-1]
    assert "INCONCLUSIVE" in text and "no face found in any sampled frame" in text
    assert "No face was found" in text and "Likelihood ratio 1" not in text
    assert len(page.all("img")) == 6 and "Frame 8 at 2.80 s: no face found" in text
    page, _ = page_of(made_analysis(tmp_path, 1))
    assert not page.all("svg") and len(page.all("img")) == 1 + 3


def test_each_of_several_faces_is_told_and_a_forged_part_has_its_seconds(tmp_path):
    analysis = made_analysis(tmp_path, 10, faces=2)
    scores = [0.1] * 5 + [0.97] * 5
    for view, score in zip(analysis.lead.views, scores, strict=True):
        view.p_fake = score
    marks = Marks(real_below=0.2, fake_from=4.0)
    verdict = judge(scores, marks, analysis.seconds)
    analysis.verdict = analysis.lead.verdict = verdict
    page, report = page_of(analysis)
    text = page.words["all"][-1]
    assert "DEEPFAKE DETECTED from 2.00 s to 3.60 s" in text
    assert f"Of 2 faces, face {report['decided_by']} decides" in text
    assert (
        "Face A: " in text and "Face B: " in text and "Not judged, being small or many: 1" in text
    )


def test_facts_of_the_file_and_several_models_are_told(tmp_path):
    analysis = made_analysis(tmp_path, 3)
    known = dict.fromkeys(NAMES_OF_FACTS) | {"encoder": "<b>Lavf", "caveat": "Can be forged"}
    known |= {"size_bytes": 5, "width": 640, "height": 480, "reencoded": "unknown"}
    models = MODEL | {"file": f"/tmp/a.pth + {ROOT}/models/b.pth"}
    write_page(tmp_path, analysis, report_content(analysis, models) | {"file_facts": known})
    page = Page(tmp_path / "report.html")
    facts = dict(zip(page.words["th"], page.words["td"], strict=True))
    assert facts["Picture"] == "640x480 px" and facts["Tags"] == "encoder <b>Lavf"
    assert facts["Size"] == "5 bytes" and "Can be forged" in page.words["li"]
    assert "--model a.pth models/b.pth -- clip.mp4" in page.words["code"][0]


def test_noise_stays_below_three_megabytes(tmp_path):
    analysis = made_analysis(tmp_path, 10, (1280, 720))
    rng = np.random.default_rng(0)
    for frame, view in zip(analysis.frames, analysis.tracks[0].views, strict=True):
        frame.image[:] = rng.integers(0, 256, frame.image.shape)
        view.crop = rng.integers(0, 256, view.crop.shape, dtype=np.uint8)
    page_of(analysis)
    assert (tmp_path / "page/report.html").stat().st_size < 3e6


def test_the_index_links_to_each_page_the_most_suspicious_first(tmp_path):
    reports = []
    for number, called in enumerate([*NAMES, "empty.mp4"]):
        analysis = made_analysis(tmp_path, 3, missing=range(3) if called == "empty.mp4" else ())
        report = report_content(analysis, MODEL)
        report["file"] |= {"name": called, "path": f"/videos/{called}"}
        if number == 2:
            report["verdict"] |= {"outcome": "FAKE", "title": "DEEPFAKE DETECTED", "p_fake": 0.7}
        folder = tmp_path / "results" / shown(called).replace("/", "_")
        write_page(folder, analysis, report)
        reports.append((folder, json.loads(json.dumps(report))))
    write_index(tmp_path / "results/summary", reports)
    page = Page(tmp_path / "results/summary/index.html")
    links = [unquote(tag["href"]) for tag in page.all("a")]
    assert all((tmp_path / "results/summary" / link).is_file() for link in links)
    assert not any(":" in link.split("/")[0] for link in links)
    assert sorted(page.words["a"]) == sorted(
        f"videos/{shown(each)}" for each in [*NAMES, "empty.mp4"]
    )
    verdicts = page.words["strong"]
    assert verdicts == sorted(verdicts, key=lambda text: text.startswith("INCONCLUSIVE"))
    assert verdicts[-1] == "INCONCLUSIVE" and page.words["a"][-1] == "videos/empty.mp4"
    assert len(page.all("script")) == 1 and "img" not in {tag for tag, _ in page.tags}
