"""Rigid models as URDF text: coloured parts to see, simple shapes to touch."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from data.cells.simulated.meshes import Mesh

Rgb = tuple[float, float, float]
"""Red, green, blue in [0, 1]."""
Xyz = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """What is seen: a mesh of one colour."""

    mesh: Mesh
    colour: Rgb


@dataclass(frozen=True, kw_only=True)
class Solid:
    """What is touched."""

    shape: Literal["box", "cylinder", "capsule"]
    size_m: tuple[float, ...]
    """Box: full lengths x, y, z. Cylinder and capsule: radius and length, without a capsule's
    caps."""
    at_m: Xyz = (0.0, 0.0, 0.0)
    turned_rad: Xyz = (0.0, 0.0, 0.0)
    """Roll, pitch, yaw; cylinders and capsules lie along their own z."""

    def as_urdf(self) -> str:
        """The `<origin>` and `<geometry>` elements."""
        if self.shape == "box":
            geometry = f'<box size="{_words(self.size_m)}"/>'
        else:
            radius, length = self.size_m
            geometry = f'<{self.shape} radius="{radius:.5f}" length="{length:.5f}"/>'
        return (
            f'<origin xyz="{_words(self.at_m)}" rpy="{_words(self.turned_rad)}"/>'
            f"<geometry>{geometry}</geometry>"
        )


@dataclass(frozen=True, kw_only=True)
class Link:
    """One rigid body: what is seen and what is touched, with its mass."""

    name: str
    parts: Sequence[Part] = ()
    solids: Sequence[Solid] = ()
    mass_kg: float = 0.0
    inertia_kgm2: Xyz = (1e-4, 1e-4, 1e-4)
    friction: float | None = None
    rolling_friction: float = 0.0
    spinning_friction: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Joint:
    """How one link hangs on another."""

    parent: str
    child: str
    kind: Literal["fixed", "prismatic", "revolute"]
    at_m: Xyz = (0.0, 0.0, 0.0)
    turned_rad: Xyz = (0.0, 0.0, 0.0)
    axis: Xyz = (1.0, 0.0, 0.0)
    limits: tuple[float, float] = (0.0, 0.0)
    effort: float = 100.0

    def as_urdf(self) -> str:
        """The `<joint>` element, named after its child."""
        return (
            f'<joint name="{self.child}" type="{self.kind}">'
            f'<parent link="{self.parent}"/><child link="{self.child}"/>'
            f'<origin xyz="{_words(self.at_m)}" rpy="{_words(self.turned_rad)}"/>'
            f'<axis xyz="{_words(self.axis)}"/>'
            f'<limit lower="{self.limits[0]}" upper="{self.limits[1]}"'
            f' effort="{self.effort}" velocity="10"/></joint>'
        )


def _words(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)


@dataclass
class ModelFolder:
    """The temporary folder that the physics engine reads generated models from.

    Files are named after their content, so that the engine's cache by file name is never wrong.
    """

    _folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="goalpost-cell-")
    )

    def write(self, name: str, links: Sequence[Link], joints: Sequence[Joint] = ()) -> Path:
        """Write a model; the first link is its base."""
        body = self.elements(links, joints)
        return self._keep(f'<robot name="{name}">{body}</robot>', ".urdf")

    def write_text(self, urdf: str) -> Path:
        """Write URDF text that was put together elsewhere."""
        return self._keep(urdf, ".urdf")

    def write_mesh(self, mesh: Mesh) -> Path:
        """Write a mesh for a model that was put together elsewhere."""
        return self._keep(mesh.as_obj(), ".obj")

    def elements(self, links: Sequence[Link], joints: Sequence[Joint] = ()) -> str:
        """The `<link>` and `<joint>` elements; meshes are written to the folder."""
        return "".join([*(self._link(link) for link in links), *(j.as_urdf() for j in joints)])

    def close(self) -> None:
        """Delete the folder; calling it again does nothing."""
        self._folder.cleanup()

    def _link(self, link: Link) -> str:
        ixx, iyy, izz = link.inertia_kgm2
        body = [
            f'<inertial><mass value="{link.mass_kg}"/><inertia ixx="{ixx}" iyy="{iyy}"'
            f' izz="{izz}" ixy="0" ixz="0" iyz="0"/></inertial>'
        ]
        if link.friction is not None:
            body.append(
                f'<contact><lateral_friction value="{link.friction}"/>'
                f'<rolling_friction value="{link.rolling_friction}"/>'
                f'<spinning_friction value="{link.spinning_friction}"/></contact>'
            )
        for number, part in enumerate(link.parts):
            path = self.write_mesh(part.mesh)
            body.append(
                f'<visual><geometry><mesh filename="{path}"/></geometry>'
                f'<material name="{link.name}-{number}">'
                f'<color rgba="{_words(part.colour)} 1"/></material></visual>'
            )
        body += [f"<collision>{solid.as_urdf()}</collision>" for solid in link.solids]
        return f'<link name="{link.name}">{"".join(body)}</link>'

    def _keep(self, text: str, suffix: str) -> Path:
        name = hashlib.sha256(text.encode()).hexdigest()[:24] + suffix
        path = Path(self._folder.name) / name
        if not path.exists():
            path.write_text(text)
        return path
