"""The Policy page: collect episodes, retrain a policy from a detector's rewards, see the result."""

from __future__ import annotations

import streamlit as st

from app import access, jobs, state
from app.pages import nothing_yet
from app.policies import PolicyCard, compared_with, list_policy_cards
from app.widgets.collect_form import show_collect_form
from app.widgets.learning_curve import show_rates, show_training
from app.widgets.notice import errors_shown, show_left_out
from app.widgets.policy_episodes import show_policy_episodes
from app.widgets.policy_result import show_policy_result
from app.widgets.retrain_form import show_retrain_form
from app.widgets.run_progress import show_run, warn_if_busy
from policy.artefact import damaged_policies
from sd_model.artefact import list_detectors

_METRICS = {
    "train-policy": ("loss", "td_error"),
    "collect": (),
    "evaluate-policy": (),
}


def render() -> None:
    """Show the page."""
    st.title("Policy")
    st.write(
        "The policy chooses what the robot does next. It learns from the robots' episodes, each "
        "rewarded by a detector, and one episode teaches several tasks."
    )
    for run in jobs.runs_to_show(state.workspace(), *_METRICS):
        show_run(run, headline_metrics=_METRICS[run.kind])
    cards = list_policy_cards(state.workspace())
    names = ["Collect episodes", "Retrain", f"Results ({len(cards)})"]
    episodes = state.census().robot_episodes
    collect, retrain, results = st.tabs(
        names,
        default=names[2] if cards else names[1] if episodes else names[0],
        # Other tabs once there is a newer policy, so that its result opens by itself.
        key=f"policy-tabs-{cards[0].policy_id if cards else ''}",
        on_change="rerun",
    )
    if collect.open:
        with collect:
            show_collect_form(cards)
    if retrain.open:
        with retrain:
            _retrain(cards, episodes)
    if results.open:
        with results:
            show_left_out(damaged_policies(state.workspace()))
            _results(cards)


def _retrain(cards: list[PolicyCard], episodes: int) -> None:
    if episodes:
        show_retrain_form(cards, episodes)
    else:
        nothing_yet(
            "**No robot has acted yet.** A policy learns from robots' episodes: collect some "
            "under *Collect episodes* first. A detector to reward them is needed too.",
            page="detector",
            label="See whether there is a detector",
        )


def _results(cards: list[PolicyCard]) -> None:
    if not cards:
        st.markdown("No policy has been trained yet. What it can do will appear here.")
        return
    by_id = {card.policy_id: card for card in cards}
    chosen = st.selectbox(
        "Policy",
        list(by_id),
        format_func=lambda name: by_id[name].words,
        # Named after the newest, so that a policy that has just been trained opens by itself.
        key=f"policy-result-{cards[0].policy_id}",
        help="The newest comes first.",
    )
    card = by_id[chosen]
    show_policy_result(card, compared_with(card, cards))
    show_policy_episodes(card)
    show_rates(cards)
    show_training(card)
    _evaluate(card)


def _evaluate(card: PolicyCard) -> None:
    detectors = [each.detector_id for each in list_detectors(state.workspace())]
    simulated = state.acting_robots()
    with st.expander("Evaluate it again", expanded=not card.results):
        robots = st.multiselect(
            "Robots",
            simulated,
            default=simulated[:1],
            key=f"evaluate-robots-{card.policy_id}",
            help="The simulator knows the truth, so the detector's mistakes do not count here.",
        )
        count = st.number_input(
            "Episodes for each task on each robot",
            min_value=1,
            max_value=10_000,
            value=20,
            key=f"evaluate-episodes-{card.policy_id}",
            help="More episodes make the interval narrower: 20 leave about 20 points either way.",
        )
        warn_if_busy()
        if access.button(
            "Evaluate the policy",
            key=f"evaluate-{card.policy_id}",
            help="Starts a run in the background and replaces the evaluation above.",
        ):
            with errors_shown():
                jobs.start(
                    state.workspace(),
                    "evaluate-policy",
                    {
                        "policy": card.policy_id,
                        "tasks": list(card.tasks),
                        "robots": robots,
                        "episodes_per_task": int(count),
                        "detector": card.detector if card.detector in detectors else None,
                        "seed": 0,
                    },
                )
                st.rerun()
