"""Light on a surface and the camera that looks at it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.training.noise import Field, Rng, smooth
from apps.defect_detection.training.textures import Surface


@dataclass(frozen=True, kw_only=True)
class Light:
    """One lamp from a side plus soft light from everywhere.

    Attributes:
        towards: unit vector to the lamp; z points at the camera.
        ambient: share of soft light.
        spread: [S, S] brightness over the field, mean about 1.
        tint: colour of the light, blue-green-red.
    """

    towards: tuple[float, float, float]
    ambient: float
    spread: Field
    tint: tuple[float, float, float]

    @classmethod
    def random(cls, rng: Rng, size: int) -> "Light":
        """A lamp at 25° to 70° above the surface, with a gradient and slight unevenness."""
        around, above = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(25, 70))
        y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
        slope = rng.uniform(0, 0.7)
        spread = 1 + slope * (float(np.cos(around)) * x + float(np.sin(around)) * y)
        if rng.random() < 0.4:
            cx, cy = rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)
            pool = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(0.15, 0.6))
            spread = spread * (0.75 + 0.5 * pool)
        spread = spread + 0.03 * smooth(rng, size, size / 2)
        warmth = rng.uniform(-0.06, 0.06)
        return cls(
            towards=(
                float(np.cos(around) * np.cos(above)),
                float(np.sin(around) * np.cos(above)),
                float(np.sin(above)),
            ),
            ambient=float(rng.uniform(0.3, 0.6)),
            spread=spread.clip(0.25, 2).astype(np.float32),
            tint=(1 - warmth, 1.0, 1 + warmth),
        )


def shade(surface: Surface, light: Light) -> Field:
    """Light sent to the camera, [S, S, 3] linear: Lambert, Blinn-Phong and a soft occlusion."""
    height = surface.height
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    norm = 1 / np.sqrt(dx * dx + dy * dy + 1)
    lx, ly, lz = light.towards
    diffuse = np.clip((-dx * lx - dy * ly + lz) * norm, 0, None) / max(lz, 0.3)
    hx, hy, hz = lx, ly, lz + 1
    length = float(np.sqrt(hx * hx + hy * hy + hz * hz))
    facing = np.clip((-dx * hx - dy * hy + hz) * norm / length, 0, 1)
    mirror = facing**surface.sharpness * surface.gloss
    # What lies deeper than its surroundings sees less of the soft light.
    sunk = cv2.GaussianBlur(height, (0, 0), 5) - height
    open_sky = 1 - 0.16 * np.clip(sunk, 0, 4)
    direct = (1 - light.ambient) * diffuse + light.ambient * open_sky
    lit = surface.colour * direct[..., None] * np.asarray(light.tint, np.float32)
    lit += (0.55 * mirror * np.clip(open_sky, 0, 1))[..., None]
    return np.asarray(lit * light.spread[..., None], np.float32)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Focus, exposure, noise and colour of one shot. `photograph` uses its own noise seed."""

    exposure: float
    blur: float
    motion: tuple[float, float]
    noise: float
    grey: bool
    gamma: float
    vignette: float
    seed: int

    @classmethod
    def random(cls, rng: Rng) -> "Camera":
        """A camera of an inspection station, sometimes badly set up."""
        moved = rng.random() < 0.12
        return cls(
            exposure=float(np.clip(rng.normal(0.47, 0.09), 0.24, 0.7)),
            blur=float(abs(rng.normal(0.3, 0.35))),
            motion=(float(rng.uniform(2, 6)), float(rng.uniform(0, 180))) if moved else (0.0, 0.0),
            noise=float(rng.uniform(0.003, 0.022)),
            grey=bool(rng.random() < 0.3),
            gamma=float(rng.uniform(2.0, 2.4)),
            vignette=float(rng.uniform(0, 0.35)),
            seed=int(rng.integers(2**32)),
        )


def photograph(light: Field, camera: Camera, level: float) -> NDArray[np.uint8]:
    """Linear light [S, S, 3] to an 8-bit picture. `level` is the light set to mid-exposure."""
    size = light.shape[0]
    rng = np.random.default_rng(camera.seed)
    picture = light / max(level, 1e-4) * camera.exposure**camera.gamma
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    picture = picture * (1 - camera.vignette * 1.4 * (x * x + y * y))[..., None]
    if camera.blur > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), camera.blur)
    if camera.motion[0] > 1:
        picture = cv2.filter2D(picture, -1, _motion(*camera.motion))
    if camera.grey:
        picture = np.repeat(picture @ np.asarray((0.114, 0.587, 0.299), np.float32)[:, None], 3, 2)
    shot = rng.standard_normal(picture.shape[:2] + ((1,) if camera.grey else (3,)))
    shot = cv2.GaussianBlur(shot.astype(np.float32), (0, 0), 0.45).reshape(shot.shape)
    picture = picture + shot * camera.noise * np.sqrt(np.clip(picture, 0.01, None))
    # A soft shoulder instead of clipped highlights.
    bright = np.clip(picture, 0, None)
    bright = np.where(bright > 0.8, 0.8 + 0.2 * (1 - np.exp(-(bright - 0.8) / 0.2)), bright)
    return np.round(255 * np.clip(bright, 0, 1) ** (1 / camera.gamma)).astype(np.uint8)


def _motion(length: float, degrees: float) -> Field:
    size = 2 * int(np.ceil(length)) + 1
    kernel = np.zeros((size, size), np.float32)
    half = length / 2
    way = np.asarray((np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)))) * half
    middle = size // 2
    start = (round(middle - way[0]), round(middle - way[1]))
    end = (round(middle + way[0]), round(middle + way[1]))
    cv2.line(kernel, start, end, 1.0, 1)
    return kernel / kernel.sum()
