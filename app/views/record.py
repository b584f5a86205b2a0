"""The Record page: show success and failure of a task to the three cameras, in pairs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import state
from app.budget import measure_progress, robot_to_show, what_helps_most
from app.pages import link, nothing_yet
from app.pairing import Pair, find_pairs, pair_to_finish
from app.person import your_name
from app.views import record_clips, record_step
from app.views.robot_live import show_swapped
from app.widgets.cut_short import clip_words
from app.widgets.notice import errors_shown, show_error, tell_missing_simulator
from app.widgets.preview import CAMERA_TITLES, POINTED_CAMERA, Desk, preview
from app.widgets.scene_panel import lay_down_at, lies_where_clicked
from app.wording import listed
from data.catalog.questions import newest_clips
from data.cells.calibration import point_on_floor, projections_of
from data.cells.client import CellClient, running_hosts, start_host
from data.cells.messages import CellStatus
from data.episodes.episodes import EpisodeInfo
from data.errors import GoalpostError
from data.recording.sealing import RecoveredClip
from data.tasks.tasks import Task

_ASKED = "record-asked"
"""Session state: what the desk or a button has asked for and nobody has done yet."""
_ANSWERED = "record-answered"
"""Session state: how many of these wishes were answered."""

_CLIPS_LISTED = 200
"""So many of a task's clips are offered for correction, the newest ones."""
_CLIPS_LOOKED_AT = 4
"""A pair to go on with is among so many newest clips of its robot and task."""


def render() -> None:
    """Show the page."""
    st.title("Record")
    robots = state.robots_with_cameras()
    if not robots:
        tell_missing_simulator()
        nothing_yet(
            "**No robot has cameras here.** Say where the three cameras of yours are.",
            page="robots",
            label="Add a robot with real cameras",
        )
        return
    tasks = state.tasks()
    on_robot, of_task, person = st.columns([2, 2, 1], vertical_alignment="bottom")
    # Kept in the address, so that a reload in mid-recording comes back to the same cell.
    robot = on_robot.selectbox("Robot", robots, key="record-robot", bind="query-params")
    task = of_task.selectbox(
        "Task", state.tasks_to_choose(), key="record-task", bind="query-params"
    )
    with person:
        by = your_name()
    recording = False
    with errors_shown():
        _start_cameras(robot)
        with CellClient(state.workspace(), robot) as cell:
            _carry_out(cell, robot, tasks[task], by)
            clips = _newest_on(robot)
            status = cell.status()
            recording = status.recording is not None
            pair = record_step.open_pair(pair_to_finish(find_pairs(clips), robot=robot, task=task))
            _show_cell(robot, status, task, pair)
            if status.kind == "hardware" and not status.camera_errors:
                show_swapped(robot, cell)
            _offer_recovered(cell, status)
            record_step.show(cell, status, tasks[task], pair, clips, by=by, ask=_ask)
    _show_progress(task, robots, shown=None if recording else robot)
    listed_clips = newest_clips(state.catalog(), task=task, of_each_task=_CLIPS_LISTED)
    record_clips.show([each.info for each in listed_clips], task=task, by=by)
    _show_pairs()


def _newest_on(robot: str) -> list[EpisodeInfo]:
    """The clips that were recorded last on `robot`, newest first."""
    newest = newest_clips(state.catalog(), robot=robot, of_each_task=_CLIPS_LOOKED_AT)
    return [each.info for each in newest]


def _start_cameras(robot: str) -> None:
    if robot in running_hosts(state.workspace()):
        return
    with st.spinner(f"Starting the cameras of {robot} …"):
        start_host(state.workspace(), robot)


def _ask(what: str) -> None:
    st.session_state[_ASKED] = what


def _carry_out(cell: CellClient, robot: str, task: Task, by: str) -> None:
    """Do what was asked for, before anything is shown, so that it shows the result.

    Streamlit may end this run at any use of the session's state, to begin one with newer news. What
    was asked for is forgotten only once it is done, so that the next run does it.
    """
    asked = st.session_state.get(_ASKED)
    if asked is None:
        return
    with errors_shown():
        status = cell.status()
        if asked == "stop" and status.recording is not None:
            record_step.stop(cell, status.recording)
        elif asked == "start" and status.recording is None:
            half = pair_to_finish(find_pairs(_newest_on(robot)), robot=robot, task=task.name)
            pair = record_step.open_pair(half)
            record_step.start(cell, status, task, pair, by)
    st.session_state[_ANSWERED] = st.session_state.get(_ANSWERED, 0) + 1
    del st.session_state[_ASKED]


