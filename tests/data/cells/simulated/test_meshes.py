from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.cells.simulated.meshes import (
    Mesh,
    box,
    capsule_profile,
    joined,
    lathe,
    prism,
    read_obj,
    tube,
)


def volume_m3(mesh: Mesh) -> float:
    """By the divergence theorem; positive only where faces look outwards."""
    corners_F33 = mesh.vertices_V3[mesh.faces_F3]
    a, b, c = corners_F33[:, 0], corners_F33[:, 1], corners_F33[:, 2]
    return float((a * np.cross(b, c)).sum()) / 6


def test_a_box_has_its_volume() -> None:
    assert volume_m3(box(2, 3, 4).moved((5, 6, 7))) == pytest.approx(24)


def test_a_prism_over_a_triangle_has_half_the_box() -> None:
    assert volume_m3(prism([(0, 0), (2, 0), (0, 2)], 3)) == pytest.approx(6)


def test_a_turned_rod_is_nearly_a_cylinder() -> None:
    rod = lathe([(-1, 0.5), (1, 0.5)], sides=64)
    assert volume_m3(rod) == pytest.approx(np.pi * 0.25 * 2, rel=0.01)


def test_a_straight_tube_is_the_same_rod() -> None:
    rod = tube([(-1, 0, 0), (0, 0, 0), (1, 0, 0)], [0.5, 0.5, 0.5], sides=64)
    assert volume_m3(rod) == pytest.approx(np.pi * 0.25 * 2, rel=0.01)


def test_a_capsule_has_round_ends() -> None:
    capsule = lathe(capsule_profile(4, 1, rings=32), sides=64)
    assert volume_m3(capsule) == pytest.approx(np.pi * 2 + 4 / 3 * np.pi, rel=0.01)


def test_joined_meshes_keep_all_their_volume() -> None:
    assert volume_m3(joined(box(1, 1, 1), box(1, 1, 2).moved((3, 0, 0)))) == pytest.approx(3)


def test_normals_are_sharp_at_a_boxes_edges_and_smooth_round_a_rod() -> None:
    def normals(mesh: Mesh) -> np.ndarray:
        lines = [line.split()[1:] for line in mesh.as_obj().splitlines() if line[:3] == "vn "]
        return np.array(lines, dtype=float)

    assert set(np.abs(normals(box(1, 1, 1))).max(axis=1)) == {1.0}
    around = normals(lathe([(-1, 0.5), (1, 0.5)], sides=16))
    assert (np.abs(np.linalg.norm(around, axis=1) - 1) < 1e-3).all()
    assert len(np.unique(np.round(around, 3), axis=0)) == 16 + 2


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "box.obj"
    path.write_text("# a box\nmtllib none.mtl\n\n" + box(0.2, 0.3, 0.4).as_obj())
    again = read_obj(path)
    np.testing.assert_allclose(again.vertices_V3, box(0.2, 0.3, 0.4).vertices_V3)
    np.testing.assert_array_equal(again.faces_F3, box(0.2, 0.3, 0.4).faces_F3)


def test_a_simplified_mesh_keeps_its_shape() -> None:
    fine = lathe(capsule_profile(0.4, 0.1, rings=12), sides=48)
    coarse = fine.simplified(800)
    assert len(fine.faces_F3) > 2000
    assert len(coarse.faces_F3) < len(fine.faces_F3) / 3
    assert volume_m3(coarse) == pytest.approx(volume_m3(fine), rel=0.03)


def test_a_mesh_with_few_triangles_is_left_as_it_is() -> None:
    cube = box(1, 1, 1)
    assert cube.simplified(12) is cube
