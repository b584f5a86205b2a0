from __future__ import annotations

from dataclasses import replace

import pytest

from data.catalog.catalog import Catalog
from data.errors import InvalidInput, UnknownName
from data.labels.sightings import Sighting, read_sightings, write_sightings
from data.workspace import Workspace

SEEN = Sighting(
    robot="robot-9", episode_id="clip-1", frame_index=2, camera="left", mark="gripper",
    position=(0.25, 0.5), by="ana", at_ns=1,
)  # fmt: skip


def test_the_newest_of_the_same_stands(catalog: Catalog, workspace: Workspace) -> None:
    place, later = replace(SEEN, mark="place"), replace(SEEN, position=None, at_ns=2)
    assert read_sightings(workspace) == []

    write_sightings(catalog, [SEEN, place])
    write_sightings(catalog, [later])

    assert read_sightings(workspace) == [place, later]


def test_a_torn_line_spoils_no_other(catalog: Catalog, workspace: Workspace) -> None:
    workspace.sightings_path.write_text('[]\n{"mark": "nose"}\n{"robot": "robot-9", "epis')

    write_sightings(catalog, [SEEN])

    assert read_sightings(workspace) == [SEEN]


def test_what_cannot_be_pointed_at_is_refused() -> None:
    with pytest.raises(UnknownName, match="behind"):
        replace(SEEN, camera="behind")
    with pytest.raises(UnknownName, match="gripper, place"):
        replace(SEEN, mark="nose")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 to 1"):
        replace(SEEN, position=(0.5, 1.2))
