"""The Review page: where the detector and the labels disagree, and who is right."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from app import inbox, state
from app.decision_log import Item
from app.images import FRAMES, image_urls
from app.pages import link, nothing_yet
from app.person import your_name
from app.widgets.conflicts import show_conflicts
from app.widgets.gallery import Card, Choice, gallery
from app.widgets.notice import errors_shown, show_error
from app.wording import counted, listed, when
from data.mistakes import (
    JudgedFilter,
    JudgedGroup,
    Mistake,
    MistakeKind,
    Tally,
    count_mistakes,
    find_mistakes,
    judged_groups,
    looked_at,
    tally,
)
from data.shards import FrameRef
from sd_model.artefact import DetectorSummary, list_detectors

_KEY = "review"
CARDS = 12
"""Cards on one page of the gallery."""
_SPLITS = {"holdout": "Held-out robots", "validation": "Training robots, unseen clips"}
_KINDS: dict[MistakeKind, str] = {
    "false positive": "Said success, labelled failure",
    "false negative": "Said failure, labelled success",
}


def render() -> None:
    """Show the page."""
    st.title("Review")
    st.caption("Where the detector and the labels disagree. Either may be wrong.")
    detectors = list_detectors(state.workspace())
    if not detectors:
        nothing_yet(
            "**There is no detector yet.** Train one; what it gets wrong on the robots it has "
            "never seen then appears here.",
            page="detector",
            label="Train a detector",
        )
        return
    newest_first = sorted(detectors, key=lambda each: each.detector_id, reverse=True)
    by_id = {summary.detector_id: summary for summary in newest_first}
    which, name = st.columns([3, 1], vertical_alignment="bottom")
    with which:
        chosen = st.selectbox(
            "Detector",
            by_id,
            format_func=lambda name: _describe(by_id[name]),
            key="review-detector",
            persist_state="session",
        )
    with name:
        by = your_name()
    inbox.show_problem(_KEY)
    with errors_shown():
        _review(by_id[chosen], by)


def _describe(summary: DetectorSummary) -> str:
    return f"{when(summary.created_at_ns)}, held out {listed(summary.holdout)}"


def _review(summary: DetectorSummary, by: str) -> None:
    groups = judged_groups(state.catalog(), summary.detector_id)
    chosen = _choose(summary.detector_id, groups)
    own = {task: threshold.value for task, threshold in summary.thresholds.items()}
    thresholds = _choose_thresholds(own, chosen, groups)
    show_conflicts(by=by)
    if chosen is None:
        st.info("Nothing was judged in this selection. Choose another split, task or robot.")
        return
    _show_tallies(chosen, own, thresholds)
    counts = count_mistakes(state.catalog(), chosen, thresholds)
    if not counts:
        st.success("No mistakes in this selection.", icon=":material/task_alt:")
    else:
        _show_mistakes(chosen, counts, thresholds, by)
    _show_bias(summary.detector_id)


def _choose(detector_id: str, groups: Sequence[JudgedGroup]) -> JudgedFilter | None:
    """What is looked at; None where nothing was judged in it."""
    left, middle, right = st.columns(3)
    splits = [split for split in _SPLITS if any(group.split == split for group in groups)]
    with left:
        split = st.selectbox(
            "Judged on", splits, format_func=lambda name: _SPLITS[name], key="review-split"
        )
    with middle:
        tasks = st.multiselect(
            "Tasks", sorted({group.task for group in groups}), placeholder="All", key="review-tasks"
        )
    with right:
        robots = st.multiselect(
            "Robots",
            sorted({group.robot for group in groups if group.split == split}),
            placeholder="All",
            key="review-robots",
        )
    found = [
        group
        for group in groups
        if group.split == split
        and (not tasks or group.task in tasks)
        and (not robots or group.robot in robots)
    ]
    if not found:
        return None
    return JudgedFilter(
        detector_id=detector_id, split=split, tasks=frozenset(tasks), robots=frozenset(robots)
    )


def _choose_thresholds(
    own: Mapping[str, float], chosen: JudgedFilter | None, groups: Sequence[JudgedGroup]
) -> Mapping[str, float]:
    toggle, slider = st.columns([1, 2], vertical_alignment="center")
    other = toggle.toggle(
        "Try another threshold",
        key="review-other-threshold",
        help="Shows what would change. The detector itself stays as it is.",
    )
    if not other:
        return own
    tasks = chosen.tasks if chosen and chosen.tasks else {group.task for group in groups}
    start = own[next(iter(tasks))] if len(tasks) == 1 else 0.5
    value = slider.slider("Counts as success from", 0.0, 1.0, round(start, 2), 0.01)
    return dict.fromkeys(own, float(value))


def _show_tallies(
    chosen: JudgedFilter, own: Mapping[str, float], thresholds: Mapping[str, float]
) -> None:
    now = tally(state.catalog(), chosen, thresholds)
    at_own = now if thresholds is own else tally(state.catalog(), chosen, own)
    corrected = tally(state.catalog(), chosen, thresholds, as_corrected=True)
    figures = st.container(horizontal=True, gap="medium")
    figures.metric("Successes judged", now.successes, width="content")
    figures.metric("Failures judged", now.failures, width="content")
    figures.metric(
        "Failures taken for success",
        _rate(now.false_positives, now.false_positive_rate),
        _change(now.false_positives - at_own.false_positives),
        delta_color="inverse",
        width="content",
    )
    figures.metric(
        "Successes taken for failure",
        _rate(now.false_negatives, now.false_negative_rate),
        _change(now.false_negatives - at_own.false_negatives),
        delta_color="inverse",
        width="content",
    )
    st.caption("Frames are counted here. Below, the frames of one clip share a card.")
    if corrected != now:
        st.caption(f"With the labels as corrected in review: {_in_words(corrected)}.")


def _rate(count: int, rate: float | None) -> str:
    return "none judged" if rate is None else f"{count} ({rate:.1%})"


def _change(difference: int) -> str | None:
    return f"{difference:+d}" if difference else None


def _in_words(counts: Tally) -> str:
    return (
        f"{_rate(counts.false_positives, counts.false_positive_rate)} failures taken for success, "
        f"{_rate(counts.false_negatives, counts.false_negative_rate)} successes taken for failure"
    )


def _show_mistakes(
    chosen: JudgedFilter,
    counts: Mapping[MistakeKind, int],
    thresholds: Mapping[str, float],
    by: str,
) -> None:
    filters = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )
    kind: MistakeKind | None = filters.segmented_control(
        "Show",
        list(_KINDS),
        format_func=lambda name: f"{_KINDS[name]} ({counts.get(name, 0)})",
        key="review-kind",
        label_visibility="collapsed",
    )
    opened_ns = st.session_state.setdefault("review-opened-ns", time.time_ns())
    hide_checked = filters.toggle("Hide checked before", value=True, key="review-hide")
    look = partial(
        find_mistakes,
        state.catalog(),
        chosen,
        thresholds,
        kind=kind,
        unreviewed_since_ns=opened_ns if hide_checked else None,
        most=CARDS,
    )
    shown, total = look(first=(int(st.session_state.get("review-page", 1)) - 1) * CARDS)
    if not shown:  # other filters have fewer pages
        st.session_state["review-page"] = 1
        shown, total = look(first=0)
    if total > CARDS:
        st.pagination(-(-total // CARDS), key="review-page")
    if not shown:
        st.success("Every mistake in this selection is checked.", icon=":material/task_alt:")
        link("detector", "Train again with the corrected labels")
        return
    damaged = FRAMES.read_what_can_be(state.workspace(), [_ref(each) for each in shown])
    for error in damaged.values():
        show_error(error)
    batch = [each for each in shown if each.shard not in damaged]
    # What was shown before too: its answers may come in after the page was turned.
    splits: dict[Item, str] = st.session_state.setdefault("review-splits", {})
    splits |= {_item(each): each.split for each in batch}
    gallery(
        _cards(batch, thresholds),
        key=_KEY,
        receipt=inbox.receipt(_KEY, by=by),
        on_log=inbox.receiver(_KEY, by=by, source="review", splits=splits),
    )


def _cards(mistakes: Sequence[Mistake], thresholds: Mapping[str, float]) -> list[Card]:
    now_s = time.time()
    return [
        _card(each, thresholds[each.task], image_urls(_ref(each), now_s=now_s)) for each in mistakes
    ]


def _ref(mistake: Mistake) -> FrameRef:
    return FrameRef(mistake.shard, mistake.episode_id, mistake.frame_index)


def _item(mistake: Mistake) -> Item:
    return Item(mistake.episode_id, mistake.labelled_frame, mistake.task)


def _card(mistake: Mistake, threshold: float, images: Mapping[str, str]) -> Card:
    opposite = "failure" if mistake.outcome == "success" else "success"
    derived = mistake.from_task != mistake.task
    source = f", follows from {mistake.from_task}" if derived else ""
    where = "terminal frame"
    if mistake.labelled_frame is None:
        where = f"clip, {mistake.wrong_frames} of {mistake.judged_frames} frames wrong"
    reviewed = f"Checked: {mistake.reviewed} ({mistake.reviewed_by})"
    return Card(
        item_id=_item(mistake).item_id,
        title=mistake.task,
        badge=mistake.kind,
        tone="positive" if mistake.kind == "false positive" else "negative",
        lines=(
            f"Labelled {mistake.outcome}{source}",
            f"Detector: {mistake.score:.2f} (success from {threshold:.2f})",
            f"{mistake.robot}, {where}",
        ),
        images=images,
        choices=(
            Choice(answer=mistake.outcome, title=f"It is {mistake.outcome}: label is right"),
            Choice(answer=opposite, title=f"It is {opposite}: change label"),
            Choice(answer="unsure", title="Cannot tell"),
        ),
        checked=reviewed if mistake.reviewed else None,
        label_id=mistake.reviewed_label,
    )


def _show_bias(detector_id: str) -> None:
    seen, changed = looked_at(state.catalog(), detector_id)
    with st.container(border=True):
        st.markdown(
            "**Correcting held-out labels while the detector's answer is in sight bends the test "
            "towards the detector.** Each correction is recorded as made in review. So far "
            f"{counted(seen, 'held-out label')} looked at, {changed} changed."
        )
        link("detector", "Train again with the corrected labels")
