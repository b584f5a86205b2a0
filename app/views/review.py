"""The Review page: where the detector and the labels disagree, and who is right."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import inbox, state
from app.decision_log import Item
from app.galleries import GALLERIES, Gallery, JudgedFilter, gallery_items
from app.images import FRAMES
from app.mistakes import Tally, among, as_corrected, item_of, items, tally
from app.pages import link, nothing_yet
from app.person import your_name
from app.reviews import items_to_exclude, load_reviews
from app.second_looks import SecondLooks
from app.verdict import detector_words
from app.widgets.conflicts import show_conflicts
from app.widgets.film import opened_film
from app.widgets.gallery import gallery
from app.widgets.notice import errors_shown, show_error
from app.widgets.review_cards import frame_ref, make_cards
from app.widgets.review_filters import choose_examples, choose_gallery
from app.widgets.review_history import show_history
from app.widgets.review_policy import show_policy_sample
from app.widgets.review_retrain import CHOSEN, offer_retraining
from app.wording import counted
from data.labels.labels import Label
from sd_model.artefact import SCORES, DetectorSummary, list_detectors
from sd_model.judging.scores import load_scores, of_own_task, records

_KEY = "review"
CARDS = 12
"""Cards on one page of the gallery."""


def render() -> None:
    """Show the page."""
    st.title("Review")
    st.caption("Where the detector and the labels disagree. Either may be wrong.")
    detectors = {each.detector_id: each for each in list_detectors(state.workspace())}
    if not detectors:
        nothing_yet(
            "**There is no detector yet.** Train one; what it gets wrong on the robots whose "
            "answers it was never told then appears here.",
            page="detector",
            label="Train a detector",
        )
        return
    which, name = st.columns([3, 1], vertical_alignment="bottom")
    with which:
        chosen = st.selectbox(
            "Detector",
            list(detectors),
            format_func=lambda name: detector_words(detectors[name]),
            key=CHOSEN,
            bind="query-params",
            help="The newest comes first.",
        )
    with name:
        by = your_name()
    inbox.show_problem(_KEY)
    with errors_shown():
        _review(detectors[chosen], list(detectors.values()), by)


def _review(summary: DetectorSummary, detectors: Sequence[DetectorSummary], by: str) -> None:
    reviews = state.answer(load_reviews)
    offer_retraining(summary, reviews)
    which = choose_gallery()
    if which == "newest policy":
        st.caption(GALLERIES[which])
        show_policy_sample(summary, by=by)
        return
    judged = _judged(summary)
    filters = st.container(horizontal=True, vertical_alignment="bottom")
    wanted = choose_examples(judged, filters)
    chosen = wanted.apply(judged)
    own = {task: threshold.value for task, threshold in summary.thresholds.items()}
    thresholds = _choose_thresholds(own, chosen, filters)
    checked = reviews.by_item
    _show_tallies(chosen, own, thresholds, checked)
    show_conflicts(by=by)
    if chosen.empty:
        st.info("Nothing was judged in this selection. Choose another split, task or robot.")
    else:
        other = _other_detector(summary, detectors) if which == "disagreement" else None
        looks = reviews.looks.waiting if which == "second look" else ()
        found = _found(
            *_scores_key(summary), which, wanted, tuple(thresholds.items()), other, looks
        )
        _show_gallery(which, found, checked, by)
    if which == "second look":
        _show_agreement(reviews.looks)
    everything = _items(*_scores_key(summary), tuple(own.items()))
    show_history(reviews, everything, by=by)
    _show_bias(everything, checked)


def _judged(summary: DetectorSummary) -> pd.DataFrame:
    return _scores(*_scores_key(summary))


def _scores_key(summary: DetectorSummary) -> tuple[str, int]:
    """What the scores in memory are known by: their folder, and when they were written."""
    path = summary.folder / SCORES
    return str(summary.folder), path.stat().st_mtime_ns if path.exists() else 0


@st.cache_resource(max_entries=4, show_spinner=False)
def _scores(folder: str, changed_ns: int) -> pd.DataFrame:
    return load_scores(Path(folder))


@st.cache_resource(max_entries=4, show_spinner=False)
def _items(folder: str, changed_ns: int, thresholds: tuple[tuple[str, float], ...]) -> pd.DataFrame:
    return items(_scores(folder, changed_ns), dict(thresholds))


@st.cache_resource(max_entries=8, show_spinner=False)
def _found(
    folder: str,
    changed_ns: int,
    which: Gallery,
    wanted: JudgedFilter,
    thresholds: tuple[tuple[str, float], ...],
    other: tuple[str, int] | None,
    looks: tuple[Item, ...],
) -> pd.DataFrame:
    """The gallery's items, worked out once for each choice; another detector by its scores' key."""
    return gallery_items(
        which,
        wanted.apply(_scores(folder, changed_ns)),
        dict(thresholds),
        other=None if other is None else _scores(*other),
        second_looks=looks,
    )


def _other_detector(
    summary: DetectorSummary, detectors: Sequence[DetectorSummary]
) -> tuple[str, int] | None:
    others = {
        each.detector_id: each for each in detectors if each.detector_id != summary.detector_id
    }
    if not others:
        st.info("There is only one detector so far. Train another to see where they disagree.")
        return None
    chosen = st.selectbox(
        "Compared with",
        list(others),
        format_func=lambda name: detector_words(others[name]),
        key="other",
        bind="query-params",
    )
    return _scores_key(others[chosen])


def _choose_thresholds(
    own: Mapping[str, float], judged: pd.DataFrame, row: DeltaGenerator
) -> Mapping[str, float]:
    other = row.toggle(
        "Try another threshold",
        key="review-other-threshold",
        help="Shows what would change. The detector itself stays as it is.",
    )
    if not other:
        return own
    tasks = judged["task"].unique()
    start = own[tasks[0]] if len(tasks) == 1 else 0.5
    value = st.slider("Counts as success from", 0.0, 1.0, round(start, 2), 0.01)
    return dict.fromkeys(own, float(value))


def _show_tallies(
    judged: pd.DataFrame,
    own: Mapping[str, float],
    thresholds: Mapping[str, float],
    checked: Mapping[Item, Label],
) -> None:
    of_others = judged[~of_own_task(judged)]
    judged = judged[of_own_task(judged)]
    at_own, now = tally(judged, own), tally(judged, thresholds)
    corrected = tally(as_corrected(judged, checked), thresholds)
    st.markdown(
        f"{_in_words(now)}.",
        help="Frames are counted, as in the report: those of episodes that show the task or tried "
        "it. The report's last line is the mean over tasks; here all tasks are counted together. "
        "Below, the frames of one clip share a card.",
    )
    if not of_others.empty:
        st.caption(
            f"On frames of other tasks' episodes: {_in_words(tally(of_others, thresholds))}."
        )
    if now != at_own:
        st.caption(f"With the detector's own threshold: {_in_words(at_own)}.")
    if corrected != now:
        st.caption(f"With the labels as corrected in review: {_in_words(corrected)}.")


def _in_words(counts: Tally) -> str:
    return (
        f"**{counts.false_positives} of {counts.failures} failures"
        f"{_percent(counts.false_positive_rate)}** taken for success, "
        f"**{counts.false_negatives} of {counts.successes} successes"
        f"{_percent(counts.false_negative_rate)}** taken for failure"
    )


def _percent(rate: float | None) -> str:
    return "" if rate is None else f" ({rate:.1%})"


def _show_gallery(
    which: Gallery, found: pd.DataFrame, checked: Mapping[Item, Label], by: str
) -> None:
    shown = found
    if which == "second look":
        st.caption(GALLERIES[which])
    else:
        shown = _unchecked(found, checked, GALLERIES[which])
    if shown.empty:
        if which == "second look":
            st.info("Nothing yet. What you check in the other galleries is asked again here.")
            return
        words = "Every one of these is checked." if len(found) else "None in this selection."
        words += " Choose another list above, or other filters."
        st.success(words, icon=":material/task_alt:")
        return
    pages = -(-len(shown) // CARDS)
    page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    batch = records(shown.iloc[(page - 1) * CARDS : page * CARDS])
    damaged = FRAMES.read_what_can_be(state.workspace(), [frame_ref(each) for each in batch])
    for error in damaged.values():
        show_error(error)
    _mount([each for each in batch if each["shard"] not in damaged], which, checked, by)


def _unchecked(found: pd.DataFrame, checked: Mapping[Item, Label], what: str) -> pd.DataFrame:
    """What is left to check: nothing that was checked before this visit, unless it is asked for.

    Says what the cards show: `what`.
    """
    row = st.container(horizontal=True, vertical_alignment="center")
    count = row.container(width="stretch")
    opened_ns = st.session_state.setdefault("review-opened-ns", time.time_ns())
    if row.toggle("Hide checked before", value=True, key="review-hide"):
        before = {item for item, label in checked.items() if label.at_ns < opened_ns}
        found = found[~among(found, before)]
    count.markdown(f"**{counted(len(found), 'card')}.** {what}")
    return found


def _mount(
    batch: Sequence[Mapping[str, Any]], which: Gallery, checked: Mapping[Item, Label], by: str
) -> None:
    asked = [item_of(row) for row in batch]
    gallery(
        make_cards(
            batch,
            checked,
            state.answer(items_to_exclude, tuple(asked)),
            blind=which == "second look",
            now_s=time.time(),
        ),
        key=_KEY,
        receipt=inbox.receipt(_KEY, by=by),
        film=opened_film(_KEY, [each.item_id for each in asked]),
        on_log=inbox.receiver(
            _KEY,
            by=by,
            source="review",
            splits={item_of(row): row["split"] for row in batch},
        ),
    )


def _show_agreement(looks: SecondLooks) -> None:
    if looks.asked:
        st.caption(
            f"{counted(looks.asked, 'label')} asked again so far, {looks.agreed} answered alike."
        )


def _show_bias(everything: pd.DataFrame, checked: Mapping[Item, Label]) -> None:
    rows = everything[everything["split"] == "holdout"]
    rows = rows[rows["episode_id"].isin({item.episode_id for item in checked})]
    looked_at = {item_of(row): row for row in records(rows) if item_of(row) in checked}
    known = sum(row["source"] == "review" for row in looked_at.values())
    changed = sum(checked[item].outcome != row["outcome"] for item, row in looked_at.items())
    with st.container(border=True):
        st.markdown(
            "**Correcting held-out labels while the detector's answer is in sight bends the test "
            "towards the detector.** Each correction is recorded as made in review. So far "
            f"{counted(len(looked_at), 'held-out label')} looked at. This detector was judged by "
            f"{known} of these answers; {changed} would change how it is judged."
        )
        link("review", "Take a second look, blind", {"show": "second look"})
