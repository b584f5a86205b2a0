"""One step of the paired protocol on the Record page: what to show now, and the big button."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import streamlit as st

from app import state
from app.images import FRAMES
from app.pairing import Pair
from app.scene_check import check_new_pair, check_same_scene
from app.service import HUB
from app.task_form import most_like
from app.widgets.notice import errors_shown
from app.widgets.scene_panel import scene_panel
from app.wording import counted
from data.cells.arrangement import Arrangement
from data.cells.client import CellClient
from data.cells.messages import CellStatus, RecordingStatus
from data.episodes.episodes import EpisodeInfo, new_episode_id
from data.episodes.index import find_episode
from data.episodes.shards import FrameRef
from data.recording.clips import discard_clip
from data.recording.sealing import RecordingSummary
from data.tasks.tasks import SEED_TASKS, Outcome, Task

_SAVED = "record-saved"
"""Session state: a list of the clip that was recorded last, for keeping or redoing, or empty.

A list, because a page may be interrupted at any use of the session state: what the host answered
is put into a list that was fetched before."""
_LEFT = "record-left-pair"
"""Session state: the half pair that was given up because the scene has changed."""
COMPARE_S = 3.0
"""How often the cameras' pictures are compared with the last clip [s]."""
_SHOWN = "record-shown"
"""Session state: what the simulated person was last asked to show."""
_LOOKS_LIKE = "record-stands-for-"
"""Session state, by task: which task's outcomes the simulated person shows for it.

Not the choice's own key: that is forgotten while a recording hides the choice."""


def open_pair(pair: Pair | None) -> Pair | None:
    """`pair`, unless the person has said that its scene is gone."""
    if pair is not None and pair.pair_id == st.session_state.get(_LEFT):
        return None
    return pair


def next_outcome(pair: Pair | None) -> Outcome:
    """What the next clip has to show."""
    return "success" if pair is None or pair.missing is None else pair.missing


def show(
    cell: CellClient,
    status: CellStatus,
    task: Task,
    pair: Pair | None,
    clips: Sequence[EpisodeInfo],
    *,
    by: str,
    ask: Callable[[str], None],
) -> None:
    """Show the step that comes next, or the recording under way.

    Args:
        ask: Called with `start` or `stop` when a button asks for it, before the page runs.
    """
    if status.recording is not None:
        _show_recording(cell, status.recording, ask)
        return
    _show_saved(cell, status, pair, by=by)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True):
        _show_step(status, task, pair, ask)
        _show_checklist(status.robot, pair, clips)
    with right, st.container(border=True):
        if status.kind == "simulated":
            _simulated_person(cell, task, next_outcome(pair))
        else:
            _advice(next_outcome(pair))


def _show_step(
    status: CellStatus, task: Task, pair: Pair | None, ask: Callable[[str], None]
) -> None:
    outcome = next_outcome(pair)
    step = "1" if outcome == "success" else "2"
    st.markdown(f"##### Step {step} of 2: show {outcome} of {task.name}")
    if outcome == "success":
        st.markdown(task.description)
    else:
        st.markdown(
            f"The **same scene**, but not this: {task.description[:1].lower()}"
            f"{task.description[1:]} Near misses teach the most: almost there, and yet not."
        )
    st.caption("Every picture of the clip must show it: set it up first, then press Space.")
    with st.container(horizontal=True):
        st.button(
            "Start without countdown",
            icon=":material/radio_button_checked:",
            key="record-start",
            disabled=bool(status.camera_errors),
            on_click=ask,
            args=("start",),
        )
        if pair is not None and st.button(
            "The scene has changed: begin a new pair", type="tertiary", key="record-new-pair"
        ):
            st.session_state[_LEFT] = pair.pair_id
            st.rerun()


