"""The Robots page: the fleet, its hosts, and the cameras of hardware cells."""

from __future__ import annotations

import streamlit as st

from app import access, state
from app.camera_check import check_cameras
from app.pages import link, nothing_yet
from app.verdict import robot_figures
from app.views import robot_pointing
from app.views.robot_live import show_live
from app.widgets.notice import errors_shown, show_error, tell_missing_simulator
from app.widgets.preview import CAMERA_TITLES
from app.wording import counted
from data.cells.client import running_hosts, start_host, stop_host
from data.cells.robots import Robot, register_robot, with_sources
from data.episodes.frames import CAMERAS
from data.errors import GoalpostError, InvalidInput
from sd_model.artefact import list_detectors
from sd_model.judging.report_files import load_report

_NEW = "A new robot …"
_SOURCE_WORDS = (
    "Where each camera is found: a number (0 is the first camera of this computer), a device path "
    "such as /dev/v4l/by-id/usb-… (stays with the same camera after a replug), an address that "
    "starts with rtsp:// or http://, or a video file."
)
_EXAMPLES = ("0", "/dev/v4l/by-id/usb-…", "rtsp://192.168.0.20/stream")
_KIND_WORDS = {"simulated": "simulated", "hardware": "real cameras", "imported": "imported"}


def render() -> None:
    """Show the page."""
    st.title("Robots")
    st.write(
        "Every robot stands in a cell with three cameras. A cell's host is the process that reads "
        "them, so recording goes on even when this page is closed."
    )
    fleet, cameras, gripper = st.tabs(
        ["Fleet", "Add or change a robot with real cameras", "Show where the gripper is"],
        key="robots-tab",
        on_change="rerun",
    )
    robots = state.robots()
    if fleet.open:
        with fleet:
            tell_missing_simulator()
            running = running_hosts(state.workspace())
            here = state.robots_with_cameras()
            for robot in robots.values():
                _show_robot(robot, here=robot.name in here, running=robot.name in running)
            link("record", "Record a pair on one of them")
            _show_figures()
    if cameras.open:
        with cameras:
            _edit_hardware(robots)
    if gripper.open:
        with gripper:
            robot_pointing.show(robots)


def _show_robot(robot: Robot, *, here: bool, running: bool) -> None:
    census = state.census()
    clips, acted = census.of_robot(robot.name, "clip"), census.of_robot(robot.name, "robot")
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{robot.name}**", width="stretch")
            st.caption(
                f"{_KIND_WORDS[robot.kind]} · {counted(clips, 'clip')} · "
                f"{counted(acted, 'robot episode')}"
            )
            if not here:
                st.badge("Not here", icon=":material/cloud_download:", color="gray")
                return
            if running:
                st.badge("Host running", icon=":material/power:", color="green")
            else:
                st.badge("Host stopped", icon=":material/power_off:", color="gray")
            watched = st.toggle(
                "Live",
                key=f"live-{robot.name}",
                disabled=not running,
                help="Shows what the three cameras see now."
                if running
                else "Start the host first.",
            )
            if running:
                access.button(
                    "Stop host",
                    key=f"stop-{robot.name}",
                    on_click=_stop,
                    args=(robot.name,),
                    help="Lets go of the cameras. A recording under way ends, and the Record page "
                    "offers what it has.",
                )
            else:
                access.button(
                    "Start host",
                    key=f"start-{robot.name}",
                    on_click=_start,
                    args=(robot.name,),
                    help="Opens the cameras, so that pictures can be taken and clips recorded.",
                )
        if error := st.session_state.pop(f"host-error-{robot.name}", None):
            show_error(error)
        if running and watched:
            show_live(robot)


def _show_figures() -> None:
    """How the newest detector does on each robot that judges it."""
    st.subheader("How far the newest detector can be trusted")
    detectors = list_detectors(state.workspace())
    if not detectors:
        nothing_yet(
            "No detector has been trained yet, so there are no figures by robot.",
            page="detector",
            label="Train a detector",
        )
        return
    with errors_shown():
        st.table(
            robot_figures(load_report(detectors[0].folder)),
            hide_index=True,
            border="horizontal",
            alt="Errors of the newest detector by robot",
        )
        link("detector", "Open the report")


