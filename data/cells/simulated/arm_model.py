"""What the arm is: a KUKA LBR iiwa with a parallel-jaw gripper of our own.

The arm's model is PyBullet's, read where that package is installed. Its links' collision shapes are
left out, since nothing but the gripper ever touches anything, and its meshes are made lighter,
since their 15,000 triangles would cost most of the time of drawing a small image.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pybullet_data

from data.cells.simulated.meshes import Mesh, box, joined, lathe, read_obj
from data.cells.simulated.models import Joint, Link, ModelFolder, Part, Solid

MAX_OPENING_M = 0.09
"""Between the fingers of the open gripper."""
TIP_FROM_M = 0.18
"""From the last joint to the fingertips, along the hand."""
LAST_LINK = "lbr_iiwa_link_7"
"""The link that carries the gripper."""

_FLANGE_M = 0.045  # from the last joint to the flange, along the hand
_FINGER_FROM_M = 0.095  # from the last joint to where the fingers begin
_LINK_FACES = 300  # triangles of each of the arm's links; fewer can be seen at native size


def _gripper() -> tuple[list[Link], list[Joint]]:
    metal, dark, rubber = (0.72, 0.74, 0.77), (0.16, 0.17, 0.19), (0.08, 0.08, 0.09)
    base_z = (_FLANGE_M + _FINGER_FROM_M) / 2
    height = _FINGER_FROM_M - _FLANGE_M
    palm = Link(
        name="palm",
        parts=[
            Part(box(0.050, 0.125, height * 0.7).moved((0, 0, base_z + height * 0.15)), dark),
            Part(box(0.052, 0.090, 0.008).moved((0, 0, base_z)), (0.95, 0.55, 0.10)),
            Part(_flange().moved((0, 0, _FLANGE_M + height * 0.15)), metal),
        ],
        solids=[Solid(shape="box", size_m=(0.05, 0.125, height), at_m=(0, 0, base_z))],
        mass_kg=0.4,
        inertia_kgm2=(6e-4, 4e-4, 6e-4),
        friction=0.5,
    )
    long = TIP_FROM_M - _FINGER_FROM_M
    links, joints = [palm], []
    joints.append(Joint(parent=LAST_LINK, child="palm", kind="fixed"))
    for name, side in (("left-finger", 1), ("right-finger", -1)):
        middle = (0.0, side * 0.006, _FINGER_FROM_M + long / 2)
        pad = (0.0, side * 0.0025, TIP_FROM_M - 0.02)
        links.append(
            Link(
                name=name,
                parts=[
                    Part(
                        joined(
                            box(0.020, 0.008, long).moved((0, side * 0.008, middle[2])),
                            box(0.030, 0.016, 0.016).moved(
                                (0, side * 0.008, _FINGER_FROM_M + 0.006)
                            ),
                        ),
                        metal,
                    ),
                    Part(box(0.022, 0.005, 0.040).moved(pad), rubber),
                ],
                solids=[Solid(shape="box", size_m=(0.022, 0.012, long), at_m=middle)],
                mass_kg=0.08,
                inertia_kgm2=(6e-5, 6e-5, 1e-5),
                friction=2.0,
                spinning_friction=0.03,
                rolling_friction=0.001,
            )
        )
        joints.append(
            Joint(
                parent="palm",
                child=name,
                kind="prismatic",
                axis=(0.0, float(side), 0.0),
                limits=(0.0, MAX_OPENING_M / 2),
            )
        )
    return links, joints


def _flange() -> Mesh:
    turned_onto_z = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    return lathe([(-0.01, 0.032), (0.01, 0.032)], sides=16).turned(turned_onto_z)


def arm_urdf(models: ModelFolder) -> Path:
    """Write the arm with its gripper as one model and give its path."""
    folder = Path(pybullet_data.getDataPath()) / "kuka_iiwa"
    robot = ElementTree.parse(folder / "model.urdf").getroot()
    for link in robot.findall("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
    for mesh in robot.iter("mesh"):
        lighter = read_obj(folder / mesh.get("filename", "")).simplified(_LINK_FACES)
        mesh.set("filename", str(models.write_mesh(lighter)))
    links, joints = _gripper()
    text = ElementTree.tostring(robot, encoding="unicode")
    end = text.rindex("</robot>")
    return models.write_text(text[:end] + models.elements(links, joints) + text[end:])
