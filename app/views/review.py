"""The Review page: where the detector and the labels disagree, and who is right."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from app import inbox, state
from app.decision_log import Item
from app.images import FRAMES, image_urls
from app.label_queue import stated_outcomes
from app.mistakes import Tally, as_corrected, item_of, items, reviewed, tally
from app.pages import link, nothing_yet
from app.person import your_name
from app.widgets.conflicts import show_conflicts
from app.widgets.gallery import Card, Choice, gallery
from app.widgets.notice import errors_shown, show_error
from app.wording import counted, listed, when
from data.labels import Label
from data.shards import FrameRef
from sd_model.artefact import SCORES, DetectorSummary
from sd_model.judging.detector import list_detectors
from sd_model.judging.scores import load_scores

_KEY = "review"
CARDS = 12
"""Cards on one page of the gallery."""
_SPLITS = {"holdout": "Held-out robots", "validation": "Training robots, unseen clips"}
_KINDS = {
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
    path = summary.folder / SCORES
    scores = _scores(str(summary.folder), path.stat().st_mtime_ns if path.exists() else 0)
    examples = _choose(scores)
    own = {task: chosen.value for task, chosen in summary.thresholds.items()}
    thresholds = _choose_thresholds(own, examples)
    labels = state.labels()
    checked = reviewed(labels)
    _show_tallies(examples, own, thresholds, checked)
    looked_at = [(item.episode_id, item.frame_index) for item in checked]
    show_conflicts(
        stated_outcomes(labels), [(e, frame) for e, frame in looked_at if frame is not None], by=by
    )
    found = items(examples, thresholds)
    mistakes = found[found["kind"] != "right"].sort_values(
        ["certainty", "episode_id", "task"], ascending=[False, True, True]
    )
    if examples.empty:
        st.info("Nothing was judged in this selection. Choose another split, task or robot.")
    elif mistakes.empty:
        st.success("No mistakes in this selection.", icon=":material/task_alt:")
    else:
        _show_mistakes(mistakes, scores, thresholds, checked, by)
    _show_bias(scores, checked)


@st.cache_resource(max_entries=4, show_spinner=False)
def _scores(folder: str, changed_ns: int) -> pd.DataFrame:
    return load_scores(Path(folder))


def _choose(scores: pd.DataFrame) -> pd.DataFrame:
    left, middle, right = st.columns(3)
    splits = [split for split in _SPLITS if (scores["split"] == split).any()]
    with left:
        split = st.selectbox(
            "Judged on", splits, format_func=lambda name: _SPLITS[name], key="review-split"
        )
    with middle:
        tasks = st.multiselect(
            "Tasks", sorted(scores["task"].unique()), placeholder="All", key="review-tasks"
        )
    with right:
        robots = st.multiselect(
            "Robots",
            sorted(scores.loc[scores["split"] == split, "robot"].unique()),
            placeholder="All",
            key="review-robots",
        )
    chosen = scores["split"] == split
    for column, names in (("task", tasks), ("robot", robots)):
        if names:
            chosen &= scores[column].isin(names)
    return scores[chosen]


def _choose_thresholds(own: Mapping[str, float], examples: pd.DataFrame) -> Mapping[str, float]:
    toggle, slider = st.columns([1, 2], vertical_alignment="center")
    other = toggle.toggle(
        "Try another threshold",
        key="review-other-threshold",
        help="Shows what would change. The detector itself stays as it is.",
    )
    if not other:
        return own
    tasks = examples["task"].unique()
    start = own[tasks[0]] if len(tasks) == 1 else 0.5
    value = slider.slider("Counts as success from", 0.0, 1.0, round(start, 2), 0.01)
    return dict.fromkeys(own, float(value))


def _show_tallies(
    examples: pd.DataFrame,
    own: Mapping[str, float],
    thresholds: Mapping[str, float],
    checked: Mapping[Item, Label],
) -> None:
    at_own, now = tally(examples, own), tally(examples, thresholds)
    corrected = tally(as_corrected(examples, checked), thresholds)
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
    mistakes: pd.DataFrame,
    scores: pd.DataFrame,
    thresholds: Mapping[str, float],
    checked: Mapping[Item, Label],
    by: str,
) -> None:
    filters = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )
    kind = filters.segmented_control(
        "Show",
        list(_KINDS),
        format_func=lambda name: _label_with_count(name, mistakes),
        key="review-kind",
        label_visibility="collapsed",
    )
    opened_ns = st.session_state.setdefault("review-opened-ns", time.time_ns())
    hide_checked = filters.toggle("Hide checked before", value=True, key="review-hide")
    shown = mistakes if kind is None else mistakes[mistakes["kind"] == kind]
    if hide_checked:
        before = {item for item, label in checked.items() if label.at_ns < opened_ns}
        shown = shown[[item_of(row) not in before for _, row in shown.iterrows()]]
    if shown.empty:
        st.success("Every mistake in this selection is checked.", icon=":material/task_alt:")
        link("detector", "Train again with the corrected labels")
        return
    pages = -(-len(shown) // CARDS)
    page = st.pagination(pages, key="review-page") if pages > 1 else 1
    batch = [row for _, row in shown.iloc[(page - 1) * CARDS : page * CARDS].iterrows()]
    damaged = FRAMES.read_what_can_be(state.workspace(), [_ref(each) for each in batch])
    for error in damaged.values():
        show_error(error)
    batch = [each for each in batch if each["shard"] not in damaged]
    gallery(
        _cards(batch, thresholds, checked),
        key=_KEY,
        receipt=inbox.receipt(_KEY, by=by),
        on_log=inbox.receiver(
            _KEY, by=by, source="review", splits={item_of(row): row["split"] for row in batch}
        ),
    )


def _label_with_count(kind: str, mistakes: pd.DataFrame) -> str:
    return f"{_KINDS[kind]} ({(mistakes['kind'] == kind).sum()})"


def _cards(
    mistakes: list[pd.Series], thresholds: Mapping[str, float], checked: Mapping[Item, Label]
) -> list[Card]:
    now_s = time.time()
    return [
        _card(each, thresholds, checked.get(item_of(each)), image_urls(_ref(each), now_s=now_s))
        for each in mistakes
    ]


def _ref(row: pd.Series) -> FrameRef:
    return FrameRef(row["shard"], row["episode_id"], int(row["frame_index"]))


def _card(
    worst: pd.Series,
    thresholds: Mapping[str, float],
    label: Label | None,
    images: Mapping[str, str],
) -> Card:
    opposite = "failure" if worst["outcome"] == "success" else "success"
    source = "" if worst["origin"] == "labelled" else f", follows from {worst['from_task']}"
    where = "terminal frame"
    if worst["kind_of_episode"] == "clip":
        where = f"clip, {worst['wrong_frames']} of {worst['judged_frames']} frames wrong"
    return Card(
        item_id=item_of(worst).item_id,
        title=worst["task"],
        badge=worst["kind"],
        tone="positive" if worst["kind"] == "false positive" else "negative",
        lines=(
            f"Labelled {worst['outcome']}{source}",
            f"Detector: {worst['score']:.2f} (success from {thresholds[worst['task']]:.2f})",
            f"{worst['robot']}, {where}",
        ),
        images=images,
        choices=(
            Choice(answer=worst["outcome"], title=f"It is {worst['outcome']}: label is right"),
            Choice(answer=opposite, title=f"It is {opposite}: change label"),
            Choice(answer="unsure", title="Cannot tell"),
        ),
        checked=None if label is None else f"Checked: {label.outcome} ({label.by})",
        label_id=None if label is None else label.label_id,
    )


def _show_bias(scores: pd.DataFrame, checked: Mapping[Item, Label]) -> None:
    rows = scores[scores["split"] == "holdout"]
    rows = rows[rows["episode_id"].isin({item.episode_id for item in checked})]
    held_out = {
        Item(row["episode_id"], None if row["kind"] == "clip" else row["frame_index"], row["task"]):
        row["outcome"]
        for row in rows.to_dict("records")
    }  # fmt: skip
    looked_at = [item for item in held_out if item in checked]
    changed = [item for item in looked_at if checked[item].outcome != held_out[item]]
    with st.container(border=True):
        st.markdown(
            "**Correcting held-out labels while the detector's answer is in sight bends the test "
            "towards the detector.** Each correction is recorded as made in review. So far "
            f"{counted(len(looked_at), 'held-out label')} looked at, {len(changed)} changed."
        )
        link("detector", "Train again with the corrected labels")
