"""HDR (HLG and PQ, BT.2100) to the brightness and colours of ordinary video (BT.709)."""

from functools import cache

import av
import numpy as np

HDR_CURVES = {16: "PQ", 18: "HLG"}  # by FFmpeg's numbers of transfer characteristics
BT2020 = 9  # likewise of primaries

WHITE_NITS = 203  # of a white sheet, and what a master of 1000 nits has above it
PEAK = 1000 / WHITE_NITS
KNEE = 0.3  # of white: what is darker keeps its brightness
GAMMA = 2.4  # of the screens that BT.709 is made for (BT.1886)
LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)


def hdr_curve(frame: av.VideoFrame) -> str | None:
    """'PQ' or 'HLG', or None for ordinary video."""
    return HDR_CURVES.get(int(frame.color_trc))


def tone_mapped(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """An HDR frame as (height, width, 3) uint8 BGR of BT.709."""
    is_yuv = not frame.format.is_rgb
    code = frame.to_ndarray(
        format="rgb48le",
        interpolation="BICUBIC",
        width=width,
        height=height,
        src_colorspace="BT2020" if is_yuv else None,
    )
    curve = hdr_curve(frame)
    light = linear_table(curve)[code]
    if curve == "HLG":  # which stores the scene's light: a screen of 1000 nits adds contrast
        light *= PEAK * np.maximum(light @ LUMA, 1e-6)[..., None] ** 0.2
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    light *= _rolled_off(brightest) / brightest
    if frame.color_primaries in (BT2020, 2):  # 2: not said
        light = light @ TO_BT709.T
    shade = (light.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
    return np.ascontiguousarray(shade_table()[shade][..., ::-1])


@cache
def linear_table(curve: str) -> np.ndarray:
    """(65536,) float32: light by code; of PQ in units of white, of HLG the scene's from 0 to 1."""
    code = np.arange(65536) / 65535
    if curve == "PQ":
        root = code ** (32 / 2523)
        nits = 10000 * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (
            16384 / 2610
        )
        return (nits / WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)


@cache
def shade_table() -> np.ndarray:
    """(65536,) uint8: code by light from 0 to 1."""
    return ((np.arange(65536) / 65535) ** (1 / GAMMA) * 255).round().astype(np.uint8)


def _rolled_off(light: np.ndarray) -> np.ndarray:
    """Light as it is up to the knee, and from there ever less more, up to 1 at the peak: FFmpeg's
    curve 'mobius'."""
    a = -(KNEE**2) * (PEAK - 1) / (KNEE**2 - 2 * KNEE + PEAK)
    b = (KNEE**2 - 2 * KNEE * PEAK + PEAK) / (PEAK - 1)
    rolled = (b + KNEE) ** 2 / (b - a) * (light + a) / (light + b)
    return np.where(light <= KNEE, light, rolled)
