"""Figures that the planning pages share, worked out from the workspace as it is now."""

from __future__ import annotations

from collections import defaultdict

import streamlit as st

from app import state
from app.next_step import Facts
from app.pairing import kept_clips
from app.policies import list_policy_cards
from app.readiness import LabelCounts, count_labels
from sd_model.artefact import list_detectors


def label_counts() -> LabelCounts:
    """The standing labels and what follows from them, by task and robot."""
    return _counted(
        str(state.workspace().root),
        (*state.stamp(), hash(tuple(state.tasks()))),
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _counted(root: str, snapshot: tuple[int, ...]) -> LabelCounts:
    robot_of = {episode.info.episode_id: episode.info.robot for episode in state.episodes()}
    return count_labels(state.labels(), robot_of, state.tasks())


def facts() -> Facts:
    """What the next step depends on."""
    episodes = {each.info.episode_id: each.info for each in state.episodes()}
    labels = state.labels()
    clips: dict[str, set[str]] = defaultdict(set)
    clip_robots: dict[str, set[str]] = defaultdict(set)
    kept = kept_clips(episodes.values(), labels)
    for info in kept:
        if info.task and info.outcome:
            clips[info.task].add(info.outcome)
            clip_robots[info.robot].add(info.outcome)
    robot_episodes = {name for name, info in episodes.items() if info.kind == "robot"}
    detectors = list_detectors(state.workspace())
    policies = list_policy_cards(state.workspace())
    newest = detectors[0] if detectors else None
    return Facts(
        tasks=len(state.tasks().in_use),
        clips=len(kept),
        labels=len(labels),
        paired_tasks=sum(len(outcomes) == 2 for outcomes in clips.values()),
        paired_robots=sum(len(outcomes) == 2 for outcomes in clip_robots.values()),
        robot_episodes=len(robot_episodes),
        labelled_terminal_frames=len(
            {each.episode_id for each in labels if each.outcome != "unsure"} & robot_episodes
        ),
        detectors=len(detectors),
        labels_since_detector=sum(each.at_ns > newest.created_at_ns for each in labels)
        if newest
        else 0,
        reviewed_labels=sum(each.source == "review" for each in labels),
        policies=len(policies),
        policy_detector_is_newest=not policies
        or newest is None
        or policies[0].detector == newest.detector_id,
    )
