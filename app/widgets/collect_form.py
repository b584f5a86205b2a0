"""The form that lets robots collect more episodes."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from app import access, jobs, state
from app.forecast import collecting_time
from app.policies import PolicyCard
from app.widgets.notice import errors_shown, tell_missing_simulator
from app.widgets.run_progress import warn_if_busy
from app.wording import counted, listed
from data.runs.runs import list_runs
from data.tasks.tasks import TaskSet

_BEHAVIOUR_WORDS = {
    "scripted-pick": "scripted-pick: reaches down at random places and lifts",
    "scripted-place": "scripted-place: carries what it holds to the plate and lets go",
    "noisy": "noisy: a scripted behaviour with random actions mixed in",
    "policy": "policy: a trained policy acts",
}
_SKILL_OF = {"scripted-pick": "lift", "scripted-place": "place"}


def show_collect_form(cards: list[PolicyCard]) -> None:
    """Choose who acts, where and how often; start the run."""
    st.write(
        "Robots try tasks by themselves. Every episode is kept, failures too: a policy learns from "
        "both. Label how some of them ended, so that the detector learns what robots do."
    )
    tell_missing_simulator()
    tasks = state.tasks()
    shown = Counter[str]()
    for (_, task, _), clips in state.census().clips.items():
        shown[task] += clips
    behaviours = [name for name in _BEHAVIOUR_WORDS if name != "policy" or cards]
    behaviour: str = st.selectbox(
        "Who acts",
        behaviours,
        index=behaviours.index(_who_can(shown, tasks)),
        format_func=lambda name: _BEHAVIOUR_WORDS[name],
        key="collect-behaviour",
        help="Scripted behaviours succeed now and then without having learned anything; that is "
        "how learning begins.",
    )
    policy = None
    names = tuple(state.tasks_to_choose())
    if behaviour == "policy":
        by_id = {card.policy_id: card for card in cards}
        policy = st.selectbox(
            "Policy",
            list(by_id),
            format_func=lambda name: by_id[name].words,
            key="collect-policy",
            help="The newest comes first.",
        )
        names = tuple(name for name in names if name in by_id[policy].tasks)
    elif behaviour in _SKILL_OF:
        names = tuple(n for n in names if tasks[n].skill == _SKILL_OF[behaviour]) or names
    chosen = st.multiselect(
        "Tasks to try",
        names,
        default=[name for name in names if name in shown] or list(names[:1]),
        key=f"collect-tasks-{behaviour}-{policy}",
        help="Episodes are shared out evenly among them. What people have recorded is proposed.",
    )
    elsewhere = [name for name in tasks.in_use if name in shown and name not in names]
    if elsewhere:
        st.caption(
            f"Recorded too, but not for who acts now: {listed(elsewhere, limit=4)}. Change who "
            "acts to let robots try it."
        )
    simulated = state.acting_robots()
    robots = st.multiselect(
        "Robots",
        simulated,
        default=simulated[:3],
        key="collect-robots",
        help="Simulated robots only: Goalpost does not move the arm of a hardware cell.",
    )
    count = st.number_input(
        "Episodes for each robot",
        min_value=1,
        max_value=100_000,
        value=20,
        key="collect-episodes",
        help="The first ones are enough to label; a policy needs some thousand.",
    )
    total = int(count) * len(robots)
    if total:
        takes = collecting_time(list_runs(state.workspace()), total)
        st.markdown(f"**It takes** {takes}. **It brings** {counted(total, 'episode')} to label.")
    warn_if_busy()
    if access.button(
        "Collect episodes",
        type="primary",
        key="collect",
        help="Starts a run in the background. You can leave this page or close the browser.",
    ):
        with errors_shown():
            jobs.start(
                state.workspace(),
                "collect",
                {
                    "robots": robots,
                    "behaviour": behaviour,
                    "policy": policy,
                    "tasks": chosen,
                    "episodes_per_robot": int(count),
                    "seed": jobs.next_seed(state.workspace(), "collect"),
                },
            )
            st.rerun()


def _who_can(shown: Counter[str], tasks: TaskSet) -> str:
    """The behaviour for the skill that people have recorded most of."""
    clips = Counter[str]()
    for name in tasks.in_use:
        clips[tasks[name].skill] += shown[name]
    [(skill, most)] = clips.most_common(1) or [("", 0)]
    known = {skill: behaviour for behaviour, skill in _SKILL_OF.items()}
    return known.get(skill, "noisy") if most else next(iter(_BEHAVIOUR_WORDS))
