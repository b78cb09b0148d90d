"""Two short clips to try the program on, made from a public-domain portrait."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np

from faces.detect import Face
from utils.files import atomic_folder

UNTOUCHED, ALTERED = "demo_untouched.mp4", "demo_altered.mp4"
SECONDS, FPS = 4, 25
SIZE_PX = (480, 560)  # width, height


def portrait_path() -> Path:
    """The portrait of Rear Admiral Grace Hopper (US Navy, public domain) that matplotlib ships.

    Raises FileNotFoundError when this matplotlib lacks it.
    """
    package = Path(importlib.util.find_spec("matplotlib").origin).parent
    path = package / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    if not path.exists():
        raise FileNotFoundError(f"{path} not found: reinstall matplotlib")
    return path


def make_demo_clips(folder: Path, detector) -> tuple[Path, Path]:
    """Write the untouched and the altered clip into folder, complete or not at all."""
    portrait = cv2.imdecode(np.fromfile(portrait_path(), np.uint8), cv2.IMREAD_COLOR)
    faces = detector.detect(portrait)
    if not faces:
        raise FileNotFoundError("the detector finds no face in the demonstration portrait")
    altered = alter_face(portrait, faces[0])
    with atomic_folder(folder) as temporary:
        write_clip(temporary / UNTOUCHED, camera_motion(portrait))
        write_clip(temporary / ALTERED, camera_motion(altered))
    return folder / UNTOUCHED, folder / ALTERED


def alter_face(image: np.ndarray, face: Face) -> np.ndarray:
    """Blend an enlarged, recoloured and softened copy of the face over itself, as a swap would.

    image (H, W, 3) uint8 BGR in and out; pixels away from the face stay as they are.
    """
    height, width = image.shape[:2]
    x, y = face.centre_xy
    left, top, right, bottom = face.box_xyxy
    enlarge = cv2.getRotationMatrix2D((x, y), angle=3.0, scale=1.07)
    source = cv2.warpAffine(image, enlarge, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    source = cv2.GaussianBlur(source, (0, 0), 1.2)
    source = np.clip(source * np.array([0.88, 0.97, 1.1]) + 6, 0, 255)
    mask = np.zeros((height, width), np.float32)
    axes = (round((right - left) * 0.44), round((bottom - top) * 0.46))
    cv2.ellipse(mask, (round(x), round(y)), axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), (right - left) * 0.03)[..., None]
    return np.round(source * mask + image * (1 - mask)).astype(np.uint8)


def camera_motion(image: np.ndarray, n_frames: int = SECONDS * FPS) -> list[np.ndarray]:
    """n_frames views of an image by a camera that drifts, turns and zooms a little."""
    height, width = image.shape[:2]
    fit = max(SIZE_PX[0] / width, SIZE_PX[1] / height)
    views = []
    for phase in np.linspace(0, 2 * np.pi, n_frames):
        zoom = fit * (1.12 + 0.06 * np.sin(phase))
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5 * np.sin(2 * phase), zoom)
        matrix[0, 2] += SIZE_PX[0] / 2 - width / 2 + 8 * np.sin(phase)
        matrix[1, 2] += SIZE_PX[1] / 2 - height / 2 + 6 * np.cos(phase)
        views.append(cv2.warpAffine(image, matrix, SIZE_PX, borderMode=cv2.BORDER_REFLECT_101))
    return views


def write_clip(path: Path, frames: list[np.ndarray], fps: float = FPS, codec: str = "mp4v") -> None:
    """Write frames (H, W, 3) uint8 BGR as a video. Raises OSError when OpenCV cannot."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    try:
        if not writer.isOpened():
            raise OSError(f"{path} cannot be written as {codec} video")
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
