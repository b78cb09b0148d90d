"""What a file says of itself, and that nothing in its tags breaks a console or JSON."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image, features
from test_video import X264, ffmpeg, make_moving_clip

from judging.transcript import describe_facts
from media.facts import LONGEST, plain
from media.video import read_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("facts") / "clip.mp4"
    make_moving_clip(path, *X264, seconds=2)
    return path


def tagged(clip, path, *arguments):
    ffmpeg("-i", clip, *arguments, "-c:v", "copy", path)
    return read_frames(path, 2).facts


def meta(**tags):
    pairs = (("-metadata", f"{name}={value}") for name, value in tags.items())
    return [word for pair in pairs for word in pair]


def test_a_clip_says_what_it_is(clip, tmp_path):
    facts = read_frames(clip, 2).facts
    assert facts["container"] == "QuickTime / MOV" and facts["brand"] == "isom"
    assert facts["codec"] == "h264" and facts["profile"].startswith("High")
    assert facts["size_bytes"] == clip.stat().st_size
    assert (facts["width"], facts["height"], facts["rotation_degrees"]) == (160, 120, 0)
    assert facts["frames_per_second"] == 25 and facts["seconds"] == pytest.approx(2, abs=0.1)
    rate = facts["size_bytes"] * 8 / facts["seconds"]
    assert facts["bits_per_second"] == pytest.approx(rate, rel=0.01)
    assert (facts["video_streams"], facts["audio_streams"]) == (1, 0)
    assert "Lavf" in facts["encoder"] and "x264 - core" in facts["encoder"]
    assert facts["reencoded"].startswith("perhaps") and facts["service"] is None
    sound = ["-f", "lavfi", "-i", "sine=440:d=1", "-map", 0, "-map", 1, "-c:a", "aac"]
    with_sound = tagged(
        clip, tmp_path / "sound.mkv", *sound, *meta(creation_time="2024-05-06T07:08:09Z")
    )
    assert with_sound["audio_streams"] == 1 and with_sound["container"].startswith("Matroska")
    assert with_sound["created"].startswith("2024-05-06T07:08:09")


@pytest.mark.parametrize(
    "tags, service",
    [
        (["-metadata:s:v", "handler_name=Twitter-vork muxer"], "X (Twitter)"),
        (meta(comment="vid:v0300fg10000"), "TikTok or Douyin"),
        (
            ["-metadata:s:v", "handler_name=ISO Media file produced by Google Inc."],
            "YouTube, or another service of Google",
        ),
        (meta(comment="my vid:v1 of the ISO Media file produced by Google"), None),
    ],
)
def test_a_service_is_named_only_where_its_own_tag_is(clip, tmp_path, tags, service):
    facts = tagged(clip, tmp_path / "clip.mp4", *tags)
    assert facts["service"] == service
    assert facts["reencoded"].startswith("yes" if service else "perhaps")


def test_a_camera_and_a_file_without_tags(clip, tmp_path):
    source = tmp_path / "source.mp4"  # of an encoder that does not sign the stream
    ffmpeg("-i", clip, "-c:v", "mpeg4", source)
    bare = ["-map_metadata", -1, "-fflags", "+bitexact"]
    facts = tagged(source, tmp_path / "bare.mp4", *bare)
    assert facts["encoder"] is None and facts["camera"] is None
    assert facts["reencoded"].startswith("unknown")
    make = meta(**{"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 12"})
    more = ["-movflags", "use_metadata_tags", *bare, *make]
    facts = tagged(source, tmp_path / "phone.mov", *more)
    assert facts["camera"] == "Apple iPhone 12" and facts["encoder"] is None
    assert facts["reencoded"] == "no sign of it (its tags name Apple iPhone 12 alone)"


def write_photo(path, exif, image_format="JPEG", **options):
    Image.new("RGB", (64, 48), (200, 90, 40)).save(path, image_format, exif=exif, **options)
    return read_frames(path, 1).facts


def test_a_photo_says_camera_program_time_and_turn(tmp_path):
    exif = Image.Exif()
    exif[271], exif[272], exif[305], exif[274] = "Maker", "Model 7", "Adobe Photoshop 25.0", 6
    exif.get_ifd(0x8769)[36867] = "2024:05:06 07:08:09"
    facts = write_photo(tmp_path / "a.jpg", exif)
    assert (facts["container"], facts["width"], facts["height"]) == ("JPEG", 64, 48)
    assert facts["camera"] == "Maker Model 7" and facts["created"] == "2024:05:06 07:08:09"
    assert facts["encoder"] == "Adobe Photoshop 25.0" and facts["rotation_degrees"] == 90
    assert facts["reencoded"].startswith("perhaps") and facts["codec"] is None
    exif[305] = "Some Editor"  # not known here, and no camera's
    assert write_photo(tmp_path / "a.jpg", exif)["reencoded"].startswith("unknown")
    exif[305] = "17.1.2"  # the version of a phone, no editor
    assert write_photo(tmp_path / "b.jpg", exif)["reencoded"].startswith("no sign")
    assert write_photo(tmp_path / "c.png", Image.Exif(), "PNG")["reencoded"].startswith("unknown")
    if features.check("webp"):
        frames = [Image.new("RGB", (32, 32), (n * 80, 0, 0)) for n in range(3)]
        path = tmp_path / "d.webp"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert read_frames(path, 3).facts["container"] == "WEBP"


GARBAGE = "a\x1b[31m\r\nFINAL VERDICT\u202e\x00" + "x" * 10_000


@pytest.mark.filterwarnings("ignore:Metadata Warning")  # pytest undoes the filter of facts.py
def test_garbage_in_tags_is_shown_shortened_and_escaped(clip, tmp_path):
    exif = Image.Exif()
    exif[271], exif[272], exif[305], exif[306] = GARBAGE, 7, (1, 2), b"\xff\xfe\x00"
    facts = write_photo(tmp_path / "a.jpg", exif)
    handler = ["-metadata:s:v", f"handler_name={GARBAGE}"[:9000].replace("\0", "")]
    comment = GARBAGE[:9000].replace("\0", "")
    video = tagged(clip, tmp_path / "a.mkv", *handler, *meta(encoder=comment, date=comment))
    for each in (facts, video):
        assert json.loads(json.dumps(each, allow_nan=False)) == each
        for name, text in describe_facts(each):
            assert text.isprintable() and len(name + text) < 6 * LONGEST
    assert r"a\x1b[31m\r\nFINAL VERDICT\u202e" in video["created"]
    assert video["created"].endswith("…") and len(video["created"]) == LONGEST + 1


@pytest.mark.parametrize("seed", range(3))
def test_damaged_exif_leaves_format_and_size(tmp_path, seed):
    exif, rng = Image.Exif(), np.random.default_rng(seed)
    exif[271], exif[306] = "Maker", "2024:05:06 07:08:09"
    whole = tmp_path / "whole.jpg"
    write_photo(whole, exif)
    for number in range(40):
        content = bytearray(whole.read_bytes())
        start = content.index(b"Exif")
        content[start + 6 : start + 40] = rng.bytes(34)
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(content)
        facts = read_frames(path, 1).facts
        assert (facts["container"], facts["width"]) == ("JPEG", 64)
        json.dumps(facts, allow_nan=False)


def test_values_of_any_type_become_one_short_line():
    assert plain(b"caf\xc3\xa9\0\0") == "café" and plain(" \n") is None and plain(None) is None
    assert plain((1, "a\nb")) == r"(1, 'a\nb')" and plain("\udcff") == r"\udcff"
    assert plain("\U000e0001" * 5000) == (r"\U000e0001" * 8) + "…"


def test_a_png_is_not_decoded_for_its_tags(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((40, 50, 3), np.uint8))[1])
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert read_frames(path, 1).facts["container"] == "PNG"
