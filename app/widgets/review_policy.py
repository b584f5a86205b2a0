"""The random sample of the newest policy's episodes, put to a person who judges alone."""

from __future__ import annotations

import time
from collections.abc import Iterable

import streamlit as st

from app import inbox, state
from app.decision_log import Item
from app.images import FRAMES, image_urls
from app.pages import nothing_yet
from app.policies import list_policy_cards
from app.policy_watch import Watched, policy_sample, score_sample, watch_policy
from app.widgets.film import opened_film
from app.widgets.gallery import Card, gallery
from app.widgets.notice import show_error
from app.wording import counted, listed
from data.episodes.index import IndexedEpisode
from data.episodes.shards import FrameRef
from data.labels.labels import standing_labels
from sd_model.artefact import DetectorSummary

_KEY = "review-policy"
_CARDS = 12


def show_policy_sample(detector: DetectorSummary, *, by: str) -> None:
    """The sampled episodes that nobody has judged yet, and the precision measured so far."""
    found = newest_sample(detector)
    if found is None:
        nothing_yet(
            "**No policy has acted on a task that this detector judges.** Collect episodes with a "
            "trained policy; a random sample of them is then asked here.",
            page="policy",
            label="Collect with a policy",
        )
        return
    policy_id, sample = found
    with st.spinner("The detector judges the sample …"):
        score_sample(state.catalog(), sample, detector)
    watched = watch_policy(state.catalog(), policy_id, detector)
    st.markdown("\n".join(f"- {words}" for words in watched_lines(watched)))
    inbox.show_problem(_KEY)
    names = {each.info.episode_id for each in sample}
    said = {
        (label.episode_id, label.task)
        for label in standing_labels(state.catalog(), episode_ids=names)
    }
    waiting = [each for each in sample if (each.info.episode_id, each.info.task) not in said]
    if not waiting:
        st.success("Every sampled episode is judged.", icon=":material/task_alt:")
        return
    st.markdown(f"**{counted(len(waiting), 'episode')} to judge**")
    _ask(waiting[:_CARDS], by)


def newest_sample(detector: DetectorSummary) -> tuple[str, list[IndexedEpisode]] | None:
    """The newest policy of which there are episodes, with its sample."""
    for card in list_policy_cards(state.workspace()):
        sample = policy_sample(state.catalog(), card.policy_id, detector)
        if sample:
            return card.policy_id, sample
    return None


def watched_lines(watched: Iterable[Watched]) -> list[str]:
    """The measured precision in words; robots of which the same is to be said share a line."""
    robots: dict[tuple[str, str], list[str]] = {}
    for row in watched:
        robots.setdefault((row.policy_id[-4:], _watched_words(row)), []).append(row.robot)
    return [
        f"policy {policy} on {listed(names)}: {words}" + (" of each." if len(names) > 1 else ".")
        for (policy, words), names in robots.items()
    ]


def _watched_words(row: Watched) -> str:
    if not row.judged:
        return f"nobody has judged any of {row.sampled} sampled episodes"
    judged = f"{row.judged} of {row.sampled} sampled episodes judged"
    if row.precision is None:
        return f"{judged}, no success claimed"
    low, high = row.interval
    return (
        f"{row.true} of {row.claimed} claimed successes were true "
        f"({row.precision:.0%}, between {low:.0%} and {high:.0%}), {judged}"
    )


def _ask(batch: list[IndexedEpisode], by: str) -> None:
    refs = {
        each.info.episode_id: FrameRef(each.shard, each.info.episode_id, each.info.step_count - 1)
        for each in batch
    }
    damaged = FRAMES.read_what_can_be(state.workspace(), list(refs.values()))
    for error in damaged.values():
        show_error(error)
    batch = [each for each in batch if each.shard not in damaged]
    items = [
        Item(each.info.episode_id, each.info.step_count - 1, each.info.task or "") for each in batch
    ]
    now_s = time.time()
    gallery(
        [
            Card(
                item_id=item.item_id,
                title=f"Success at {item.task}?",
                badge="",
                tone="plain",
                lines=(each.info.robot,),
                images=image_urls(refs[item.episode_id], now_s=now_s),
                outcome="failure",
                blind=True,
                exclude=(item.item_id,),
                checked=None,
                label_id=None,
            )
            for item, each in zip(items, batch, strict=True)
        ],
        key=_KEY,
        receipt=inbox.receipt(_KEY, by=by),
        film=opened_film(_KEY, [item.item_id for item in items]),
        on_log=inbox.receiver(_KEY, by=by, source="person"),
    )
