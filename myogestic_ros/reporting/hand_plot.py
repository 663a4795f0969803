"""Render a hand in a posture from its URDF, without RViz and graphics card.

The intersection of a ray with the primitive shapes of a URDF has a closed form. Each pixel takes
the nearest intersection of its ray, which gives exact outlines without a mesh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from myogestic_ros.control.kinematics import Kinematics, Shape

__all__ = ['FRAME', 'Frame', 'render_hand']

Array = NDArray[np.float64]

OVERSAMPLING = 2
"""Rays per pixel in each direction, for antialiasing."""
LIGHT = np.array([-0.40, 0.55, 0.73])
"""Direction to the light: right, up, towards the viewer."""
OCCLUSION_M = 0.006
"""Radius of the neighbourhood for ambient occlusion, m."""


@dataclass(frozen=True)
class Frame:
    """Viewpoint and edges of the image.

    Attributes
    ----------
    side, above : float
        Direction of the viewer relative to the normal of the palm, towards the thumb and up, rad.
    left, right, bottom, top : float
        Edges of the image in the viewing plane, from the origin of the robot, m.
    """

    side: float = 0.5
    above: float = 0.2
    left: float = -0.125
    right: float = 0.125
    bottom: float = -0.070
    top: float = 0.195

    def camera(self) -> Array:
        """Return the rotation into the frame of the viewer (right, up, towards), shape ``(3, 3)``."""
        towards = np.array(
            [
                np.cos(self.above) * np.cos(self.side),
                np.cos(self.above) * np.sin(self.side),
                np.sin(self.above),
            ]
        )
        right = np.cross([0.0, 0.0, 1.0], towards)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(towards, right), towards])


FRAME = Frame()


def render_hand(
    robot: Kinematics, positions: Mapping[str, float], height: int = 300, frame: Frame = FRAME
) -> Array:
    """Render a hand.

    Parameters
    ----------
    robot : Kinematics
        The hand. z points to the fingertips, x out of the palm.
    positions : mapping
        Joint positions by name, rad.
    height : int
        Height of the image, pixels.
    frame : Frame
        Viewpoint and edges of the image.

    Returns
    -------
    ndarray, shape (height, width, 4)
        Red, green, blue and opacity, 0 to 1; transparent outside the hand.
    """
    pixel_m = (frame.top - frame.bottom) / (height * OVERSAMPLING)
    rows = height * OVERSAMPLING
    columns = round((frame.right - frame.left) / pixel_m / OVERSAMPLING) * OVERSAMPLING
    canvas = _Canvas(frame.left, frame.top, pixel_m, rows, columns)
    camera = frame.camera()
    poses = robot.poses(positions)
    for shape in robot.shapes:
        where = poses[shape.link] @ shape.origin
        canvas.add(shape, camera @ where[:3, :3], camera @ where[:3, 3])
    colours = _shade(canvas)
    cells = colours.reshape(height, OVERSAMPLING, columns // OVERSAMPLING, OVERSAMPLING, 4)
    opacity = cells[..., 3].mean(axis=(1, 3))
    total = np.maximum(1e-9, cells[..., 3].sum(axis=(1, 3)))
    mean = (cells[..., :3] * cells[..., 3:]).sum(axis=(1, 3)) / total[..., None]
    return np.concatenate([np.clip(mean, 0.0, 1.0), opacity[..., None]], axis=2)


class _Canvas:
    """Depth (towards the viewer, m), normal and colour of the nearest intersection per ray."""

    def __init__(self, left: float, top: float, pixel_m: float, rows: int, columns: int) -> None:
        self.pixel_m = pixel_m
        self._right = left + (np.arange(columns) + 0.5) * pixel_m
        self._up = top - (np.arange(rows) + 0.5) * pixel_m
        self.depth = np.full((rows, columns), -np.inf)
        self.normal = np.zeros((rows, columns, 3))
        self.colour = np.zeros((rows, columns, 3))

    def add(self, shape: Shape, turn: Array, centre: Array) -> None:
        """Draw a shape with its rotation and position in the frame of the viewer."""
        reach = _radius(shape)
        rows = slice(*np.searchsorted(-self._up, [-centre[1] - reach, -centre[1] + reach]))
        columns = slice(*np.searchsorted(self._right, [centre[0] - reach, centre[0] + reach]))
        right, up = np.meshgrid(self._right[columns], self._up[rows])
        origins = np.stack([right, up, np.zeros_like(right)], axis=-1) - centre
        # In the frame of the shape a ray is ``origins + depth * along``.
        depth, normal = _intersect(shape, origins @ turn, turn[2])
        before = self.depth[rows, columns]
        nearer = depth > before  # False for NaN, where the ray misses the shape
        before[nearer] = depth[nearer]
        self.normal[rows, columns][nearer] = normal[nearer] @ turn.T
        self.colour[rows, columns][nearer] = shape.colour


def _radius(shape: Shape) -> float:
    """Return the radius of a sphere that contains the shape, m."""
    if shape.kind == 'box':
        return float(np.linalg.norm(shape.sizes)) / 2
    if shape.kind == 'sphere':
        return shape.sizes[0]
    return float(np.hypot(shape.sizes[0], shape.sizes[1] / 2))


def _intersect(shape: Shape, origins: Array, along: Array) -> tuple[Array, Array]:
    """Return depth (NaN: missed) and normal of the intersection of each ray with the shape."""
    with np.errstate(divide='ignore', invalid='ignore'):
        if shape.kind == 'sphere':
            middle = origins @ along
            depth = -middle + np.sqrt(middle**2 - (origins**2).sum(axis=-1) + shape.sizes[0] ** 2)
            return depth, (origins + depth[..., None] * along) / shape.sizes[0]
        if shape.kind == 'box':
            half = np.array(shape.sizes) / 2
            leaves = np.where(along >= 0, half - origins, -half - origins) / along
            enters = np.where(along >= 0, -half - origins, half - origins) / along
            face = leaves.argmin(axis=-1)
            depth = leaves.min(axis=-1)
            depth[enters.max(axis=-1) > depth] = np.nan
            return depth, np.eye(3)[face] * np.where(along >= 0, 1.0, -1.0)
        return _intersect_cylinder(shape.sizes[0], shape.sizes[1] / 2, origins, along)


def _intersect_cylinder(
    radius: float, half: float, origins: Array, along: Array
) -> tuple[Array, Array]:
    flat = float(along[0] ** 2 + along[1] ** 2)
    middle = origins[..., 0] * along[0] + origins[..., 1] * along[1]
    outside = origins[..., 0] ** 2 + origins[..., 1] ** 2 - radius**2
    side = (-middle + np.sqrt(middle**2 - flat * outside)) / flat
    side[np.abs(origins[..., 2] + side * along[2]) > half] = np.nan
    towards = 1.0 if along[2] >= 0 else -1.0
    end = (towards * half - origins[..., 2]) / along[2]
    at_end = origins + end[..., None] * along
    end[at_end[..., 0] ** 2 + at_end[..., 1] ** 2 > radius**2] = np.nan
    depth = np.fmax(side, end)
    normal = (origins + depth[..., None] * along) / radius
    normal[..., 2] = 0.0
    normal[depth == end] = (0.0, 0.0, towards)
    return depth, normal


def _shade(canvas: _Canvas) -> Array:
    """Return colour and opacity of each ray, shape ``(rows, columns, 4)``."""
    light = LIGHT / np.linalg.norm(LIGHT)
    half = light + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    hit = np.isfinite(canvas.depth)
    diffuse = np.clip(canvas.normal @ light, 0.0, 1.0)
    shine = np.clip(canvas.normal @ half, 0.0, 1.0) ** 30
    shade = 0.52 + 0.58 * diffuse - 0.30 * (1.0 - canvas.normal[..., 2]) ** 3
    shade *= 1.0 - 0.55 * _occlusion(canvas, hit)
    colours = canvas.colour * shade[..., None] + 0.16 * shine[..., None]
    return np.concatenate([np.clip(colours, 0.0, 1.0), hit[..., None].astype(float)], axis=2)


def _occlusion(canvas: _Canvas, hit: NDArray[np.bool_]) -> Array:
    """Return the ambient occlusion of each point, 0 to 1."""
    width = OCCLUSION_M / canvas.pixel_m
    weight = gaussian_filter(hit.astype(float), width)
    depth = np.where(hit, canvas.depth, 0.0)
    around = gaussian_filter(depth, width) / np.maximum(1e-6, weight)
    return np.clip((around - depth) / (1.2 * OCCLUSION_M), 0.0, 1.0)
