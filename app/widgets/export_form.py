"""The form that exports: in which form, which episodes, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

import streamlit as st

from app import access, jobs, state
from app.doors.exports import Export, ExportForm
from app.widgets.notice import errors_shown
from app.widgets.run_progress import warn_if_busy
from app.wording import when
from data.episodes.episodes import EpisodeKind
from data.episodes.index import list_episodes
from sd_model.artefact import list_detectors

_FORM_WORDS: Mapping[ExportForm, str] = {
    "lerobot": "Episodes: a LeRobot dataset (version 3.0)",
    "table": "Labels: a CSV or Parquet table",
    "label-studio": "Pictures to label: Label Studio",
    "fiftyone": "Pictures and labels: FiftyOne",
    "rerun": "One episode to look at: Rerun",
}
_ENDINGS: Mapping[ExportForm, str] = {"table": ".csv", "rerun": ".rrd"}
_KIND_WORDS: Mapping[EpisodeKind, str] = {
    "clip": "clips that people recorded",
    "robot": "episodes of robots",
}
_ANY = "any task"
_SUCCESS_WORDS = {"labels": "what people said", "none": "nothing: leave success out"}
_LISTED_EPISODES = 100


def show_export_form() -> None:
    """Ask what is needed; start the run."""
    form: ExportForm = st.selectbox(
        "For which tool?",
        list(_FORM_WORDS),
        format_func=lambda name: _FORM_WORDS[name],
        key="export-form",
    )
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    place = state.workspace().root.parent / "exports" / f"{form}-{day}{_ENDINGS.get(form, '')}"
    path = st.text_input(
        "Where shall it lie?",
        value=str(place),
        key=f"export-path-{form}",
        help="The whole path of a new folder or file, on the computer that runs Goalpost. An "
        "export never writes over anything."
        + (" The ending says the kind of table: .csv or .parquet." if form == "table" else ""),
    ).strip()
    wanted = Export(form=form, path=path)
    if form == "rerun":
        wanted = _ask_episode(wanted)
    elif form != "table":
        wanted = _ask_which(wanted)
    if form == "lerobot":
        wanted = _ask_success(wanted)
    warn_if_busy()
    if access.button(
        "Export",
        type="primary",
        key="export",
        help="Starts a run in the background. What is stopped leaves nothing behind.",
    ):
        with errors_shown():
            jobs.start(state.workspace(), "export", asdict(wanted))
            st.rerun()


def _ask_which(wanted: Export) -> Export:
    names = list(state.tasks().names)
    if wanted.form in ("label-studio", "fiftyone"):
        asked = st.selectbox(
            "Task whose outcome is asked for",
            names,
            key="export-asked",
            help="An export asks one question.",
        )
        wanted = replace(wanted, asked=asked)
    kind: EpisodeKind = st.radio(
        "Which episodes?",
        list(_KIND_WORDS),
        format_func=lambda name: _KIND_WORDS[name],
        key="export-kind",
        horizontal=True,
        help="Clips have no actions, so the two never share an export.",
    )
    robots = st.multiselect(
        "Of which robots?",
        list(state.robots()),
        key="export-robots",
        placeholder="All robots",
    )
    task = st.selectbox(
        "Of which task?",
        [_ANY, *names],
        key="export-task",
        help="The task that a clip shows, or that a robot was told to do.",
    )
    limit = st.number_input(
        "At most how many?",
        min_value=1,
        value=None,
        key="export-limit",
        placeholder="All of them",
        help="The newest are taken.",
    )
    return replace(
        wanted,
        kind=kind,
        robots=tuple(robots),
        task=None if task == _ANY else task,
        limit=limit,
    )


def _ask_success(wanted: Export) -> Export:
    detectors = [each.detector_id for each in list_detectors(state.workspace())]
    success = st.selectbox(
        "Who says what succeeded?",
        [*_SUCCESS_WORDS, *detectors],
        format_func=lambda name: _SUCCESS_WORDS.get(name, f"the detector {name}"),
        key="export-success",
        help="Episodes of which it says nothing are left out and counted.",
    )
    images = st.checkbox(
        "Pictures without any loss instead of videos (takes more room)", key="export-images"
    )
    return replace(wanted, success=success, images=images)


def _ask_episode(wanted: Export) -> Export:
    newest = list_episodes(state.catalog(), limit=_LISTED_EPISODES)[::-1]
    infos = {each.info.episode_id: each.info for each in newest}
    episode = st.selectbox(
        "Episode",
        list(infos),
        format_func=lambda name: " · ".join(
            (infos[name].robot, infos[name].task or "no task", when(infos[name].recorded_at_ns))
        ),
        key="export-episode",
        help=f"The newest {_LISTED_EPISODES}; `goalpost data export rerun` takes any.",
    )
    detectors = [each.detector_id for each in list_detectors(state.workspace())]
    detector = st.selectbox(
        "Show the scores of a detector",
        detectors,
        index=None,
        key="export-detector",
        placeholder="No detector",
    )
    return replace(wanted, episode=episode, detector=detector)
