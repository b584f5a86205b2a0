"""The Home page: what exists, what is at work, and the one thing to do next."""

from __future__ import annotations

from collections import defaultdict

import streamlit as st

from app import jobs, state
from app.next_step import Facts, LoopStep, checklist, next_step
from app.pages import link, streamlit_page
from app.policies import comparison_sentences, list_policy_cards
from app.policy_watch import NEEDED_PRECISION, watch_policy
from app.verdict import detector_words, holdout_verdict, trust_summary, untrusted_lines
from app.widgets.cut_short import show_cut_short
from app.widgets.review_policy import watched_lines
from app.widgets.run_progress import show_run
from app.widgets.task_list import show_begun_tasks
from app.widgets.tour_strip import offer_tour
from data.catalog.counts import label_figures
from data.errors import CorruptData
from data.tasks.tasks import SEED_TASKS
from sd_model.artefact import DetectorSummary, list_detectors
from sd_model.judging.report import Report
from sd_model.judging.report_files import load_report

_WATCHED_POLICIES = 2
_MARKS = {
    "done": (":material/check_circle:", "green", "Done"),
    "next": (":material/arrow_circle_right:", "blue", "Next"),
    "later": (":material/radio_button_unchecked:", "gray", "Later"),
}


def render() -> None:
    """Show the page."""
    st.title("Goalpost")
    st.write(
        "Teach robots what success looks like: show it to the cameras, let a detector learn to see "
        "it, and let the robots learn from the detector."
    )
    offer_tour()
    show_cut_short()
    known = _facts()
    _show_next(next_step(known))
    for run in jobs.active_runs(state.workspace()):
        show_run(run)
    _show_counts(known)
    show_begun_tasks(_newest_report())
    # Two blocks beside each other, or below each other in a narrow window.
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=470):
            st.subheader("The loop")
            for number, step in enumerate(checklist(known), start=1):
                _show_step(number, step)
        with st.container(width=380):
            st.subheader("How far it is")
            _show_newest_detector(known)
            _show_newest_policy()


def _facts() -> Facts:
    """What the next step depends on."""
    census = state.census()
    shown_tasks: dict[str, set[str]] = defaultdict(set)
    shown_robots: dict[str, set[str]] = defaultdict(set)
    for robot, task, outcome in census.clips:
        shown_tasks[task].add(outcome)
        shown_robots[robot].add(outcome)
    detectors = list_detectors(state.workspace())
    policies = list_policy_cards(state.workspace())
    newest = detectors[0] if detectors else None
    labels = label_figures(state.catalog(), since_ns=newest.created_at_ns if newest else 2**62)
    return Facts(
        tasks=len(state.tasks().in_use),
        own_tasks=sum(name not in SEED_TASKS for name in state.tasks().in_use),
        clips=census.clips.total(),
        labels=labels.standing,
        paired_tasks=sum(len(outcomes) == 2 for outcomes in shown_tasks.values()),
        paired_robots=sum(len(outcomes) == 2 for outcomes in shown_robots.values()),
        robot_episodes=census.robot_episodes,
        labelled_terminal_frames=labels.labelled_episodes,
        detectors=len(detectors),
        labels_since_detector=labels.since,
        reviewed_labels=labels.reviewed,
        policies=len(policies),
        policy_detector_is_newest=not policies
        or newest is None
        or policies[0].detector == newest.detector_id,
    )


def _show_next(step: LoopStep) -> None:
    with st.container(border=True):
        st.markdown(f"**Next: {step.title}**  \n{step.text}")
        if st.button(
            step.action,
            type="primary",
            key="next-step",
            icon=":material/arrow_forward:",
            help=f"Opens the {step.page.capitalize()} page.",
        ):
            st.switch_page(streamlit_page(step.page), query_params=step.query)


def _show_step(number: int, step: LoopStep) -> None:
    icon, color, words = _MARKS[step.state]
    text, way = st.columns([3, 2], vertical_alignment="center", wrap=False)
    text.markdown(
        f":{color}[{icon}] **{number}. {step.title}** :{color}-badge[{words}]  \n{step.text}"
    )
    with way:
        link(step.page, step.action, step.query)


def _show_counts(known: Facts) -> None:
    counts = (
        ("tasks", len(state.tasks().in_use), "Goals that can be judged from the final image."),
        ("clips", known.clips, "Recorded by a person; every frame shows one outcome."),
        ("robot episodes", known.robot_episodes, "Sequences in which a robot acted."),
        ("labels", known.labels, "What people, clips or the simulator said; the newest stands."),
        ("robots", len(state.robots()), "Simulated, real, or known by their imported episodes."),
    )
    with st.container(horizontal=True):
        for words, number, text in counts:
            st.metric(words, number, help=text, border=True, width=144)


def _newest_report() -> Report | None:
    detectors = list_detectors(state.workspace())
    try:
        return load_report(detectors[0].folder) if detectors else None
    except CorruptData:
        return None  # said where the newest detector is shown


def _show_newest_detector(known: Facts) -> None:
    detectors = list_detectors(state.workspace())
    if not detectors:
        enough = known.paired_tasks > 0 and known.paired_robots > 1
        st.markdown(
            "**No detector yet.** The recorded pairs are enough to train a first one."
            if enough
            else "**No detector yet.** It needs recorded pairs from two robots."
        )
        return
    st.markdown(f"**Newest detector**  \n{detector_words(detectors[0])}")
    try:
        report = load_report(detectors[0].folder)
    except CorruptData:
        st.markdown("Its report cannot be read; the Detector page says why.")
    else:
        st.markdown(f"{holdout_verdict(report)} {trust_summary(report)}")
        if untrusted_lines(report):
            st.warning(
                "**It is not to be relied on for every task.** Its report says for which, and why.",
                icon=":material/warning:",
            )
    link("detector", "Open its report")
    _show_watch(detectors[0])


def _show_watch(detector: DetectorSummary) -> None:
    """What the detector's word is worth on the newest policies' own episodes."""
    watched = [
        row
        for card in list_policy_cards(state.workspace())[:_WATCHED_POLICIES]
        for row in watch_policy(state.catalog(), card.policy_id, detector)
    ]
    if not watched:
        return
    st.markdown("**Its word on what policies do**, judged by people on a random sample")
    st.markdown("\n".join(f"- {words}" for words in watched_lines(watched)))
    harmful = [row for row in watched if row.harms]
    if harmful:
        st.warning(
            f"**Fewer than {NEEDED_PRECISION:.0%} of the successes it rewards are true.** The "
            "policy may be exploiting the detector: review these episodes, label what it gets "
            "wrong and train it again before the next policy.",
            icon=":material/warning:",
        )
    link("review", "Judge the sample", {"show": "newest policy"})


def _show_newest_policy() -> None:
    cards = list_policy_cards(state.workspace())
    if not cards:
        st.markdown("**No policy yet.** It needs a detector and robot episodes.")
        return
    by_id = {card.policy_id: card for card in cards}
    st.markdown(f"**Newest policy**  \n{cards[0].words}")
    sentences = comparison_sentences(cards[0], by_id.get(cards[0].from_policy or ""))
    st.markdown("\n".join(f"- {text}" for text in sentences) or "It has not been evaluated yet.")
    link("policy", "Open its result")
