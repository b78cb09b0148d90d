"""What the pages share: escaping, pictures inside a page, its frame and look."""

import base64
import hashlib
import html
from pathlib import Path
from string import Template

import cv2
import numpy as np

from utils.console import shown
from utils.files import atomic_file

JPEG_QUALITY = 82
STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c1c1c; --soft: #5c5c5c; --line: #d5d5d5;
  --band: #e9e9e9; --fake: #b34700; --real: #0067a3; --open: #6b5d00; --link: #0057b8 }
@media screen and (prefers-color-scheme: dark) {
  :root { --back: #16181b; --text: #e8e8e8; --soft: #a9adb3; --line: #40454c; --band: #2b3036;
    --fake: #ff9142; --real: #66bbf2; --open: #dcc758; --link: #8ab8ff } }
@page { size: A4; margin: 14mm }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 50rem; padding: 1rem; background: var(--back);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
h1 small, .soft, figcaption, th { color: var(--soft) }
h1 small { display: block; font-size: .9rem; font-weight: normal }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; break-after: avoid }
a { color: var(--link) }
img, svg { display: block; max-width: 100%; height: auto }
code { font-size: .9em }
ul { padding-left: 1.2rem; margin: .5rem 0 }
.verdict { border-left: .5rem solid; border-color: var(--side); padding-left: 1rem }
.verdict strong, td strong, li strong { color: var(--side) }
.verdict strong { font-size: 1.6rem; line-height: 1.2 }
.fake { --side: var(--fake) } .real { --side: var(--real) } .inconclusive { --side: var(--open) }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top; font-weight: normal }
th[scope=row] { width: 30% }
tr, li, figure, .verdict { break-inside: avoid }
.faces { list-style: none; padding: 0 }
.faces li { display: flex; gap: 1rem; align-items: center; margin: .6rem 0 }
.faces img { width: 5.5rem; flex: none }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr));
  gap: 1.2rem }
figure { margin: 0 } .frames figcaption { text-align: center }
.whole { margin: 0 auto; width: auto; max-height: 22rem }
.pair { display: flex; gap: .3rem; margin: .3rem auto 0 }
.pair img { width: calc(50% - .15rem) }
svg { width: 100%; font: 7px system-ui, sans-serif; fill: var(--text) }
.letter { font-weight: bold; stroke: var(--back); stroke-width: 3px; paint-order: stroke }
.grid { stroke: var(--line) } .band { fill: var(--band) } .line { stroke: var(--soft); fill: none }
.dot { fill: var(--side); stroke: var(--side) } .hollow { fill: var(--back) }
.part { stroke: var(--fake); stroke-width: 3 }
th button { all: unset; cursor: pointer; text-decoration: underline dotted }
th button:focus-visible { outline: 2px solid var(--link) }
.files { overflow-wrap: normal } .files td:first-child { overflow-wrap: anywhere; min-width: 8rem }
@media screen and (max-width: 30rem) { .files { font-size: .85rem } svg { font-size: 11px }
  .files :nth-child(n + 4):is(th, td) { display: none } }
@media print { body { max-width: none; padding: 0; font-size: 10pt }
  section:has(.frames > :nth-child(3)) { break-before: page } section table { break-inside: avoid }
  .frames { grid-template-columns: 1fr 1fr } .frames img { max-height: 36mm; width: auto }
  .pair { justify-content: center } .frames .pair img { width: 26mm }
  svg { width: 105mm; font-size: 9px } h2 { margin-top: 1.3rem } * { print-color-adjust: exact } }
"""
# Nothing but what lies in the page may be loaded or run, should an escape ever be forgotten.
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src $digest">
<title>$title</title>
<style>$style</style>
</head>
<body>
$body
$script
</body>
</html>
""")


def write_document(path: Path, title: str, body: str, script: str = "") -> None:
    """Write a whole page, atomically. title: plain text; body: markup; script: JavaScript."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    content = PAGE.substitute(
        title=escaped(title),
        style=STYLE,
        body=body,
        script=f"<script>{script}</script>" if script else "",
        digest=f"'sha256-{digest}'" if script else "'none'",
    )
    with atomic_file(path) as stream:
        stream.write(content.encode())


def escaped(value) -> str:
    """A value as text of a page or of an attribute: control characters shown, markup escaped."""
    return html.escape(shown(value))


def name(value) -> str:
    """A name, which may run from right to left, kept from reordering what stands beside it."""
    return f"<bdi>{escaped(value)}</bdi>"


def paragraphs(lines: list[str]) -> str:
    return "\n".join(f"<p>{escaped(line)}</p>" for line in lines)


def bullets(lines: list[str]) -> str:
    """A list of them, or nothing where there are none."""
    items = "\n".join(f"<li>{escaped(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def section(title: str, *parts: str) -> str:
    """A section under a heading; its parts are markup."""
    return "\n".join(["<section>", f"<h2>{escaped(title)}</h2>", *parts, "</section>"])


def facts(rows: list[tuple[str, object]]) -> str:
    """A table of names and values."""
    lines = (
        f'<tr><th scope="row">{escaped(key)}</th><td>{name(value)}</td></tr>' for key, value in rows
    )
    return "<table>" + "\n".join(lines) + "</table>"


def picture(image: np.ndarray, alt: str, look: str = "") -> str:
    """An RGB picture (H, W, 3) uint8 as an element that holds it as JPEG. look: its CSS class."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    height, width = image.shape[:2]
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    size = f'width="{width}" height="{height}"'
    return f'<img class="{look}" src="{source}" alt="{escaped(alt)}" {size}>'
