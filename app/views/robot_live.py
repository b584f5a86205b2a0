"""One robot's cameras on the Robots page: live, tested for 20 seconds, and in their places."""

from __future__ import annotations

import secrets

import streamlit as st

from app import access, state
from app.camera_test import TEST_S, Verdict, watch_cell
from app.widgets.notice import errors_shown
from app.widgets.preview import CAMERA_TITLES, preview
from app.wording import listed
from data.cameras.references import keep_reference, load_reference, swapped
from data.cells.client import CellClient
from data.cells.robots import Robot
from data.tasks.tasks import SEED_TASKS


def show_live(robot: Robot) -> None:
    """The live pictures, and what can be checked with them."""
    with errors_shown(), CellClient(state.workspace(), robot.name) as cell:
        status = cell.status()
        preview(
            robot.name,
            recording=None if status.recording is None else status.recording.recording_id,
            broken=status.camera_errors,
        )
        for problem in status.camera_errors.values():
            st.error(problem, icon=":material/videocam_off:")
    with st.container(horizontal=True):
        test = access.button(
            f"Test for {TEST_S:.0f} seconds",
            role="label",
            icon=":material/timer:",
            key=f"test-{robot.name}",
            help="Takes every picture for 20 seconds and says how well the cameras keep their "
            "rate. Nothing is recorded.",
        )
        keep = access.button(
            "Every camera is in its place",
            icon=":material/bookmark:",
            key=f"reference-{robot.name}",
            help="Keeps these three views. After a replug they are compared with what the cameras "
            "show, and swapped cameras are noticed.",
        )
    with errors_shown(), CellClient(state.workspace(), robot.name) as cell:
        if keep:
            keep_reference(state.workspace(), robot.name, cell.latest())
            st.success("The three views are kept.", icon=":material/check_circle:")
        if test:
            _say(_test(cell, robot))
        show_swapped(robot.name, cell)


def show_swapped(robot: str, cell: CellClient) -> None:
    """Ask about cameras that seem to have changed places since their views were kept."""
    reference = load_reference(state.workspace(), robot)
    if reference is None:
        return
    found = swapped(reference, cell.latest().decode().images)
    if found:
        pairs = [
            f"{CAMERA_TITLES[shown]} shows the view of {CAMERA_TITLES[kept].lower()}"
            for shown, kept in found.items()
        ]
        st.warning(
            f"**Were cameras swapped?** Compared with the kept views, {listed(pairs)}.  \n"
            "What to do: swap the plugs or the sources back; if the cameras were moved on purpose, "
            "press *Every camera is in its place* on the Robots page.",
            icon=":material/swap_horiz:",
        )


def _test(cell: CellClient, robot: Robot) -> Verdict:
    if robot.kind == "simulated" and cell.status().recording is None:
        # A scene at rest is not drawn again, so there would be nothing to time.
        cell.demonstrate(SEED_TASKS.names[0], "success", False, secrets.randbelow(2**31))
    bar = st.progress(0.0, text="Watching the cameras …")
    verdict = watch_cell(cell, progress=lambda share: bar.progress(share, "Watching the cameras …"))
    bar.empty()
    return verdict


def _say(verdict: Verdict) -> None:
    text = f"**{verdict.sentences[0]}**  \n" + "  \n".join(verdict.sentences[1:])
    if verdict.good:
        st.success(text, icon=":material/check_circle:")
    else:
        st.warning(text, icon=":material/warning:")
