"""The form that retrains a policy from a detector's rewards."""

from __future__ import annotations

import streamlit as st

from app import access, jobs, state
from app.forecast import policy_time
from app.pages import link, nothing_yet
from app.policies import PolicyCard
from app.verdict import detector_words, reward_warnings
from app.widgets.notice import (
    errors_shown,
    show_error,
    show_left_out,
    tell_missing_simulator,
)
from app.widgets.run_progress import warn_if_busy
from app.wording import counted
from data.errors import CorruptData
from data.runs.runs import list_runs
from policy.config import RECIPES
from sd_model.artefact import DetectorSummary, damaged_detectors, list_detectors
from sd_model.judging.report_files import load_report

_STRATEGY_WORDS = {
    "skill": "skill: an episode also teaches the other tasks of its skill. The paper found this "
    "best.",
    "all": "all: an episode teaches every task, of other skills too. Many of them only failures.",
    "orig": "orig: an episode teaches only the task it was collected for.",
}
_RECIPE_WORDS = {
    "smoke": "smoke: seconds to a minute, shows only that everything runs",
    "cpu": "cpu: a small network for an ordinary computer",
    "paper": "paper: the sizes of the papers, for a computer with a graphics card",
}
_FROM_NOTHING = "Nothing: start anew"
_UPDATES = {"smoke": 100, "cpu": 6000, "paper": 100_000}
_COLLECTED = 4000


def show_retrain_form(cards: list[PolicyCard], episodes: int) -> None:
    """Choose what to learn from which rewards; start the run."""
    show_left_out(damaged_detectors(state.workspace()))
    detectors = {each.detector_id: each for each in list_detectors(state.workspace())}
    if not detectors:
        nothing_yet(
            "**There is no detector yet.** Somebody has to say which episodes succeeded: train a "
            "detector first.",
            page="detector",
            label="Train a detector",
        )
        return
    st.write(f"The policy can learn from {counted(episodes, 'robot episode')}.")
    detector = st.selectbox(
        "Detector that rewards the episodes",
        list(detectors),
        format_func=lambda name: detector_words(detectors[name]),
        key="retrain-detector",
        help="The newest comes first.",
    )
    names = detectors[detector].tasks.names
    tasks = st.multiselect(
        "Tasks the policy shall learn",
        names,
        default=list(names),
        key=f"retrain-tasks-{detector}",
        help="Only tasks that the detector judges can be learned.",
    )
    _show_warnings(detectors[detector], tasks)
    strategy = st.radio(
        "Which tasks an episode teaches",
        list(_STRATEGY_WORDS),
        format_func=lambda name: _STRATEGY_WORDS[name],
        key="retrain-strategy",
        help="Impersonation: an episode that lifted a carrot while trying for a banana is a "
        "success of lift-carrot.",
    )
    policies = {card.policy_id: card for card in cards}
    start_from = st.selectbox(
        "Start from",
        [_FROM_NOTHING, *policies],
        format_func=lambda name: policies[name].words if name in policies else name,
        key="retrain-from",
        help="Going on from a policy is faster; it must have been trained with the same recipe.",
    )
    recipe = st.selectbox(
        "Recipe",
        RECIPES,
        index=RECIPES.index("cpu"),
        format_func=lambda name: _RECIPE_WORDS.get(name, name),
        key="retrain-recipe",
        help="How large the network is.",
    )
    updates = st.number_input(
        "Budget: updates of the network",
        min_value=1,
        max_value=10_000_000,
        value=_UPDATES.get(recipe, 2000),
        key=f"retrain-updates-{recipe}",
        help="More updates learn more and take longer.",
    )
    collecting = _collecting(recipe)
    with st.expander("Evaluation and advanced settings"):
        advanced = _advanced(strategy)
    tried = advanced["evaluation_episodes"] if advanced["robots"] else 0
    st.markdown(
        f"**It takes** {policy_time(list_runs(state.workspace()), recipe, int(updates))}. **It "
        f"brings** a policy for {counted(len(tasks), 'task')}"
        + (f", and how often it succeeds in {tried} attempts a task." if tried else ".")
    )
    warn_if_busy()
    if access.button(
        "Retrain the policy",
        type="primary",
        key="retrain",
        help="Starts a run in the background. You can leave this page or close the browser.",
    ):
        with errors_shown():
            jobs.start(
                state.workspace(),
                "train-policy",
                {
                    "recipe": recipe,
                    "overrides": {},
                    "detector": detector,
                    "tasks": tasks,
                    "strategy": strategy,
                    "updates": int(updates),
                    "from_policy": None if start_from == _FROM_NOTHING else start_from,
                    **advanced,
                    **_collection(*collecting),
                },
            )
            st.rerun()


def _collecting(recipe: str) -> tuple[list[str], int]:
    """Which robots collect while the policy trains, and how many episodes."""
    simulated = state.acting_robots()
    robots = st.multiselect(
        "Robots that collect meanwhile",
        simulated,
        default=[] if recipe == "smoke" else simulated[:-1],
        key=f"retrain-collect-{recipe}",
        help="Scripts act first, then the policy as it learns. Leave out the robots that evaluate "
        "it: they then teach it nothing. Without any, the policy learns from the log alone.",
    )
    count = st.number_input(
        "Episodes they collect at most",
        min_value=1,
        max_value=10_000_000,
        value=_COLLECTED,
        key="retrain-episodes",
        disabled=not robots,
    )
    return robots, int(count)


def _collection(robots: list[str], count: int) -> dict[str, object]:
    """The run counts what these robots have collected before, too."""
    census = state.census()
    there = sum(census.of_robot(robot, "robot") for robot in robots)
    return {
        "collect_robots": robots,
        "episodes": there + count if robots else 0,
        "processes": 0,
    }


def _advanced(strategy: str) -> dict[str, object]:
    simulated = state.acting_robots()
    tell_missing_simulator()
    robots = st.multiselect(
        "Robots that evaluate it",
        simulated,
        default=simulated[-1:],
        key="retrain-robots",
        help="Simulated robots: the simulator knows the truth.",
    )
    count = st.number_input(
        "Evaluation episodes for each task on each robot",
        min_value=0,
        max_value=10_000,
        value=10 if simulated else 0,
        key="retrain-evaluation",
        help="0 trains without evaluating.",
    )
    shares = {"success_share": 1.0, "failure_share": 1.0}
    if strategy != "orig":
        for name, letter, words in (
            ("success_share", "s", "succeeded"),
            ("failure_share", "f", "failed"),
        ):
            shares[name] = st.slider(
                f"Share kept of episodes that {words} at another task (p{letter})",
                0.0,
                1.0,
                1.0,
                0.05,
                key=f"retrain-{name}",
                help="1 keeps all of them, which the paper found best with the strategy skill.",
            )
    seed = st.number_input(
        "Seed",
        min_value=0,
        value=0,
        key="retrain-seed",
        help="The same data, settings and seed give the same policy.",
    )
    return {
        **shares,
        "robots": robots,
        "evaluation_episodes": int(count),
        "compare_script": True,
        "seed": int(seed),
    }


def _show_warnings(detector: DetectorSummary, tasks: list[str]) -> None:
    try:
        warnings = reward_warnings(load_report(detector.folder), tasks)
    except CorruptData as error:
        show_error(error)
        return
    if warnings:
        st.warning(
            "**False successes would teach the policy to fail.**\n"
            + "\n".join(f"- {text}" for text in warnings),
            icon=":material/warning:",
        )
        with st.container(horizontal=True):
            link("review", "Review the detector's mistakes")
            link("detector", "Train the detector again")
