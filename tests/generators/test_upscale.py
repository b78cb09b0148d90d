"""Super-resolution by ncnn files of others."""

import cv2
import numpy as np
import pytest

from generators.upscale import Upscalers
from utils.console import Failure

pytest.importorskip("ncnn")
NAME = "realesr-animevideov3-x2"
DOUBLES = """7767517
2 2
Input data 0 1 data
Interp enlarged 1 1 data output 0=2 1=2.0 2=2.0
"""


def test_a_copy_comes_back_from_a_small_picture_at_the_size_asked_for(tmp_path):
    (tmp_path / f"{NAME}.param").write_text(DOUBLES)
    (tmp_path / f"{NAME}.bin").write_bytes(b"")
    y, x = np.mgrid[:256, :256]
    image = np.stack([x, y, 255 - x], axis=2).astype(np.uint8)
    for size in (128, 160, 256):
        copy = Upscalers(tmp_path).copy(image, size, np.random.default_rng(0))
        assert copy.shape == (size, size, 3) and copy.dtype == np.uint8
        expected = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        inner = slice(4, -4), slice(4, -4)
        assert np.abs(copy[inner].astype(int) - expected[inner]).max() <= 3


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(Failure, match=r"no upscaler in .* realesrgan-x4plus"):
        Upscalers(tmp_path)
    (tmp_path / f"{NAME}.param").write_text("no network")
    (tmp_path / f"{NAME}.bin").write_bytes(b"")
    with pytest.raises(Failure, match=f"{NAME}.bin is damaged"):
        Upscalers(tmp_path)
