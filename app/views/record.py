"""The Record page: show success and failure of a task to the three cameras, in pairs."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from app import state
from app.pages import link
from app.pairing import Pair, count_pairs, find_pairs, kept_clips, pair_to_finish
from app.person import your_name
from app.views import record_step
from app.widgets.notice import errors_shown, show_error
from app.widgets.preview import CAMERA_TITLES, preview
from app.wording import counted, listed
from data.cells.client import CellClient, running_hosts, start_host
from data.cells.messages import CellStatus
from data.errors import GoalpostError
from data.recording import RecoveredClip


def render() -> None:
    """Show the page."""
    st.title("Record")
    robots, tasks = state.robots(), state.tasks()
    on_robot, of_task, person = st.columns([2, 2, 1], vertical_alignment="bottom")
    # Kept in the address, so that a reload in mid-recording comes back to the same cell.
    robot = on_robot.selectbox("Robot", list(robots), key="record-robot", bind="query-params")
    task = of_task.selectbox("Task", tasks.in_use, key="record-task", bind="query-params")
    with person:
        by = your_name()
    clips = kept_clips((each.info for each in state.episodes()), state.labels())
    pairs = find_pairs(clips)
    with errors_shown():
        _start_cameras(robot)
        with CellClient(state.workspace(), robot) as cell:
            status = cell.status()
            _show_cell(robot, status)
            _offer_recovered(cell, status)
            pair = pair_to_finish(pairs, robot=robot, task=task)
            record_step.show(cell, status, state.tasks()[task], pair, by=by)
    _show_pairs(pairs)


def _start_cameras(robot: str) -> None:
    if robot in running_hosts(state.workspace()):
        return
    with st.spinner(f"Starting the cameras of {robot} …"):
        start_host(state.workspace(), robot)


def _show_cell(robot: str, status: CellStatus) -> None:
    recording = status.recording
    preview(
        robot,
        recording=None if recording is None else recording.recording_id,
        broken=status.camera_errors,
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
            started = time.strftime("%d %b %H:%M", time.localtime(clip.started_at_ns / 1e9))
            st.markdown(
                f"**A recording was cut short and is safe.** {clip.outcome.capitalize()} of "
                f"{clip.task}, {counted(clip.frame_count, 'frame')}, by {clip.by}, {started}."
            )
            keep, drop, _ = st.columns([1, 1, 3])
            if keep.button("Keep it", key=f"keep-{clip.recording_id}", width="stretch"):
                _decide(cell, clip, keep=True)
            if drop.button("Drop it", key=f"drop-{clip.recording_id}", width="stretch"):
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


def _show_pairs(pairs: list[Pair]) -> None:
    counts = count_pairs(pairs)
    st.subheader("Pairs recorded")
    if not counts:
        st.caption("None yet. Aim for a few pairs of every task on at least two robots.")
        return
    table = pd.Series(counts).unstack(fill_value=0).sort_index()
    table.index.name = "Task"
    st.dataframe(table, width="content")
    link("detector", "Train a detector on these pairs")
