"""The form that imports: what it is, where it lies, and which of its cameras is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache

import streamlit as st

from app import access, jobs, state
from app.doors.imports import Import, ImportForm, Look, look, sample_images
from app.widgets.notice import errors_shown, show_error
from app.widgets.run_progress import warn_if_busy
from app.wording import counted, listed, plain
from data.episodes.frames import CAMERAS
from data.errors import GoalpostError, InvalidInput

_FORM_WORDS: Mapping[ImportForm, str] = {
    "lerobot": "Episodes: a LeRobot dataset (version 3.0)",
    "rlds": "Episodes: an RLDS or TFDS data set (TFRecord files)",
    "table": "Labels: a CSV or Parquet table",
    "label-studio": "Labels: an export of Label Studio (JSON)",
    "fiftyone": "Labels: an export of FiftyOne (folder)",
}
_NO_TASK = "none of ours"


def show_import_form() -> None:
    """Ask what is needed; start the run."""
    form: ImportForm = st.selectbox(
        "What is it?",
        list(_FORM_WORDS),
        format_func=lambda name: _FORM_WORDS[name],
        key="import-form",
    )
    path = st.text_input(
        "Where does it lie?",
        key="import-path",
        placeholder="/data/their-dataset",
        help="The whole path of the folder or file, on the computer that runs Goalpost. It is only "
        "read.",
    ).strip()
    wanted = Import(form=form, path=path)
    ready = bool(path)
    if path and wanted.brings_episodes:
        try:
            wanted = _ask(wanted, look(state.workspace(), wanted))
        except GoalpostError as error:
            show_error(error)
            ready = False
    warn_if_busy()
    if access.button(
        "Import",
        type="primary",
        key="import",
        disabled=not ready,
        help="Starts a run in the background. Importing the same thing again changes nothing."
        if ready
        else "Say first where it lies.",
    ):
        with errors_shown():
            jobs.start(state.workspace(), "import", asdict(wanted))
            st.rerun()


def _ask(wanted: Import, seen: Look) -> Import:
    """What only a person can say about somebody else's dataset."""
    if seen.own:
        st.info(
            f"Goalpost exported this: {counted(seen.episodes or 0, 'episode')} that come back as "
            "they were, with their labels and tasks.",
            icon=":material/home:",
        )
        return wanted
    found = "" if seen.episodes is None else f"{counted(seen.episodes, 'episode')}, "
    st.markdown(f"It holds {found}cameras {plain(listed(seen.cameras))}.")
    robot = st.text_input(
        "Name of the robot whose episodes these become",
        value=seen.suggested.robot,
        key=f"import-robot-{wanted.path}",
        placeholder="lab-arm",
        help="Lower-case letters and digits, joined by hyphens. Detectors are judged robot by "
        "robot, so give another arm or another room another name.",
    ).strip()
    wanted = replace(wanted, robot=robot, cameras=_ask_cameras(wanted, seen))
    if wanted.form == "rlds":
        return replace(wanted, tasks=_ask_words(wanted, seen), outcome=_ask_outcome(wanted))
    return replace(wanted, tasks=_ask_tasks(wanted, seen))


def _ask_cameras(wanted: Import, seen: Look) -> dict[str, str]:
    samples = _samples(wanted)
    chosen: dict[str, str] = {}
    for column, camera in zip(st.columns(len(CAMERAS)), CAMERAS, strict=True):
        with column:
            before = seen.suggested.cameras.get(camera)
            name = st.selectbox(
                f"Our camera {camera.replace('_', ' ')} is their",
                seen.cameras,
                index=seen.cameras.index(before) if before in seen.cameras else None,
                key=f"import-camera-{camera}-{wanted.path}",
                placeholder="Choose a camera",
                help="One of theirs may stand for several of ours.",
            )
            if name is not None:
                chosen[camera] = name
                if name in samples:
                    st.image(samples[name], alt=f"First image of {name}", width="stretch")
    return chosen


def _ask_tasks(wanted: Import, seen: Look) -> dict[str, str]:
    if not seen.tasks:
        return {}
    tasks = state.tasks()
    chosen: dict[str, str] = {}
    st.markdown("**Which of our tasks do their words mean?**")
    for words in seen.tasks:
        same = [task.name for task in tasks if words in (task.name, task.description)]
        options = [_NO_TASK, *tasks.names]
        before = seen.suggested.tasks.get(words, next(iter(same), _NO_TASK))
        name = st.selectbox(
            f"“{plain(words)}” is",
            options,
            index=options.index(before) if before in options else 0,
            key=f"import-task-{words}-{wanted.path}",
            help="Without a task of ours the episodes come in, and their outcomes do not.",
        )
        if name != _NO_TASK:
            chosen[words] = name
    return chosen


def _ask_words(wanted: Import, seen: Look) -> dict[str, str]:
    """RLDS does not list its tasks, so they are typed."""
    typed = st.text_area(
        "Which of our tasks do their words mean? One a line: their words = our task",
        value="\n".join(f"{words} = {task}" for words, task in seen.suggested.tasks.items()),
        key=f"import-words-{wanted.path}",
        placeholder="pick up the carrot = lift-carrot",
        help="Words that are left out come in without a task; the import says afterwards which "
        "those were.",
    )
    chosen: dict[str, str] = {}
    for line in filter(None, map(str.strip, typed.splitlines())):
        words, equals, name = line.rpartition("=")
        if not equals:
            raise InvalidInput(
                f"The line '{line}' does not say which task of ours it means.",
                valid=["their words = our task"],
            )
        chosen[words.strip()] = name.strip()
    return chosen


def _ask_outcome(wanted: Import) -> str:
    return st.text_input(
        "Name of the feature that says success",
        value=wanted.outcome,
        key=f"import-outcome-{wanted.path}",
        help="A value above 0 means success. Without it the episodes come in unlabelled.",
    ).strip()


def _samples(wanted: Import) -> dict[str, bytes]:
    return _read_samples(wanted.form, wanted.path)


@lru_cache(maxsize=4)
def _read_samples(form: ImportForm, path: str) -> dict[str, bytes]:
    """Read once, not at every click."""
    return sample_images(Import(form=form, path=path))