def _point_at(position: tuple[float, float]) -> None:
    """Somebody clicked where an object shall lie."""
    robot = state.robots()[st.session_state["record-robot"]]
    lay_down_at(point_on_floor(projections_of(robot)[POINTED_CAMERA], position))


def _show_cell(robot: str, status: CellStatus, task: str, pair: Pair | None) -> None:
    recording = status.recording
    preview(
        robot,
        recording=None if recording is None else recording.recording_id,
        broken=status.camera_errors,
        desk=Desk(
            task=task,
            outcome=record_step.next_outcome(pair),
            ready=recording is None and not status.camera_errors,
            scene_used=record_step.scene_is_used(pair),
            answered=st.session_state.get(_ANSWERED, 0),
        ),
        on_asked=_ask,
        on_pointed=_point_at if recording is None and lies_where_clicked() else None,
    )
    if status.camera_errors:
        cameras = listed([CAMERA_TITLES[name].lower() for name in status.camera_errors])
        causes = dict.fromkeys(status.camera_errors.values())
        st.error(
            f"**No picture from: {cameras}.**  \n" + "  \n".join(causes),
            icon=":material/videocam_off:",
        )
        link("robots", "Check the cameras on the Robots page")
    if status.problem is not None and recording is None:
        st.warning(f"The last recording stopped by itself. {status.problem}")


def _offer_recovered(cell: CellClient, status: CellStatus) -> None:
    for clip in status.recovered:
        with st.container(border=True):
            st.markdown(
                f"**A recording was cut short and is safe.** {clip_words(clip)} Keep it if all of "
                "it shows that."
            )
            keep, drop, _ = st.columns([1, 1, 3])
            if keep.button("Keep it", key=f"keep-{clip.recording_id}", width="stretch"):
                _decide(cell, clip, keep=True)
            with drop.popover("Drop it", width="stretch"):
                st.markdown("Its frames are deleted for good.")
                if st.button("Delete this recording", key=f"drop-{clip.recording_id}"):
                    _decide(cell, clip, keep=False)


def _decide(cell: CellClient, clip: RecoveredClip, *, keep: bool) -> None:
    try:
        if keep:
            cell.keep_recovered(clip.recording_id)
        else:
            cell.drop_recovered(clip.recording_id)
    except GoalpostError as error:
        show_error(error)
        return
    st.rerun()


def _show_progress(task: str, robots: Sequence[str], *, shown: str | None) -> None:
    """How far `task` is, and the way to the robot that helps most.

    Args:
        shown: The robot on the page; None: it records, and is not to be left.
    """
    progress = measure_progress(task, state.census(), state.pair_counts())
    with st.container(border=True):
        st.progress(progress.share, text=f"**{task}**: {progress.words}")
        st.markdown(f"**What helps most now:** {what_helps_most(progress, robots)}")
        robot = robot_to_show(progress, robots)
        if shown is not None and robot not in (None, shown):
            st.button(
                f"Go on with {robot}",
                key="record-next-robot",
                icon=":material/arrow_forward:",
                on_click=_go_on_with,
                args=(robot,),
            )


def _go_on_with(robot: str) -> None:
    st.session_state["record-robot"] = robot
    record_step.forget_saved()


def _show_pairs() -> None:
    counts = state.pair_counts()
    st.subheader("Pairs recorded")
    if not counts:
        st.caption("None yet. Aim for a few pairs of every task on at least two robots.")
        return
    table = pd.Series(counts).unstack(fill_value=0).sort_index()
    table.index.name = "Task"
    st.dataframe(table, width="content")
    if len(table.columns) > 1:
        link("detector", "Train a detector on these pairs")
    else:
        st.caption("A detector needs pairs on two robots: one is held out, to judge it by.")
