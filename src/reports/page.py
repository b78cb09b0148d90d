"""From a matplotlib figure to a PNG: what all report pages share."""

import logging
import os
import warnings
from pathlib import Path

import cv2
import numpy as np

from judging.analysis import Analysis
from scoring.likelihood import ratio_text
from scoring.verdict import FAKE, INCONCLUSIVE, REAL
from utils.console import shown
from utils.files import atomic_file

# The user's settings must not reach the reports: neither a notebook's backend, which may not be
# there, nor a matplotlibrc with LaTeX or fonts that this machine lacks. Hence other files of this
# room take what they need of matplotlib from here.
os.environ["MPLBACKEND"] = "agg"
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of lines in a matplotlibrc, of caches

import matplotlib  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402, F401
from matplotlib.patches import Patch  # noqa: E402, F401
from matplotlib.ticker import MaxNLocator  # noqa: E402, F401

matplotlib.rcdefaults()
DPI = 100
matplotlib.rcParams |= {
    "figure.dpi": DPI,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

# Okabe and Ito's palette, told apart by colour-blind people; votes also differ in marker and word.
TRUTHS = (REAL, FAKE)  # by label
COLOURS = {FAKE: "#D55E00", REAL: "#0072B2", INCONCLUSIVE: "#7A6A00"}
GREY = "#767676"


def title_of(analysis: Analysis) -> str:
    span, text = analysis.verdict.span, analysis.verdict.title
    return f"{text} FROM {span[0]:.2f} s TO {span[1]:.2f} s" if span else text


def verdict_line(analysis: Analysis) -> str:
    """The figures behind a video's verdict in one line."""
    verdict = analysis.verdict
    if verdict.p_fake is None:
        return verdict.reasons[0]
    which = f"face {analysis.lead.name} of {len(analysis.tracks)}: " * (len(analysis.tracks) > 1)
    parts = [f"{which}p_fake {verdict.p_fake:.3f}"]
    if verdict.weight and verdict.outcome == INCONCLUSIVE:
        parts.append(f"likelihood ratio {ratio_text(verdict.likelihood_ratio)}")
    elif verdict.weight:
        parts.append(f"likelihood ratio {verdict.weight}")
    parts.append(f"{verdict.fake_votes} of {verdict.usable} frames vote FAKE")
    # The console gives each reason in full; its bracket repeats figures that stand here already.
    return "  ·  ".join(parts + [reason.partition(" (")[0] for reason in verdict.reasons])


def elided(text: str, limit: int) -> str:
    text = shown(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def render(figure: Figure) -> np.ndarray:
    """A figure as RGB picture (H, W, 3) uint8."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font lacks
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save_png(picture: np.ndarray, path: Path) -> None:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 2]
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    with atomic_file(path) as stream:
        stream.write(png)
