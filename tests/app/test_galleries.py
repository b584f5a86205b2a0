from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from app.decision_log import Item
from app.galleries import Gallery, JudgedFilter, gallery_items

DAY_NS = 86_400_000_000_000
THRESHOLDS = {"lift-any": 0.5}


def _row(episode: str, outcome: str, score: float, **more: object) -> dict[str, object]:
    return {
        "episode_id": episode,
        "frame_index": 4,
        "shard": "s",
        "robot": "robot-7",
        "kind": "robot",
        "split": "holdout",
        "recorded_at_ns": 0,
        "shown_task": "lift-any",
        "task": "lift-any",
        "outcome": outcome,
        "origin": "labelled",
        "from_task": "lift-any",
        "label_id": f"l-{episode}",
        "source": "person",
        "score": score,
        "decision": score >= 0.5,
        **more,
    }


JUDGED = pd.DataFrame(
    [
        _row("sure", "success", 0.95),
        _row("missed", "success", 0.1, robot="robot-6"),
        _row("accepted", "failure", 0.8, recorded_at_ns=DAY_NS),
        _row("narrow", "failure", 0.45, source="clip"),
        _row("follows", "failure", 0.25, origin="derived", recorded_at_ns=2 * DAY_NS),
        _row("chosen", "success", 0.7, split="validation"),
    ]
)
HELD_OUT = JUDGED[JUDGED["split"] == "holdout"]


@pytest.mark.parametrize(
    ("gallery", "episodes"),
    [
        ("false positives", ["accepted"]),
        ("false negatives", ["missed"]),
        # Shares of the way from the threshold: 0.1, 0.5, 0.6, 0.8, 0.9.
        ("least sure", ["narrow", "follows", "accepted", "missed", "sure"]),
        ("suspicious", ["missed", "accepted"]),
        ("second look", ["sure"]),
    ],
)
def test_each_gallery_has_its_own_items_and_order(gallery: Gallery, episodes: list[str]) -> None:
    looks = [Item("sure", 4, "lift-any"), Item("elsewhere", 4, "lift-any")]
    found = gallery_items(gallery, HELD_OUT, THRESHOLDS, second_looks=looks)
    assert list(found["episode_id"]) == episodes


def test_disagreement_shows_what_another_detector_decides_otherwise() -> None:
    other = HELD_OUT.assign(score=[0.2, 0.2, 0.9, 0.55, 0.3])
    other["decision"] = other["score"] >= 0.5
    found = gallery_items("disagreement", HELD_OUT, THRESHOLDS, other=other)
    assert list(found["episode_id"]) == ["sure", "narrow"]
    assert list(found["score_before"]) == pytest.approx([0.2, 0.55])
    assert gallery_items("disagreement", HELD_OUT, THRESHOLDS, other=None).empty


@pytest.mark.parametrize(
    ("wanted", "episodes"),
    [
        (JudgedFilter(split="validation"), ["chosen"]),
        (JudgedFilter(split="holdout", robots=["robot-6"]), ["missed"]),
        (JudgedFilter(split="holdout", tasks=["lift-carrot"]), []),
        (JudgedFilter(split="holdout", sources=["clip", "derived"]), ["narrow", "follows"]),
        (
            JudgedFilter(split="holdout", days=(date(1970, 1, 2), date(1970, 1, 3))),
            ["accepted", "follows"],
        ),
        # Twice the distance from 0.5, in the order of the rows: 0.9, 0.8, 0.6, 0.1, 0.5.
        (JudgedFilter(split="holdout", confidence=(0.0, 0.4)), ["narrow"]),
    ],
)
def test_filters_keep_what_passes_all_of_them(wanted: JudgedFilter, episodes: list[str]) -> None:
    assert list(wanted.apply(JUDGED)["episode_id"]) == episodes
