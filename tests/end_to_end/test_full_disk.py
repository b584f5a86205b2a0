"""A disk that fills up under everything that writes: told, nothing lost, and then it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from app import jobs
from app.cli import goalpost as command
from data.catalog.catalog import Catalog
from data.cells.client import CellClient, running_hosts, start_host, stop_host
from data.checking import check_workspace
from data.episodes.index import list_episodes, load_episode
from data.errors import StorageFull
from data.labels.labels import label_history
from data.runs.runs import Run, create_run
from data.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from tests.conftest import SmallDisk

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


@pytest.fixture
def full_workspace(small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace on the small disk."""
    workspace = open_workspace(small_disk.folder / "workspace")
    monkeypatch.setenv("GOALPOST_WORKSPACE", str(workspace.root))
    yield workspace
    for robot in running_hosts(workspace):
        stop_host(workspace, robot)


def _call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def _record_page() -> None:
    from app.views.record import render

    render()


def _detector_page() -> None:
    from app.views.detector import render

    render()


def test_recording_and_labelling(full_workspace: Workspace, small_disk: SmallDisk) -> None:
    start_host(full_workspace, "robot-1")
    catalog = Catalog(full_workspace)
    with CellClient(full_workspace, "robot-1") as cell:
        shown = {"task": "lift-any", "pair_id": "p", "by": "ann", "longest_s": 10.0}
        cell.start_recording(outcome="success", **shown)
        time.sleep(1)
        first = cell.stop_recording().episode_id
        second = cell.start_recording(outcome="failure", **shown)
        time.sleep(1)
        small_disk.fill()
        deadline_s = time.monotonic() + 20
        while cell.status().recording is not None and time.monotonic() < deadline_s:
            time.sleep(0.1)
    small_disk.fill()  # what the recording gave back
    # A short label still fits into the last page of the log, and is kept.
    said = _call("data", "label", "add", first, "lift-can", "success", "--by", "ann" * 2000)
    assert said[0] == 1
    assert "disk is full" in said[1] and "Free some space" in said[1]
    at = AppTest.from_function(_record_page, default_timeout=60.0).run()
    assert not at.exception
    assert any("disk is full" in each.value for each in at.warning)
    assert any("cut short and is safe" in each.value for each in at.markdown)
    at.button(key=f"keep-{second}").click().run()
    assert any("disk is full" in each.value for each in at.error)
    assert "Error" not in _call("data", "episodes", "list")[1]
    assert load_episode(catalog, first).info.step_count >= 4
    assert [label.episode_id for label in label_history(catalog)] == [first]

    small_disk.free()
    at.run().button(key=f"keep-{second}").click().run()
    assert not at.error
    assert _call("data", "label", "add", first, "lift-can", "success", "--by", "ann")[0] == 0
    assert load_episode(catalog, second).info.step_count >= 3
    # Of the label that was refused the log may have had room: saying it again does no harm.
    assert {(each.episode_id, each.task, each.outcome) for each in label_history(catalog)} == {
        (first, "lift-any", "success"), (first, "lift-can", "success"),
        (second, "lift-any", "failure"),
    }  # fmt: skip
    assert check_workspace(catalog, thorough=True) == []


def test_training_a_detector(
    full_workspace: Workspace,
    small_disk: SmallDisk,
    record_pairs: Callable[..., None],
    tiny: dict[str, Any],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    record_pairs(full_workspace, ["robot-1", "robot-2"], scenes=6)
    spec = {
        "recipe": "smoke", "overrides": {**tiny, "steps": 100}, "holdout": ["robot-2"],
        "tasks": ["lift-any"], "seed": 0,
    }  # fmt: skip
    run = jobs.start(full_workspace, "train-detector", spec)
    wait_until((full_workspace.detectors / run.run_id / "checkpoint.safetensors").exists)
    small_disk.fill()
    wait_until(lambda: run.status().state not in ("queued", "running"))
    assert run.status().state == "failed"
    assert "disk is full" in (run.status().error or "")
    at = AppTest.from_function(_detector_page, default_timeout=60.0).run()
    assert not at.exception
    assert any("disk is full" in each.value for each in at.error)
    small_disk.fill()  # also what the run's end has set free
    with pytest.raises(StorageFull):
        jobs.start(full_workspace, "train-detector", spec)
    assert len(label_history(Catalog(full_workspace), limit=100)) == 24
    reached = run.metrics()[-1]["step"]

    small_disk.free()
    code, said = _call("sd", "execute", str(run.folder))
    assert code == 0, said
    assert run.status().state == "done"
    steps = [row["step"] for row in run.metrics()]
    assert 1 < steps[steps.index(reached) + 1] <= reached + 1
    assert steps[-1] == 100


def test_collecting_episodes(
    full_workspace: Workspace,
    small_disk: SmallDisk,
    launch_policy_run: Callable[[Run, str], None],
    flush_often: str,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    run = create_run(full_workspace, "collect", {
        "robots": ["robot-1"], "behaviour": "noisy", "policy": None, "tasks": ["lift-any"],
        "episodes_per_robot": 5, "seed": 0,
    })  # fmt: skip
    launch_policy_run(run, flush_often)
    catalog = Catalog(full_workspace)
    wait_until(lambda: len(list_episodes(catalog)) >= 2)
    small_disk.fill()
    wait_until(lambda: run.status().state not in ("queued", "running"))
    assert run.status().state == "failed"
    assert "disk is full" in (run.status().error or "")
    assert 2 <= len(list_episodes(catalog)) < 5
    assert check_workspace(catalog, thorough=True) == []

    small_disk.free()
    code, said = _call("policy", "execute", str(run.folder))
    assert code == 0, said
    assert run.status().result == {"episodes": 5}
    assert len(list_episodes(catalog)) == 5
