"""Slices of what is evaluated that are measured by themselves, beside sources and methods."""

import numpy as np

from scoring.intervals import About
from utils.config import FAKE, REAL

LEAST_SKIN = 150  # reals of known skin; a third of fewer says little
THIRDS = ("darkest", "middle", "lightest")


def slices_of(records: list[dict], about: About) -> dict[str, np.ndarray]:
    """For each slice its members, (n,) bool. Records of a registry alone have any.

    Where some have several frames and some one: the videos, and the fakes among them of each source
    against all real videos, for a source's own reals are few.
    """
    several = np.array([len(record.get("frames", ())) > 1 for record in records])
    reals, fakes = several & (about.labels == REAL), several & (about.labels == FAKE)
    if several.all() or not (reals.any() and fakes.any()):
        return {}
    slices = {"videos": several}
    for name in np.unique(about.datasets[fakes]):
        slices[f"{name} fakes, all real videos"] = reals | fakes & (about.datasets == name)
    return slices


def skin_slices(records: list[dict], about: About) -> dict[str, np.ndarray]:
    """The same of the reals, in thirds by the lightness of their skin; none where few are known."""
    lightness = np.array([_lightness(record) for record in records])
    known = (about.labels == REAL) & np.isfinite(lightness)
    if known.sum() < LEAST_SKIN:
        return {}
    edges = [-np.inf, *np.quantile(lightness[known], [1 / 3, 2 / 3]), np.inf]
    return {
        f"reals, {name} skin": known & (lightness > edges[n]) & (lightness <= edges[n + 1])
        for n, name in enumerate(THIRDS)
    }


def _lightness(record: dict) -> float:
    """L of the skin in LAB, 0 to 255, the median of its frames; NaN where unknown."""
    known = [f["skin_lab"][0] for f in record.get("frames", ()) if f.get("skin_lab")]
    return float(np.median(known)) if known else np.nan
