import pytest

from data.cells.host import make_cell
from data.cells.robots import (
    Robot,
    forget_imported,
    load_robots,
    register_imported,
    register_robot,
    with_sources,
)
from data.clock import SteadyClock
from data.episodes.frames import CAMERAS
from data.errors import CellError, CorruptData, InvalidInput, UnknownName


def test_a_new_workspace_has_seven_different_simulated_robots(workspace) -> None:
    robots = load_robots(workspace)
    assert list(robots) == [f"robot-{n}" for n in range(1, 8)]
    assert {robot.kind for robot in robots.values()} == {"simulated"}
    assert len({robot.variation for robot in robots.values()}) == 7


def test_a_registered_robot_stays_and_can_be_replaced(catalog, workspace) -> None:
    for source in ("0", "rtsp://camera"):
        robot = Robot(name="bench", kind="hardware", cameras=dict.fromkeys(CAMERAS, source))
        register_robot(catalog, robot)
        assert load_robots(workspace)["bench"] == robot
    assert len(load_robots(workspace)) == 8


def test_other_sources_keep_the_calibration_of_the_cameras_that_stay(catalog, workspace) -> None:
    rows = [[1.0, 0.0, 0.0, 0.0]] * 3
    sources = dict.fromkeys(CAMERAS, "0")
    register_robot(
        catalog,
        Robot(
            name="bench",
            kind="hardware",
            cameras=sources,
            projections=dict.fromkeys(CAMERAS, rows),
        ),
    )
    changed = with_sources(load_robots(workspace), "bench", sources | {"left": "1"})
    assert changed.cameras["left"] == "1"
    assert set(changed.projections) == {"over_shoulder", "right"}
    assert with_sources({}, "new", sources).projections == {}
    with pytest.raises(InvalidInput, match="simulated"):
        with_sources(load_robots(workspace), "robot-1", sources)


def test_imported_robots_have_no_cell_and_change_none_that_is_known(catalog, workspace) -> None:
    register_imported(catalog, ["robot-1", "lab-arm"])
    robots = load_robots(workspace)
    assert (robots["robot-1"].kind, robots["robot-1"].has_cell) == ("simulated", True)
    assert (robots["lab-arm"].kind, robots["lab-arm"].has_cell) == ("imported", False)
    with pytest.raises(CellError, match="no cell here"):
        make_cell(workspace, robots["lab-arm"], SteadyClock())
    forget_imported(catalog)
    assert list(load_robots(workspace)) == [f"robot-{n}" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "Robot 1", "kind": "simulated"}, InvalidInput),
        ({"name": "robot-8", "kind": "imagined"}, InvalidInput),
        ({"name": "robot-8", "kind": "hardware", "cameras": {"left": "0"}}, InvalidInput),
        ({"name": "robot-8", "kind": "simulated", "cameras": {"wirst": "0"}}, UnknownName),
    ],
)
def test_nonsense_is_refused(values, error) -> None:
    with pytest.raises(error):
        Robot(**values)


def test_a_damaged_file_is_named(workspace) -> None:
    workspace.robots_path.write_text("[]")
    with pytest.raises(CorruptData, match=r"robots\.json"):
        load_robots(workspace)
