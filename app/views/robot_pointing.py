"""Pointing at gripper and place on the Robots page, for robots that do not say where they are."""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st

from app import access, state
from app.images import image_urls
from app.pages import link, nothing_yet
from app.person import your_name
from app.pointing import ENOUGH, Question, given, open_questions, pictures
from app.widgets.notice import errors_shown, show_error
from app.widgets.pointing import Positions, pointing
from data.catalog.questions import newest_clips
from data.cells.robots import Robot
from data.errors import GoalpostError
from data.labels.sightings import Mark, Sighting, read_sightings, write_sightings

_AT: Mapping[Mark, str] = {
    "gripper": "the tips of the gripper's fingers",
    "place": "the middle of the place where objects are put down",
}
_AGAIN = "pointing-again"
"""Session state: the question that was asked to be answered again."""
_ASKED = "pointing-asked"
"""Session state, by robot: the questions answered in this session, in their order."""

_ERROR = "pointing-error"
"""Session state: why what was pointed at could not be kept."""


def show(robots: Mapping[str, Robot]) -> None:
    """Ask for the gripper in some thirty pictures of one robot."""
    st.write(
        "A detector looks closely at the gripper and at the place where objects are put down. "
        "Simulated robots say where these are. For a robot with real cameras, show it here: "
        f"some {ENOUGH} pictures. Every detector trained from nothing afterwards uses them."
    )
    counts = state.census()
    names = [name for name in robots if counts.of_robot(name, "clip")]
    if not names:
        nothing_yet("No clip has been recorded yet.", page="record", label="Record a pair")
        return
    names.sort(key=lambda name: robots[name].kind == "simulated")
    name_column, robot_column = st.columns(2)
    with name_column:
        by = your_name()
    robot = robot_column.selectbox("Robot", names, key="pointing-robot")
    if robots[robot].kind == "simulated":
        st.info(f"{robot} is simulated and says where its gripper is: it needs no pointing.")
    if error := st.session_state.pop(_ERROR, None):
        show_error(error)
    with errors_shown():
        _ask(robot, by)


def _ask(robot: str, by: str) -> None:
    access.require("label")
    clips = newest_clips(state.catalog(), of_each_task=ENOUGH, robot=robot)
    refs = pictures(clips)
    sightings = [each for each in read_sightings(state.workspace()) if each.robot == robot]
    waiting = open_questions(refs, sightings)
    done = len(refs) - sum(each.mark == "gripper" for each in waiting)
    st.progress(min(1.0, done / ENOUGH), text=f"Gripper shown in {done} of {ENOUGH} pictures")
    question = st.session_state.get(_AGAIN) or next(iter(waiting), None)
    if question is not None and question.ref not in refs:
        question = next(iter(waiting), None)  # what was to be answered again is another robot's
    if question is None:
        _all_answered(robot, len(refs))
        return
    at = _AT[question.mark]
    st.markdown(f"**Point at {at}** in each of the three views.")

    def pointed(picture: str, positions: Positions) -> None:
        try:
            if picture == _name(question):
                _keep(robot, question, positions, by)
        except GoalpostError as error:  # the crosses stay: one more click sends them again
            st.session_state[_ERROR] = error

    known = given(sightings, question)
    pointing(
        _name(question),
        image_urls(question.ref, now_s=time.time()),
        at=at,
        given={camera: each.position for camera, each in known.items()}
        if question == st.session_state.get(_AGAIN)
        else {},
        on_pointed=pointed,
    )
    _go_back(robot, Question(ref=refs[0], mark="place"))


def _all_answered(robot: str, shown: int) -> None:
    if shown < ENOUGH:
        st.success(f"Every clip of {robot} has been shown: {shown} of {ENOUGH} pictures.")
        link("record", f"Record more pairs on {robot}")
    else:
        st.success(f"That is enough for {robot}. The next detector looks where you pointed.")
    link("detector", "Train a detector")


def _go_back(robot: str, place: Question) -> None:
    answered: list[Question] = st.session_state.get(f"{_ASKED}-{robot}", [])
    with st.container(horizontal=True):
        if st.button("Back", key="pointing-back", disabled=not answered,
                     help="Shows the picture that was answered last again."):  # fmt: skip
            st.session_state[_AGAIN] = answered.pop()
            st.rerun()
        if st.button(
            "The cameras were moved",
            key="pointing-place",
            help="Asks for the place where objects are put down again.",
        ):
            st.session_state[_AGAIN] = place
            st.rerun()


def _keep(robot: str, question: Question, positions: Positions, by: str) -> None:
    now_ns = time.time_ns()
    write_sightings(
        state.catalog(),
        [
            Sighting(
                robot=robot,
                episode_id=question.ref.episode_id,
                frame_index=question.ref.frame_index,
                camera=camera,
                mark=question.mark,
                position=position,
                by=by,
                at_ns=now_ns,
            )
            for camera, position in positions.items()
        ],
    )
    st.session_state.pop(_AGAIN, None)
    st.session_state.setdefault(f"{_ASKED}-{robot}", []).append(question)


def _name(question: Question) -> str:
    ref = question.ref
    return f"{ref.episode_id}|{ref.frame_index}|{question.mark}"
