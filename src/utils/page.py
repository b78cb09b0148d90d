"""From a matplotlib figure to a PNG: what all report pages share."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.files import atomic_file
from utils.verdict import FAKE, INCONCLUSIVE, REAL

DPI = 100

# Okabe and Ito's palette, told apart by colour-blind people; votes also differ in marker and word.
COLOURS = {FAKE: "#D55E00", REAL: "#0072B2", INCONCLUSIVE: "#7A6A00"}
GREY = "#767676"


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