def _show_checklist(robot: str, pair: Pair | None, clips: Sequence[EpisodeInfo]) -> None:
    """Compare what the cameras see with the robot's last clip; asks nothing, forbids nothing."""
    last = next((info for info in clips if info.robot == robot), None)
    if last is None:
        return
    reference = FrameRef(
        find_episode(state.catalog(), last.episode_id).shard, last.episode_id, last.step_count // 2
    )
    _compare_with(reference, robot=robot, same_scene=pair is not None)


@st.fragment(run_every=COMPARE_S)
def _compare_with(reference: FrameRef, *, robot: str, same_scene: bool) -> None:
    view = HUB.view(robot)
    if view is None or view.frames is None:
        return
    with errors_shown():
        [before] = FRAMES.read(state.workspace(), [reference])
        check = check_same_scene if same_scene else check_new_pair
        for line in check(before.decode().images, view.frames.decode().images):
            icon = ":material/check_circle:" if line.fine else ":material/warning:"
            st.markdown(f"{icon} {line.text}")


def start(cell: CellClient, status: CellStatus, task: Task, pair: Pair | None, by: str) -> None:
    """Begin the clip that the step asks for; a simulated person shows it first."""
    outcome = next_outcome(pair)
    wanted = (status.robot, task.name, outcome)
    if status.kind == "simulated" and st.session_state.get(_SHOWN) != wanted:
        _demonstrate(cell, task, outcome)
    cell.start_recording(
        task=task.name,
        outcome=outcome,
        pair_id=_new_pair_id() if pair is None else pair.pair_id,
        by=by,
    )
    _saved().clear()
    st.session_state.pop(_SHOWN, None)


def stop(cell: CellClient, recording: RecordingStatus) -> None:
    """End the recording and keep it."""
    saved = _saved()
    saved[:] = [(cell.stop_recording(), recording.outcome)]


def _saved() -> list[tuple[RecordingSummary, str]]:
    saved: list[tuple[RecordingSummary, str]] = st.session_state.setdefault(_SAVED, [])
    return saved


def forget_saved() -> None:
    """What was recorded last is kept; nobody asks about it any more."""
    _saved().clear()


def scene_is_used(pair: Pair | None) -> bool:
    """Whether the pair that this scene was for has just been completed."""
    saved = _saved()
    return bool(saved) and pair is None and saved[0][1] == "failure"


def _new_pair_id() -> str:
    return f"pair-{new_episode_id(time.time_ns())}"


def _show_recording(
    cell: CellClient, recording: RecordingStatus, ask: Callable[[str], None]
) -> None:
    with st.container(border=True):
        st.markdown(
            f"##### Recording {recording.outcome} of {recording.task}  \n"
            f"Started by {recording.by}. It goes on if you close this page."
        )
        with st.container(horizontal=True):
            st.button(
                "Stop and keep",
                icon=":material/stop_circle:",
                key="record-stop",
                on_click=ask,
                args=("stop",),
            )
            if st.button("Discard", key="record-discard"):
                with errors_shown():
                    cell.discard_recording()
                    st.rerun()


def _show_saved(cell: CellClient, status: CellStatus, pair: Pair | None, *, by: str) -> None:
    saved = _saved()
    if not saved:
        return
    summary, outcome = saved[0]
    complete = scene_is_used(pair)
    with st.container(border=True):
        st.markdown(f":material/check_circle: **Saved {outcome}:** {_in_words(summary)}")
        if complete:
            st.markdown(
                "The pair is complete. **Now change the scene:** lighting, objects, background."
            )
        buttons = st.container(horizontal=True)
        if complete and status.kind == "simulated":
            if buttons.button(
                "Keep, and change the scene",
                type="primary",
                key="record-keep-new-scene",
                help="The simulated cell gets another light, other objects and another background.",
            ):
                with errors_shown():
                    _change_scene(cell)
                    saved.clear()
                    st.rerun()
        elif buttons.button("Keep", type="primary", key="record-keep"):
            saved.clear()
            st.rerun()
        if buttons.button(
            "Redo",
            key="record-redo",
            help="This clip is not used; record it again.",
        ):
            with errors_shown():
                clip = find_episode(state.catalog(), summary.episode_id).info
                discard_clip(state.catalog(), clip, by=by, at_ns=time.time_ns())
                saved.clear()
                st.rerun()


