"""Through an encoder and back: what compression leaves of an image (H, W, 3) uint8 RGB."""

from fractions import Fraction

import av
import cv2
import numpy as np


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """quality from 1 to 100."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # the codec takes BGR for luma and chroma
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def h264(image: np.ndarray, crf: int, preset: str = "medium") -> np.ndarray:
    """As a key frame of x264 at this rate factor, from 0 to 51; presets are x264's own."""
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = even.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    # One thread: with more, starting them takes longer than the frame.
    encoder.options = {"crf": str(crf), "preset": preset, "tune": "zerolatency", "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    frames = [f for packet in [*packets, None] for f in decoder.decode(packet)]
    return frames[0].to_ndarray(format="rgb24")[:height, :width]
