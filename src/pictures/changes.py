"""What tells a blended face from its surroundings: colour, sharpness, noise, place."""

import cv2
import numpy as np

from pictures.masks import Recipe, pixel_grid, polygon, soften

# A patch beside the face: half of its width and height in shares of the picture's size.
PATCH = (0.09, 0.2)


def change(image: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Another colour, and another sharpness or, rarely, noise."""
    rng = recipe.rng
    image = change_colours(image, rng, 2.0 - recipe.difficulty)
    if rng.uniform() < 0.2:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 6)
        return cv2.add(image, noise, dtype=cv2.CV_8U)
    return change_sharpness(image, recipe)


def change_colours(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Shift red, green and blue; change hue, saturation, brightness and contrast: all linear, so
    one matrix does it, with saturation at 0 and 255."""
    red_green_blue = rng.uniform(-14, 14, 3) * strength
    angle, saturation = rng.uniform(-0.12, 0.12) * strength, 1 + rng.uniform(-0.25, 0.25) * strength
    contrast, brightness = 1 + rng.uniform(-0.12, 0.12, 2) * strength
    grey = np.full((3, 3), 1 / 3)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    # Rodrigues' rotation about the grey axis turns the hue.
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * axis + (1 - np.cos(angle)) * grey
    matrix = (grey + saturation * (np.eye(3) - grey)) @ turn * contrast * brightness
    middle = float(image[::8, ::8].mean())
    shift = red_green_blue + middle * brightness * (1 - contrast)
    return cv2.transform(image, np.hstack([matrix, shift[:, None]]))


def change_sharpness(image: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Sharpened, or scaled down and up, or blurred; if wide, also thinned out and scaled up."""
    rng, difficulty = recipe.rng, recipe.difficulty
    size, kind = image.shape[0], rng.integers(4 if recipe.wide else 3)
    if kind == 0:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        amount = rng.uniform(0.3, 1.0) * (2 - difficulty)
        return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    if kind == 1:
        small = round(size / (rng.uniform(1.3, 3.0) + (1 - difficulty)))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        return cv2.resize(image, (size, size), interpolation=method)
    if kind == 3:
        small = size // rng.choice((2, 4))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_NEAREST)
        return cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    sigma = (rng.uniform(0.6, 1.8) + (1 - difficulty)) * size / 256
    return cv2.GaussianBlur(image, (0, 0), sigma)


def shake(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move by up to 3 %, scale by up to 5 %, and warp elastically by about 1 % of the size."""
    size = image.shape[0]
    grid = pixel_grid(size)
    scale = rng.uniform(0.95, 1.05)
    middle = (size - 1) / 2
    shift = rng.uniform(-0.03, 0.03, 2) * (1, 0.5) * size + middle * (1 - scale)
    field = rng.normal(0, 0.008 * size, (6, 6, 2)).astype(np.float32)
    field = cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    where = grid * np.float32(scale) + shift.astype(np.float32) + field
    return cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def match_sharpness(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both (S, S, 3) uint8 RGB, that with the stronger edges blurred until it has the other's."""
    goal, strength = edges(one), edges(other)
    if strength > goal:
        return match_sharpness(other, one)[::-1]
    low, high = 0.0, one.shape[0] / 64
    for _ in range(5):
        middle = (low + high) / 2
        softer = cv2.GaussianBlur(one, (0, 0), middle)
        low, high = (middle, high) if edges(softer) > strength else (low, middle)
    return softer, other


def edges(image: np.ndarray) -> float:
    """Mean strength of the Laplacian."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())


def transfer_colours(
    image: np.ndarray, like: np.ndarray, where: np.ndarray, strength: float
) -> np.ndarray:
    """Draw mean and deviation of image's LAB values in where (S, S) bool to those of like.

    Reinhard et al., "Color Transfer between Images", 2001. strength in [0, 1].
    """
    lab, goal = (cv2.cvtColor(i, cv2.COLOR_RGB2LAB) for i in (image, like))
    mask = where.astype(np.uint8)
    mean, deviation = cv2.meanStdDev(lab, mask=mask)
    goal_mean, goal_deviation = cv2.meanStdDev(goal, mask=mask)
    gain = 1 + strength * (np.clip(goal_deviation / (deviation + 1e-3), 0.5, 2.0) - 1)
    new_mean = mean + strength * (goal_mean - mean)
    matrix = np.hstack([np.diag(gain[:, 0]), new_mean - gain * mean])
    return cv2.cvtColor(cv2.transform(lab, matrix), cv2.COLOR_LAB2RGB)


def reframe(
    image: np.ndarray, landmarks_xy: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Another window of the crop: each side moved by up to 2 % of its size by itself, and one
    direction, up and down or across, pulled out by up to 10 %. Returns image and landmarks."""
    size = image.shape[0]
    start, end = np.array([(0, 0), (1, 1)]) * size + rng.uniform(-0.02, 0.02, (2, 2)) * size
    inset = np.eye(2)[rng.integers(2)] * (end - start) * (1 - 1 / rng.uniform(1, 1.1)) / 2
    scale = size / (end - start - 2 * inset)
    # Pixel 0 covers 0 to 1, its middle is 0.5.
    matrix = np.column_stack([np.diag(scale), (0.5 - start - inset) * scale - 0.5])
    moved = np.asarray(landmarks_xy) * scale + matrix[:, 2]
    flags, border = cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=border), moved


def distract(image: np.ndarray, landmarks_xy: np.ndarray, recipe: Recipe) -> np.ndarray:
    """A patch beside the face changed, moved and blended in, as a face would be; where a few
    draws find no room for it, the image as it is."""
    rng, size = recipe.rng, image.shape[0]
    half = size // 2
    face = polygon(size, landmarks_xy, "forehead", rng, jitter=0.02) > 0
    for _ in range(12):
        angles, reach = rng.uniform(0, 2 * np.pi, 9), rng.uniform(*PATCH, 2) * half
        middle = rng.uniform(0.1, 0.9, 2) * half
        corners = np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach + middle
        hull = cv2.convexHull(np.round(corners).astype(np.int32))
        region = cv2.fillConvexPoly(np.zeros((half, half), np.uint8), hull, 255)
        mask = soften(region, size, rng)
        if (face & (mask > 0)).any():
            continue
        shift = np.column_stack([np.eye(2), rng.uniform(-0.05, 0.05, 2) * size])
        patch = change(image, recipe)
        patch = cv2.warpAffine(patch, shift, (size, size), borderMode=cv2.BORDER_REFLECT_101)
        return cv2.blendLinear(patch, image, mask, 1 - mask)
    return image
