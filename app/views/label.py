"""The Label page: how did the robots' episodes end?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import streamlit as st

from app import inbox, state
from app.decision_log import Item, Source
from app.images import FRAMES, image_urls
from app.next_step import ENOUGH_LABELS
from app.pages import link, nothing_yet
from app.widgets.agreement import show_agreement
from app.widgets.coming import tell_of_coming
from app.widgets.conflicts import show_conflicts
from app.widgets.film import opened_film
from app.widgets.gallery import Card, gallery
from app.widgets.label_filters import (
    SECOND_SHARE,
    Wanted,
    choose,
    choose_one_task,
    offer_all_robots,
)
from app.widgets.label_ranking import RANKED, ranked
from app.widgets.label_rates import show_rates
from app.widgets.label_recent import show_recent
from app.widgets.labelling import AskedTask, Picture, consequences, labelling
from app.widgets.notice import errors_shown, show_error
from app.wording import counted
from data.catalog.label_queue import (
    NOTHING_KNOWN,
    Question,
    Queue,
    QueueFilter,
    Ranking,
    episodes_with_truth,
    queue,
)
from data.catalog.questions import Frame
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef
from data.errors import CorruptData
from data.labels.agreement import answered_twice, for_a_second_opinion
from data.labels.truth import label_from_truth

_KEY = "labelling"
_GRID = "labelling-grid"
_DISPUTES = "labelling-disputes"
PREFETCHED = 24
"""Pictures the browser holds, so that answers need not wait for the page."""
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
    coming = tell_of_coming()
    if not census.robot_episodes and coming:
        return
    if not census.robot_episodes:
        st.caption("Say how each robot episode ended. One key an answer.")
        nothing_yet(
            "**There are no robot episodes yet.** Let a robot try its tasks first; the last "
            "picture of every try then appears here.",
            page="policy",
            label="Collect robot episodes",
        )
        return
    wanted = choose(census)
    if not wanted.filter.tasks:
        st.info("Choose at least one task to be asked about.", icon=":material/arrow_upward:")
        return
    for key in (_KEY, _GRID, _DISPUTES):
        inbox.show_problem(key)
    with errors_shown():
        if wanted.second:
            _ask_again(wanted)
        elif wanted.order == "people disagree":
            _ask_disputed(wanted)
        else:
            _ask_queue(wanted)
        show_conflicts(by=wanted.by)
        with st.expander(
            "How far people agree", key="label-agreement", on_change="rerun"
        ) as agreement:
            if agreement.open:
                show_agreement(by=wanted.by)
        show_recent(by=wanted.by)


def _ask_queue(wanted: Wanted) -> None:
    """What nobody has answered, in the order that was chosen."""
    chosen, ranking = wanted.filter, None
    if wanted.grid:
        task = choose_one_task(chosen.tasks)
        chosen = replace(chosen, tasks=(task,))
    if wanted.order in RANKED:
        known = ranked(wanted.order, chosen)
        if known is None:
            return
        chosen, ranking = known
    key = _GRID if wanted.grid else _KEY
    found = _readable(chosen, ranking, set(inbox.sent_log(key).get("skipped", ())))
    if wanted.order == "random share":
        show_rates(chosen)
    if wanted.grid:
        _mount_grid(found.first, by=wanted.by)
    else:
        _mount(
            [_picture(each, chosen.tasks) for each in found.first],
            asked=chosen.tasks,
            queue=(chosen, wanted.order, _rounds()),
            waiting=found.waiting,
            by=wanted.by,
        )
    _show_counts(found)
    offer_all_robots(wanted, state.census(), found.answered)
    if ranking is None:
        _offer_truth(found.known_to_simulator, chosen)


def _readable(wanted: QueueFilter, ranking: Ranking | None, skipped: Collection[str]) -> Queue:
    """The queue without what lies in damaged shards, which are named."""
    skipped = frozenset(picture_id.partition("|")[0] for picture_id in skipped)
    damaged: dict[str, CorruptData] = {}
    while True:
        found = _asked(wanted, ranking, skipped, frozenset(damaged))
        unreadable = FRAMES.read_what_can_be(
            state.workspace(), [_ref(each) for each in found.first]
        )
        if not unreadable:
            break
        damaged |= unreadable
    for error in damaged.values():
        show_error(error)
    return found


def _asked(
    wanted: QueueFilter, ranking: Ranking | None, skipped: frozenset[str], damaged: frozenset[str]
) -> Queue:
    if ranking is None:
        return state.answer(
            queue, wanted, most=PREFETCHED, skipped=skipped, unreadable_shards=damaged
        )
    return queue(
        state.catalog(),
        wanted,
        most=PREFETCHED,
        ranking=ranking,
        skipped=skipped,
        unreadable_shards=damaged,
    )


def _ask_again(wanted: Wanted) -> None:
    """Ask blindly what another person has answered before."""
    tasks = wanted.filter.tasks
    drawn = for_a_second_opinion(
        state.catalog(), by=wanted.by, tasks=tasks, share=SECOND_SHARE, most=PREFETCHED
    )
    questions = _questions(drawn)
    _mount(
        [_picture(each, tasks) for each in questions],
        asked=(),  # each answer for itself: what follows from another would not be a second one
        queue=(wanted.filter, wanted.by, "second"),
        waiting=sum(len(each.tasks) for each in questions),
        by=wanted.by,
    )
    if not questions:
        st.info("Nothing waits for your second opinion.", icon=":material/task_alt:")


def _ask_disputed(wanted: Wanted) -> None:
    """Let somebody decide what two people answered differently."""
    disputed = {
        (each.frame, each.task): each.answers
        for each in answered_twice(state.catalog())
        if each.disputed and each.task in wanted.filter.tasks
    }
    questions = _questions(list(disputed)[:PREFETCHED])
    said = {
        question.episode.info.episode_id: "; ".join(
            f"{task}: " + ", ".join(f"{person} {outcome}" for person, outcome in answers.items())
            for (frame, task), answers in disputed.items()
            if frame.episode_id == question.episode.info.episode_id
        )
        for question in questions
    }
    _mount(
        [
            _picture(each, wanted.filter.tasks, said[each.episode.info.episode_id])
            for each in questions
        ],
        asked=(),
        queue=(wanted.filter, "disputed"),
        waiting=len(disputed),
        by=wanted.by,
        key=_DISPUTES,
        source="review",
    )
    if not questions:
        st.success("Nobody disagrees about these tasks.", icon=":material/task_alt:")


def _questions(asked: Sequence[tuple[Frame, str]]) -> list[Question]:
    """These questions, gathered by picture; only about terminal frames, which Label shows."""
    ids = [frame.episode_id for frame, _ in asked]
    found = []
    for each in list_episodes(state.catalog(), episode_ids=ids):
        terminal = Frame(each.info.episode_id, each.info.step_count - 1)
        tasks = tuple(task for frame, task in asked if frame == terminal)
        if tasks:
            found.append(Question(episode=each, tasks=tasks, known=NOTHING_KNOWN))
    return sorted(found, key=lambda each: ids.index(each.episode.info.episode_id))


def _mount(
    pictures: Sequence[Picture],
    *,
    asked: Sequence[str],
    queue: tuple[object, ...],
    waiting: int,
    by: str,
    key: str = _KEY,
    source: Source = "person",
) -> None:
    labelling(
        pictures,
        key=key,
        queue_id=hashlib.sha256(repr(queue).encode()).hexdigest(),
        waiting=waiting,
        follows=consequences(state.tasks(), asked),
        receipt=inbox.receipt(key, by=by),
        film=opened_film(key, [picture.picture_id for picture in pictures]),
        on_log=inbox.receiver(key, by=by, source=source),
    )


def _mount_grid(questions: Sequence[Question], *, by: str) -> None:
    now_s = time.time()
    cards = [
        Card(
            item_id=_item(each, task),
            title=f"Success at {task}?",
            badge="",
            tone="plain",
            lines=(_describe(each),),
            images=image_urls(_ref(each), now_s=now_s),
            outcome="failure",
            blind=True,
            exclude=(),
            checked=None,
            label_id=None,
        )
        for each in questions
        for task in each.tasks
    ]
    if cards:
        gallery(
            cards,
            key=_GRID,
            receipt=inbox.receipt(_GRID, by=by),
            film=opened_film(_GRID, [card.item_id for card in cards]),
            on_log=inbox.receiver(_GRID, by=by, source="person"),
        )


def _picture(question: Question, asked: Sequence[str], details: str = "") -> Picture:
    known = question.known
    told = [
        (task, known.stated[task], "answered before")
        for task in asked
        if task in known.stated and task not in question.tasks
    ] + [
        (task, each.outcome, f"follows from {each.derived_from}")
        for task, each in known.conclusions.items()
        if each.derived_from is not None and task in asked and task not in question.tasks
    ]
    episode_id = question.episode.info.episode_id
    return Picture(
        picture_id=f"{episode_id}|{question.frame_index}",
        tasks=[
            AskedTask(
                item_id=_item(question, task),
                task=task,
                meaning=state.tasks()[task].description,
            )
            for task in question.tasks
        ],
        details=details or _describe(question),
        images=image_urls(_ref(question), now_s=time.time()),
        known=told,
    )


def _item(question: Question, task: str) -> str:
    return Item(question.episode.info.episode_id, question.frame_index, task).item_id


def _ref(question: Question) -> FrameRef:
    episode = question.episode
    return FrameRef(episode.shard, episode.info.episode_id, question.frame_index)


def _describe(question: Question) -> str:
    info = question.episode.info
    kind, _, policy = info.behaviour.partition(":")
    return f"{info.robot}, {kind} {policy[-4:]}".strip()


def _show_counts(found: Queue) -> None:
    parts = [f"{found.waiting} waiting", f"{found.answered} answered"]
    if found.derived:
        parts.append(f"{found.derived} follow from other answers")
    enough = found.answered >= ENOUGH_LABELS
    if found.waiting and not enough:
        parts.append(f"{ENOUGH_LABELS} of a task are enough for a first detector")
    st.caption(" · ".join(parts))
    if not found.waiting:
        st.success("Everything in this selection is answered.", icon=":material/task_alt:")
    if enough or not found.waiting:
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
