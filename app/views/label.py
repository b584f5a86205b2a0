"""The Label page: how did the robots' episodes end?"""

from __future__ import annotations

import hashlib
import time
from typing import get_args

import streamlit as st

from app import inbox, state
from app.decision_log import Item
from app.images import FRAMES, image_urls
from app.pages import link, nothing_yet
from app.person import your_name
from app.widgets.agreement import show_agreement
from app.widgets.conflicts import show_conflicts
from app.widgets.labelling import Question as Shown
from app.widgets.labelling import labelling
from app.widgets.notice import errors_shown, show_error
from app.wording import counted, when
from data.catalog.counts import Census
from data.catalog.questions import (
    Frame,
    GivenAnswer,
    Known,
    Order,
    Question,
    Queue,
    QueueFilter,
    episodes_with_truth,
    known_about,
    queue,
    recent_answers,
)
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef
from data.errors import CorruptData
from data.labels.agreement import for_a_second_opinion
from data.labels.labels import undo_label
from data.labels.truth import label_from_truth

_KEY = "labelling"
PREFETCHED = 24
"""Questions the browser holds, so that answers need not wait for the page."""
SECOND_SHARE = 0.1
"""Share of the answered questions that a second person is asked, blind."""
_RECENT = 12
_AT_A_TIME = 500
"""Episodes the simulator labels in one transaction."""
_BY_SIMULATOR = "label-by-simulator"
"""Session state: how many labels the simulator has just given."""
_ROUNDS = "label-rounds"
"""Session state: how often the simulator answered; then the widget asks what is still open."""


def render() -> None:
    """Show the page."""
    st.title("Label")
    census = state.census()
    if not census.robot_episodes:
        st.caption("Say how each robot episode ended. One key an answer.")
        nothing_yet(
            "**There are no robot episodes yet.** Let a robot try its tasks first; the last "
            "picture of every try then appears here.",
            page="policy",
            label="Collect robot episodes",
        )
        return
    wanted, by = _choose(census)
    second = st.toggle(
        f"Give second opinions: {SECOND_SHARE:.0%} of what others answered, asked again without "
        "showing their answer",
        key="label-second",
        persist_state="session",
        help="Shows how far people agree. Type your own name first.",
    )
    if not wanted.tasks:
        st.info("Choose at least one task to be asked about.", icon=":material/arrow_upward:")
        return
    inbox.show_problem(_KEY)
    with errors_shown():
        if second:
            _ask_again(wanted, by)
        else:
            found = _ask(wanted, by)
            _show_counts(found)
            _offer_truth(found.known_to_simulator, wanted)
        with st.expander(
            "How far people agree", key="label-agreement", on_change="rerun"
        ) as agreement:
            if agreement.open:
                show_agreement(by=by)
        _show_recent(by)


def _choose(census: Census) -> tuple[QueueFilter, str]:
    acted = [row for row in census.rows if row.kind == "robot"]
    tried = {row.task for row in acted}
    commanded = [name for name in state.tasks().in_use if name in tried]
    chosen, name = st.columns([3, 1], vertical_alignment="bottom")
    with chosen:
        tasks = st.multiselect(
            "Ask me about",
            state.tasks().in_use,
            default=commanded,
            key="label-tasks",
            placeholder="Choose tasks",
            persist_state="session",
        )
    with name:
        by = your_name()
    with st.expander("Which episodes, in which order", icon=":material/tune:"):
        left, middle, right = st.columns(3)
        with left:
            robots = st.multiselect(
                "Robots",
                sorted({row.robot for row in acted}),
                key="label-robots",
                placeholder="All robots",
                persist_state="session",
            )
        with middle:
            behaviours = st.multiselect(
                "What drove the robot",
                sorted({row.behaviour for row in acted}),
                key="label-behaviours",
                placeholder="Anything",
                persist_state="session",
            )
        with right:
            order: Order = st.selectbox(
                "Order", get_args(Order), key="label-order", persist_state="session"
            )
        other_tasks = st.toggle(
            "Also ask about tasks the robot was not trying",
            key="label-other-tasks",
            persist_state="session",
            help="Every picture says something about every task; failures are useful too.",
        )
    wanted = QueueFilter(
        tasks=tuple(tasks),
        only_own_task=not other_tasks,
        robots=frozenset(robots),
        behaviours=frozenset(behaviours),
        order=order,
    )
    return wanted, by


def _ask(wanted: QueueFilter, by: str) -> Queue:
    skipped = {
        (episode_id, task)
        for episode_id, _, task in (
            item.split("|") for item in inbox.sent_log(_KEY).get("skipped", ())
        )
    }
    damaged: dict[str, CorruptData] = {}
    while True:
        found = queue(
            state.catalog(),
            wanted,
            most=PREFETCHED,
            skipped=skipped,
            unreadable_shards=damaged,
        )
        refs = [_ref(each) for each in found.first]
        unreadable = FRAMES.read_what_can_be(state.workspace(), refs)
        if not unreadable:
            break
        damaged |= unreadable
    for error in damaged.values():
        show_error(error)
    now_s = time.time()
    labelling(
        [
            Shown(
                item_id=Item(each.episode.info.episode_id, each.frame_index, each.task).item_id,
                question=f"Success at {each.task}?",
                details=_describe(each),
                images=image_urls(ref, now_s=now_s),
            )
            for each, ref in zip(found.first, refs, strict=True)
        ],
        key=_KEY,
        queue_id=hashlib.sha256(repr((wanted, _rounds())).encode()).hexdigest(),
        waiting=found.waiting,
        receipt=inbox.receipt(_KEY, by=by),
        on_log=inbox.receiver(_KEY, by=by, source="person"),
    )
    return found


