"""The orders of the Label page that follow what detectors said, and what they need for it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import access, jobs, state
from app.pages import nothing_yet
from app.policies import list_policy_cards
from app.policy_watch import remembered_scores
from app.queue_orders import (
    Judged,
    OrderName,
    claimed_successes,
    disagreement,
    judged_episodes,
    least_sure,
)
from app.widgets.notice import errors_shown
from app.widgets.run_progress import show_run
from app.wording import counted
from data.catalog.label_queue import QueueFilter, Ranking
from sd_model.artefact import DetectorSummary, list_detectors
from sd_model.judging.score_run import NEWEST

RANKED = ("least sure", "claimed successes", "detectors disagree")


def ranked(order: OrderName, wanted: QueueFilter) -> tuple[QueueFilter, Ranking] | None:
    """What to ask, and by which ranks; None where that cannot be known yet, which is then told."""
    detectors = list_detectors(state.workspace())[: 2 if order == "detectors disagree" else 1]
    if not detectors:
        nothing_yet(
            "**There is no detector yet**, so nothing can be ordered by what it says.",
            page="detector",
            label="Train a detector",
        )
        return None
    if order == "claimed successes":
        behaviour = _newest_policy()
        if behaviour is None:
            nothing_yet(
                "**No policy has acted yet**, so it has claimed nothing.",
                page="policy",
                label="Collect episodes with a policy",
            )
            return None
        wanted = replace(wanted, behaviours=frozenset({behaviour}))
    if order == "detectors disagree" and len(detectors) < 2:
        nothing_yet(
            "**There is only one detector so far.** Train another to see where they disagree.",
            page="detector",
            label="Train a detector",
        )
        return None
    judged = [_judged(detector) for detector in detectors]
    _offer_scoring(detectors, judged)
    if order == "least sure":
        return wanted, least_sure(judged[0])
    if order == "claimed successes":
        return wanted, claimed_successes(judged[0])
    return wanted, disagreement(*judged)


def _newest_policy() -> str | None:
    """What episodes of the newest policy that acted call their behaviour."""
    acted = {row.behaviour for row in state.census().rows}
    names = (f"policy:{card.policy_id}" for card in list_policy_cards(state.workspace()))
    return next((name for name in names if name in acted), None)


def _judged(detector: DetectorSummary) -> Judged:
    path = remembered_scores(state.workspace(), detector).path
    stat = path.stat() if path.exists() else None
    return _read(detector.detector_id, stat.st_mtime_ns if stat else 0, detector)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(detector_id: str, changed_ns: int, _detector: DetectorSummary) -> Judged:
    return judged_episodes(state.workspace(), _detector)


def _offer_scoring(detectors: list[DetectorSummary], judged: list[Judged]) -> None:
    """Say how many pictures the detectors have judged, and let them judge the others."""
    runs = jobs.runs_to_show(state.workspace(), "score-episodes")
    for run in runs:
        show_run(run)
    there = min(state.census().robot_episodes, NEWEST)
    for detector, said in zip(detectors, judged, strict=True):
        missing = there - len(said.episode_ids)
        if missing <= 0 or any(
            run.spec["detector"] == detector.detector_id and run in jobs.active_runs(run.workspace)
            for run in runs
        ):
            continue
        told, button = st.columns([3, 1], vertical_alignment="center")
        told.caption(
            f"The detector {detector.detector_id[-4:]} has judged "
            f"{counted(len(said.episode_ids), 'picture')}; about {missing} more wait for it, and "
            "only judged ones are asked here."
        )
        with button:
            pressed = access.button(
                "Let it judge them",
                role="label",
                key=f"score-{detector.detector_id}",
                icon=":material/visibility:",
                help="In the background, the newest pictures first.",
            )
        if pressed:
            with errors_shown():
                spec = {"detector": detector.detector_id, "most": NEWEST}
                jobs.start(state.workspace(), "score-episodes", spec)
                st.rerun()