def _start(robot: str) -> None:
    try:
        start_host(state.workspace(), robot)
    except GoalpostError as error:
        st.session_state[f"host-error-{robot}"] = error


def _stop(robot: str) -> None:
    try:
        stop_host(state.workspace(), robot)
    except GoalpostError as error:
        st.session_state[f"host-error-{robot}"] = error


def _edit_hardware(robots: dict[str, Robot]) -> None:
    if name := st.session_state.pop("robot-saved", None):
        st.success(f"{name} is saved.", icon=":material/check_circle:")
        if name in running_hosts(state.workspace()):
            st.warning("Its host still reads the old sources: stop it under Fleet and start it.")
        with st.container(horizontal=True):
            link("record", f"Record a pair on {name}")
        st.caption(
            "Once clips are recorded: if the robot cannot say where its gripper is, show it under "
            "“Show where the gripper is”."
        )
    hardware = [robot.name for robot in robots.values() if robot.kind != "simulated"]
    chosen = st.selectbox(
        "Robot",
        [_NEW, *hardware],
        key="robot-chosen",
        help="Simulated robots need no cameras; they are listed under Fleet. A robot whose "
        "episodes were imported can be given cameras here.",
    )
    new = chosen == _NEW
    # A number in the keys: after a robot is saved the form begins anew.
    forms = st.session_state.get("robot-forms", 0)
    known = {} if new else robots[chosen].cameras
    name = (
        st.text_input(
            "Name of the robot",
            key=f"robot-name-{forms}",
            placeholder="cell-a",
            help="Lower-case letters and digits, joined by hyphens. It cannot be changed later, "
            "because episodes refer to it.",
        )
        if new
        else chosen
    )
    st.caption(_SOURCE_WORDS)
    sources = {
        camera: st.text_input(
            f"Camera: {CAMERA_TITLES[camera].lower()}",
            value=known.get(camera, ""),
            key=f"source-{chosen}-{camera}-{forms}",
            placeholder=example,
        ).strip()
        for camera, example in zip(CAMERAS, _EXAMPLES, strict=True)
    }
    with st.container(horizontal=True):
        check = access.button(
            "Check cameras",
            icon=":material/photo_camera:",
            key="check-cameras",
            help="Takes one picture from each source and says which of them does not answer.",
        )
        save = access.button(
            "Save robot",
            type="primary",
            key="save-robot",
            help="Keeps the name and the three sources. A camera may still be unplugged.",
        )
    if check:
        _show_check(sources)
    if save:
        with errors_shown():
            _save(name.strip(), sources, robots, new=new)


def _show_check(sources: dict[str, str]) -> None:
    with st.spinner("Asking the three cameras for a picture …"):
        answers = check_cameras(state.workspace(), sources)
    for column, answer in zip(st.columns(len(answers)), answers, strict=True):
        with column:
            st.markdown(f"**{CAMERA_TITLES[answer.camera]}**")
            if answer.error is not None:
                show_error(answer.error)
            elif answer.jpeg is not None:
                st.badge("Works", icon=":material/check_circle:", color="green")
                st.image(answer.jpeg, alt=answer.camera)


def _save(name: str, sources: dict[str, str], robots: dict[str, Robot], *, new: bool) -> None:
    missing = [camera for camera, source in sources.items() if not source]
    if missing:
        raise InvalidInput(
            f"The camera {missing[0].replace('_', ' ')} has no source yet.",
            where=f"robot '{name}'",
            valid=["a camera index, a device path, an RTSP or HTTP address, a video file"],
            next_step="Type where its picture comes from.",
        )
    if new and name in robots:
        raise InvalidInput(
            f"There is a robot '{name}' already.",
            next_step="Choose another name, or choose that robot above to change it.",
        )
    register_robot(state.catalog(), with_sources(robots, name, sources))
    st.session_state["robot-saved"] = name
    st.session_state["robot-forms"] = st.session_state.get("robot-forms", 0) + 1
    st.rerun()
