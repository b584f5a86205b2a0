"""Small triangle meshes, made by code, from which objects, fixtures and the hand are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fast_simplification
import numpy as np
from numpy.typing import ArrayLike, NDArray

_CREASE_COSINE = 0.72  # about 44 degrees: sharper edges stay sharp when shaded


@dataclass(frozen=True)
class Mesh:
    """Triangles in metres, counter-clockwise seen from outside."""

    vertices_V3: NDArray[np.float64]
    faces_F3: NDArray[np.int64]

    def moved(self, xyz_m: ArrayLike) -> Mesh:
        """The same mesh at another place."""
        return Mesh(self.vertices_V3 + np.asarray(xyz_m), self.faces_F3)

    def turned(self, rotation_33: NDArray[np.float64]) -> Mesh:
        """The same mesh turned about its origin."""
        return Mesh(self.vertices_V3 @ rotation_33.T, self.faces_F3)

    def simplified(self, faces: int) -> Mesh:
        """About the same surface with about this many triangles; itself if it has no more."""
        if len(self.faces_F3) <= faces:
            return self
        vertices_V3, faces_F3 = fast_simplification.simplify(
            self.vertices_V3.astype(np.float32),
            self.faces_F3.astype(np.int32),
            target_count=faces,
            agg=3,  # slower than its 7, but seams stay closed
        )
        return Mesh(np.asarray(vertices_V3, np.float64), np.asarray(faces_F3, np.int64))

    def as_obj(self) -> str:
        """Wavefront OBJ text with a normal per corner, smooth except at creases."""
        corners_F33 = self.vertices_V3[self.faces_F3]
        edges_F33 = _unit(np.roll(corners_F33, -1, axis=1) - corners_F33)
        angles_F3 = np.arccos(
            np.clip(-(edges_F33 * np.roll(edges_F33, 1, axis=1)).sum(axis=2), -1, 1)
        )
        normals_F3 = _unit(np.cross(edges_F33[:, 0], edges_F33[:, 1]))
        count = len(self.faces_F3)
        # A corner's normal is the sum, by angle, over the faces that meet there without a crease.
        touches_VF = np.zeros((len(self.vertices_V3), count))
        touches_VF[self.faces_F3.ravel(), np.repeat(np.arange(count), 3)] = angles_F3.ravel()
        smooth_FF = normals_F3 @ normals_F3.T > _CREASE_COSINE
        np.fill_diagonal(smooth_FF, True)
        shared_CF = touches_VF[self.faces_F3.ravel()] * np.repeat(smooth_FF, 3, axis=0)
        corner_C3 = _unit(shared_CF @ normals_F3)
        lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in self.vertices_V3.tolist()]
        lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in corner_C3.tolist()]
        for face, (i, j, k) in enumerate((self.faces_F3 + 1).tolist()):
            n = 3 * face + 1
            lines.append(f"f {i}//{n} {j}//{n + 1} {k}//{n + 2}")
        return "\n".join(lines) + "\n"


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))


def read_obj(path: Path) -> Mesh:
    """The triangles of a Wavefront OBJ file; its normals and materials are not looked at."""
    vertices: list[list[float]] = []
    faces: list[list[int]] = []
    for line in path.read_text().splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values])
        elif kind == "f":
            faces.append([int(corner.partition("/")[0]) - 1 for corner in values])
    return Mesh(np.array(vertices), np.array(faces))


def joined(*meshes: Mesh) -> Mesh:
    """All triangles of several meshes as one."""
    offsets = np.cumsum([0, *(len(mesh.vertices_V3) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices_V3 for mesh in meshes]),
        np.concatenate([m.faces_F3 + o for m, o in zip(meshes, offsets, strict=True)]),
    )


def box(x_m: float, y_m: float, z_m: float) -> Mesh:
    """A box of these full lengths about the origin."""
    outline = [(-x_m / 2, -y_m / 2), (x_m / 2, -y_m / 2), (x_m / 2, y_m / 2), (-x_m / 2, y_m / 2)]
    return prism(outline, z_m)


def prism(outline_xy_m: Sequence[tuple[float, float]], z_m: float) -> Mesh:
    """A convex counter-clockwise outline, drawn out along z about the origin."""
    sides = len(outline_xy_m)
    low = [(x, y, -z_m / 2) for x, y in outline_xy_m]
    high = [(x, y, z_m / 2) for x, y in outline_xy_m]
    faces = []
    for i in range(sides):
        j = (i + 1) % sides
        faces += [(i, j, sides + j), (i, sides + j, sides + i)]
    for i in range(1, sides - 1):
        faces += [(0, i + 1, i), (sides, sides + i, sides + i + 1)]
    return Mesh(np.array(low + high, dtype=np.float64), np.array(faces, dtype=np.int64))


def tube(
    path_N3: ArrayLike, radii_N: Sequence[float], *, sides: int = 12, flatten: float = 1.0
) -> Mesh:
    """A round skin about a path, closed at both ends; `flatten` scales it along z.

    Path and radii are in metres, shape (N, 3) and (N,). The path must not run along z throughout
    unless it lies on it exactly; it may bend, gently.
    """
    points_N3 = np.asarray(path_N3, dtype=np.float64)
    along_N3 = np.gradient(points_N3, axis=0)
    along_N3 /= np.linalg.norm(along_N3, axis=1, keepdims=True)
    up = np.array([1.0, 0.0, 0.0]) if abs(along_N3[0, 2]) > 0.9 else np.array([0.0, 0.0, 1.0])
    turns = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rings = []
    for point, along, radius in zip(points_N3, along_N3, radii_N, strict=True):
        side = np.cross(up, along)
        side /= np.linalg.norm(side)
        other = np.cross(along, side)
        ring = point + radius * (np.outer(np.cos(turns), side) + np.outer(np.sin(turns), other))
        rings.append(ring)
    count = len(points_N3)
    vertices = np.concatenate([*rings, points_N3[:1], points_N3[-1:]])
    vertices[:, 2] *= flatten
    first, last = count * sides, count * sides + 1
    faces = []
    for n in range(count - 1):
        for i in range(sides):
            j = (i + 1) % sides
            a, b, c, d = n * sides + i, n * sides + j, (n + 1) * sides + j, (n + 1) * sides + i
            faces += [(a, b, c), (a, c, d)]
    for i in range(sides):
        j = (i + 1) % sides
        faces += [(first, j, i), (last, (count - 1) * sides + i, (count - 1) * sides + j)]
    return Mesh(vertices, np.array(faces, dtype=np.int64))


def lathe(profile_xr_m: Sequence[tuple[float, float]], *, sides: int = 14) -> Mesh:
    """A body turned about the x axis from `(x, radius)` pairs in rising x, closed at both ends."""
    path = [(x, 0.0, 0.0) for x, _ in profile_xr_m]
    # Equal x values make flat shoulders, where a path has no direction: build along a straight one.
    straight = tube(
        [(float(i), 0.0, 0.0) for i in range(len(path))],
        [radius for _, radius in profile_xr_m],
        sides=sides,
    )
    vertices = straight.vertices_V3.copy()
    vertices[:, 0] = np.array([x for x, _ in profile_xr_m])[
        np.rint(straight.vertices_V3[:, 0]).astype(int)
    ]
    return Mesh(vertices, straight.faces_F3)


def capsule_profile(
    length_m: float, radius_m: float, *, rings: int = 4
) -> list[tuple[float, float]]:
    """The `lathe` profile of a round-ended rod, centred, of this full length."""
    turns = np.linspace(0.0, np.pi / 2, rings + 1)
    flat = length_m / 2 - radius_m
    left = [(-flat - radius_m * np.cos(t), max(radius_m * np.sin(t), 1e-4)) for t in turns]
    return [(float(x), float(r)) for x, r in left] + [
        (float(-x), float(r)) for x, r in reversed(left)
    ]