def _in_words(summary: RecordingSummary) -> str:
    missed = "none missed" if summary.dropped_frames == 0 else f"{summary.dropped_frames} missed"
    return (
        f"{counted(summary.frame_count, 'frame')}, one every "
        f"{summary.median_interval_ms:.0f} ms, {missed}."
    )


def _advice(outcome: Outcome) -> None:
    st.markdown("##### Good clips")
    if outcome == "success":
        st.markdown(
            "Between pairs, **change the scene**: lighting, objects, background. "
            "Hands may come into the picture."
        )
    else:
        st.markdown(
            "Show **near misses**: the right object beside its place, the wrong object in it, the "
            "gripper not yet closed."
        )


def _simulated_person(cell: CellClient, task: Task, outcome: Outcome) -> None:
    st.markdown("##### The simulated person")
    st.caption(
        "Stands in for you: when a recording starts, it shows what the step asks for. With these "
        "buttons it shows it now, or something else."
    )
    if task.name not in SEED_TASKS:
        st.session_state[_LOOKS_LIKE + task.name] = st.selectbox(
            f"What {task.name} looks like",
            SEED_TASKS.names,
            index=SEED_TASKS.names.index(_shown_task(task)),
            key=f"record-looks-like-{task.name}",
            help="It knows the tasks that came with Goalpost, not yours. Choose the one whose "
            "success and failure look like success and failure of your task.",
        )
    arranged: Arrangement | None = None
    with errors_shown():
        buttons = st.container(horizontal=True)
        if buttons.button("Show success", key="show-success"):
            _demonstrate(cell, task, "success")
        if buttons.button("Show failure", key="show-failure"):
            _demonstrate(cell, task, "failure")
        if buttons.button("Show near miss", key="show-near-miss"):
            _demonstrate(cell, task, "failure", near_miss=True)
        if buttons.button("New scene", key="show-new-scene"):
            _change_scene(cell)
        with st.popover("Arrange the scene by hand", icon=":material/tune:", width="stretch"):
            arranged = scene_panel(cell)
    if arranged is not None:
        _say_what_it_shows(arranged, cell, task, outcome)


def _say_what_it_shows(
    arranged: Arrangement, cell: CellClient, task: Task, outcome: Outcome
) -> None:
    """Let the step record what was arranged, where that is what the step asks for."""
    shown: Outcome = "success" if arranged.truth[_shown_task(task)] else "failure"
    if shown == outcome:
        st.session_state[_SHOWN] = (cell.status().robot, task.name, outcome)
        st.success(f"The scene shows {outcome} of {task.name}, as this step asks.")
    else:
        st.session_state.pop(_SHOWN, None)
        st.warning(
            f"This scene shows {shown} of {task.name}, and the step asks for {outcome}. "
            "What to do: choose another scene; a recording that starts now lets the simulated "
            f"person show {outcome} first.",
            icon=":material/warning:",
        )


def _shown_task(task: Task) -> str:
    """The task whose outcomes the simulated person shows for `task`: itself, where it knows it."""
    if task.name in SEED_TASKS:
        return task.name
    chosen = st.session_state.get(_LOOKS_LIKE + task.name)
    return str(chosen or most_like(SEED_TASKS, task) or SEED_TASKS.names[0])


def _change_scene(cell: CellClient) -> None:
    cell.new_scene(_seed())
    st.session_state.pop(_SHOWN, None)


def _demonstrate(
    cell: CellClient, task: Task, outcome: Outcome, *, near_miss: bool = False
) -> None:
    cell.demonstrate(_shown_task(task), outcome, near_miss, _seed())
    st.session_state[_SHOWN] = (cell.status().robot, task.name, outcome)


def _seed() -> int:
    return secrets.randbelow(2**31)