def _ask_again(wanted: QueueFilter, by: str) -> None:
    """Ask blindly what another person has answered before."""
    drawn = for_a_second_opinion(
        state.catalog(), by=by, tasks=wanted.tasks, share=SECOND_SHARE, most=PREFETCHED
    )
    ids = [frame.episode_id for frame, _ in drawn]
    episodes = {
        each.info.episode_id: each for each in list_episodes(state.catalog(), episode_ids=ids)
    }
    asked = [
        Question(episode=episodes[frame.episode_id], task=task)
        for frame, task in drawn
        if frame.frame_index == episodes[frame.episode_id].info.step_count - 1
    ]
    now_s = time.time()
    labelling(
        [
            Shown(
                item_id=Item(each.episode.info.episode_id, each.frame_index, each.task).item_id,
                question=f"Success at {each.task}?",
                details=_describe(each),
                images=image_urls(_ref(each), now_s=now_s),
            )
            for each in asked
        ],
        key=_KEY,
        queue_id=hashlib.sha256(repr((wanted, by, "second")).encode()).hexdigest(),
        waiting=len(asked),
        receipt=inbox.receipt(_KEY, by=by),
        on_log=inbox.receiver(_KEY, by=by, source="person"),
    )
    if not asked:
        st.info("Nothing waits for your second opinion.", icon=":material/task_alt:")


def _ref(question: Question) -> FrameRef:
    episode = question.episode
    return FrameRef(episode.shard, episode.info.episode_id, question.frame_index)


def _describe(question: Question) -> str:
    info = question.episode.info
    meaning = state.tasks()[question.task].description
    return f"{meaning} — {info.robot}, {info.behaviour}".removeprefix(" — ")


def _show_counts(found: Queue) -> None:
    parts = [f"{found.waiting} waiting", f"{found.answered} answered"]
    if found.derived:
        parts.append(f"{found.derived} follow from other answers")
    st.caption(" · ".join(parts))
    if not found.waiting:
        st.success("Everything in this selection is answered.", icon=":material/task_alt:")
        link("detector", "Train a detector on these labels")


def _offer_truth(count: int, wanted: QueueFilter) -> None:
    """Let the simulator answer for its own episodes, so that trying Goalpost costs no hours."""
    if number := st.session_state.pop(_BY_SIMULATOR, None):
        st.success(
            f"The simulator gave {counted(number, 'label')}, and each says so.",
            icon=":material/smart_toy:",
        )
    if not count:
        return
    with st.container(border=True):
        st.markdown(
            f"**Only trying Goalpost?** {counted(count, 'episode')} of this selection "
            "ended in simulation and nobody has said how. The simulator knows; with real "
            "robots, only people do."
        )
        pressed = st.button(
            "Label these by the simulator's truth",
            key="label-by-truth",
            icon=":material/smart_toy:",
            help="Labels them for the tasks chosen above. Each label carries the source "
            "`simulator`; what people answered stays as it is.",
        )
    if pressed:
        with errors_shown():
            st.session_state[_BY_SIMULATOR] = _label_by_simulator(wanted)
            st.session_state[_ROUNDS] = _rounds() + 1
            st.rerun()


def _label_by_simulator(wanted: QueueFilter) -> int:
    tasks = state.tasks().only(wanted.tasks)
    given = 0
    while episodes := episodes_with_truth(state.catalog(), wanted, most=_AT_A_TIME):
        given += label_from_truth(state.catalog(), episodes, tasks, at_ns=time.time_ns())
    return given


def _rounds() -> int:
    return int(st.session_state.get(_ROUNDS, 0))


def _show_recent(by: str) -> None:
    show_conflicts(by=by)
    given = recent_answers(state.catalog(), sources=("person", "review"), most=_RECENT)
    if not given:
        return
    st.subheader("Recent answers")
    frames = [_frame(each) for each in given]
    known = known_about(state.catalog(), frames)
    for each, frame in zip(given, frames, strict=True):
        _recent_row(each, known.get(frame), by=by)


def _frame(given: GivenAnswer) -> Frame:
    return Frame(given.label.episode_id, given.label.frame_index)


def _recent_row(given: GivenAnswer, known: Known | None, *, by: str) -> None:
    what, follows, undo = st.columns([4, 3, 1.6], vertical_alignment="center")
    label = given.label
    at = when(label.at_ns)
    answer = f"**{label.outcome}**" if given.stands else f"~~{label.outcome}~~"
    robot = given.robot or "unknown robot"
    what.markdown(f"{answer} at {label.task} :gray[{robot}, {label.by}, {at}]")
    if not given.stands or known is None:
        follows.caption("replaced or taken back")
        return
    follows.caption(_consequences(label.task, known))
    if undo.button("Undo", key=f"undo-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()


def _consequences(task: str, known: Known) -> str:
    if known.conflict is not None:
        return "contradicts another answer"
    derived = {
        other: conclusion.outcome
        for other, conclusion in known.conclusions.items()
        if conclusion.derived_from == task
    }
    parts = [f"success of {task}" for task, outcome in derived.items() if outcome == "success"]
    failures = [task for task, outcome in derived.items() if outcome == "failure"]
    if len(failures) > 2:
        parts.append(f"failure of {len(failures)} other tasks")
    else:
        parts += [f"failure of {task}" for task in failures]
    return "so also " + ", ".join(parts) + " (derived)" if parts else ""
