"""The Label page: how did the robots' episodes end?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import get_args

import streamlit as st

from app import inbox, state
from app.images import FRAMES, image_urls
from app.label_queue import (
    Order,
    Queue,
    QueueFilter,
    Stated,
    Waiting,
    build_queue,
    conclusions,
    known_to_simulator,
    stated_outcomes,
)
from app.pages import link, nothing_yet
from app.person import your_name
from app.widgets.conflicts import show_conflicts
from app.widgets.labelling import Question, labelling
from app.widgets.notice import errors_shown, show_error
from app.wording import counted
from data.episode_index import IndexedEpisode
from data.errors import CorruptData, LabelConflict
from data.labels import Label, label_history, undo_label
from data.shards import FrameRef
from data.truth_labels import label_from_truth

_KEY = "labelling"
PREFETCHED = 24
"""Questions the browser holds, so that answers need not wait for the page."""
_RECENT = 12
_BY_SIMULATOR = "label-by-simulator"
"""Session state: how many labels the simulator has just given."""
_ROUNDS = "label-rounds"
"""Session state: how often the simulator answered; then the widget asks what is still open."""


def render() -> None:
    """Show the page."""
    st.title("Label")
    episodes = [episode for episode in state.episodes() if episode.info.kind == "robot"]
    if not episodes:
        st.caption("Say how each robot episode ended. One key an answer.")
        nothing_yet(
            "**There are no robot episodes yet.** Let a robot try its tasks first; the last "
            "picture of every try then appears here.",
            page="policy",
            label="Collect robot episodes",
        )
        return
    wanted, by = _choose(episodes)
    if not wanted.tasks:
        st.info("Choose at least one task to be asked about.", icon=":material/arrow_upward:")
        return
    stated = stated_outcomes(state.labels())
    queue = build_queue(
        episodes,
        stated,
        state.tasks(),
        wanted,
        skipped=frozenset(inbox.sent_log(_KEY).get("skipped", ())),
    )
    inbox.show_problem(_KEY)
    with errors_shown():
        _ask(queue, wanted, by)
    _show_counts(queue)
    _offer_truth(known_to_simulator(queue, stated), wanted.tasks)
    _show_recent(by, stated)


def _choose(episodes: Sequence[IndexedEpisode]) -> tuple[QueueFilter, str]:
    commanded = [name for name in state.tasks().in_use if _is_commanded(name, episodes)]
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
                sorted({episode.info.robot for episode in episodes}),
                key="label-robots",
                placeholder="All robots",
                persist_state="session",
            )
        with middle:
            behaviours = st.multiselect(
                "What drove the robot",
                sorted({episode.info.behaviour for episode in episodes}),
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


def _is_commanded(task: str, episodes: Sequence[IndexedEpisode]) -> bool:
    return any(episode.info.task == task for episode in episodes)


def _ask(queue: Queue, wanted: QueueFilter, by: str) -> None:
    damaged: dict[str, CorruptData] = {}
    while True:
        waiting = [each for each in queue.waiting if each.episode.shard not in damaged]
        batch = waiting[:PREFETCHED]
        refs = [_ref(each) for each in batch]
        found = FRAMES.read_what_can_be(state.workspace(), refs)
        if not found:
            break
        damaged |= found
    for error in damaged.values():
        show_error(error)
    now_s = time.time()
    labelling(
        [
            Question(
                item_id=each.item.item_id,
                question=f"Success at {each.item.task}?",
                details=_describe(each),
                images=image_urls(ref, now_s=now_s),
            )
            for each, ref in zip(batch, refs, strict=True)
        ],
        key=_KEY,
        queue_id=hashlib.sha256(repr((wanted, _rounds())).encode()).hexdigest(),
        waiting=len(waiting),
        receipt=inbox.receipt(_KEY, by=by),
        on_log=inbox.receiver(_KEY, by=by, source="person"),
    )


def _ref(waiting: Waiting) -> FrameRef:
    return FrameRef(
        waiting.episode.shard, waiting.item.episode_id, int(waiting.item.frame_index or 0)
    )


def _describe(waiting: Waiting) -> str:
    info = waiting.episode.info
    meaning = state.tasks()[waiting.item.task].description
    return f"{meaning} — {info.robot}, {info.behaviour}".removeprefix(" — ")


def _show_counts(queue: Queue) -> None:
    parts = [f"{len(queue.waiting)} waiting", f"{queue.answered} answered"]
    if queue.derived:
        parts.append(f"{queue.derived} follow from other answers")
    st.caption(" · ".join(parts))
    if not queue.waiting:
        st.success("Everything in this selection is answered.", icon=":material/task_alt:")
        link("detector", "Train a detector on these labels")


def _offer_truth(episodes: Sequence[IndexedEpisode], tasks: Sequence[str]) -> None:
    """Let the simulator answer for its own episodes, so that trying Goalpost costs no hours."""
    if number := st.session_state.pop(_BY_SIMULATOR, None):
        st.success(
            f"The simulator gave {counted(number, 'label')}, and each says so.",
            icon=":material/smart_toy:",
        )
    if not episodes:
        return
    with st.container(border=True):
        st.markdown(
            f"**Only trying Goalpost?** {counted(len(episodes), 'episode')} of this selection "
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
            st.session_state[_BY_SIMULATOR] = label_from_truth(
                state.catalog(), episodes, state.tasks().only(tasks), at_ns=time.time_ns()
            )
            st.session_state[_ROUNDS] = _rounds() + 1
            st.rerun()


def _rounds() -> int:
    return int(st.session_state.get(_ROUNDS, 0))


def _show_recent(by: str, stated: Stated) -> None:
    given = [
        label
        for label in label_history(state.catalog(), limit=4 * _RECENT)
        if label.source in ("person", "review") and label.retracts is None
    ]
    standing = {label.label_id for label in state.labels()}
    frames = {(each.episode_id, each.frame_index) for each in given if each.frame_index is not None}
    show_conflicts(stated, frames, by=by)
    if not given:
        return
    st.subheader("Recent answers")
    robot_of = {each.info.episode_id: each.info.robot for each in state.episodes()}
    for label in given[:_RECENT]:
        _recent_row(label, robot_of, stated, undone=label.label_id not in standing, by=by)


def _recent_row(
    label: Label, robot_of: dict[str, str], stated: Stated, *, undone: bool, by: str
) -> None:
    what, follows, undo = st.columns([4, 3, 1.6], vertical_alignment="center")
    at = datetime.fromtimestamp(label.at_ns / 1e9).strftime("%H:%M:%S")
    answer = f"**{label.outcome}**" if not undone else f"~~{label.outcome}~~"
    robot = robot_of.get(label.episode_id, "unknown robot")
    what.markdown(f"{answer} at {label.task} :gray[{robot}, {label.by}, {at}]")
    if undone:
        follows.caption("replaced or taken back")
        return
    follows.caption(_consequences(label, stated))
    if undo.button("Undo", key=f"undo-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()


def _consequences(label: Label, stated: Stated) -> str:
    answers = stated.get((label.episode_id, label.frame_index or 0), {})
    try:
        known = conclusions(answers, state.tasks())
    except LabelConflict:
        return "contradicts another answer"
    derived = {
        task: conclusion.outcome
        for task, conclusion in known.items()
        if conclusion.derived_from == label.task
    }
    parts = [f"success of {task}" for task, outcome in derived.items() if outcome == "success"]
    failures = [task for task, outcome in derived.items() if outcome == "failure"]
    if len(failures) > 2:
        parts.append(f"failure of {len(failures)} other tasks")
    else:
        parts += [f"failure of {task}" for task in failures]
    return "so also " + ", ".join(parts) + " (derived)" if parts else ""
