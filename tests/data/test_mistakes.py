from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.episode_index import save_episodes
from data.errors import CorruptData
from data.labels import append_labels
from data.mistakes import (
    JudgedFilter,
    JudgedGroup,
    Tally,
    count_mistakes,
    find_mistakes,
    judged_groups,
    looked_at,
    tally,
)

THRESHOLDS = {"lift-any": 0.6, "place-any": 0.5}
HELD_OUT = JudgedFilter(detector_id="d", split="holdout")


def row(episode, outcome: str, score: float, **known) -> dict:
    name = episode if isinstance(episode, str) else episode.info.episode_id
    return {
        "episode_id": name, "frame_index": 2, "robot": "robot-7", "kind": "robot",
        "split": "holdout", "task": "lift-any", "outcome": outcome, "origin": "labelled",
        "from_task": "lift-any", "label_id": "", "score": score, **known,
    }  # fmt: skip


@pytest.fixture
def judge(workspace):
    """Writes what the detector `d` said."""

    def write(*rows: dict) -> None:
        folder = workspace.detectors / "d"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows)), folder / "scores.parquet")

    return write


def test_mistakes_are_counted_at_any_threshold(catalog, judge) -> None:
    judge(
        row("a", "success", 0.9),
        row("b", "success", 0.55),
        row("c", "failure", 0.7),
        row("d", "failure", 0.1),
        row("e", "failure", 0.1, split="validation"),
    )
    counts = tally(catalog, HELD_OUT, THRESHOLDS)
    assert counts == Tally(successes=2, failures=2, false_positives=1, false_negatives=1)
    assert counts.false_positive_rate == 0.5
    at_half = tally(catalog, HELD_OUT, {"lift-any": 0.5})
    assert at_half.false_negatives == 0
    assert count_mistakes(catalog, HELD_OUT, THRESHOLDS) == {
        "false positive": 1,
        "false negative": 1,
    }
    assert judged_groups(catalog, "d") == [
        JudgedGroup(split="holdout", robot="robot-7", task="lift-any", count=4),
        JudgedGroup(split="validation", robot="robot-7", task="lift-any", count=1),
    ]


def test_the_most_confident_mistake_comes_first(catalog, judge) -> None:
    # Distances from 0.6 as shares of the room there is: (0.7-0.6)/0.4, 0.6/0.6 and (0.6-0.3)/0.6.
    judge(
        row("a", "failure", 0.7),
        row("b", "success", 0.0),
        row("c", "success", 0.3),
    )
    found, total = find_mistakes(catalog, HELD_OUT, THRESHOLDS, most=2)
    assert [(each.episode_id, each.kind) for each in found] == [
        ("b", "false negative"),
        ("c", "false negative"),
    ]
    assert [each.confidence for each in found] == pytest.approx([1.0, 0.5])
    assert total == 3
    [third], _ = find_mistakes(catalog, HELD_OUT, THRESHOLDS, first=2, most=2)
    assert third.episode_id == "a"
    [positive], _ = find_mistakes(catalog, HELD_OUT, THRESHOLDS, kind="false positive", most=2)
    assert positive.episode_id == "a"


def test_the_wrong_frames_of_a_clip_are_one_mistake(catalog, judge, make_episode) -> None:
    clip = make_episode(robot="robot-7")
    save_episodes(catalog, [clip])
    judge(*(
        row(clip, "success", score, kind="clip", frame_index=frame)
        for frame, score in enumerate((0.9, 0.5, 0.2))
    ))  # fmt: skip
    [mistake], total = find_mistakes(catalog, HELD_OUT, THRESHOLDS, most=5)
    assert (mistake.labelled_frame, mistake.frame_index) == (None, 2)
    assert (mistake.wrong_frames, mistake.judged_frames, total) == (2, 3, 1)
    assert mistake.shard.startswith("episodes/robot-7/")


def test_reviewed_mistakes_are_known_corrected_and_left_out(
    catalog, judge, make_episode, make_label
) -> None:
    one, two = make_episode("robot"), make_episode("robot")
    save_episodes(catalog, [one, two])
    judge(row(one, "failure", 0.9), row(two, "failure", 0.8))
    review = make_label(one, "success", frame_index=2, source="review", at_ns=100)
    append_labels(catalog, [review])

    first, second = find_mistakes(catalog, HELD_OUT, THRESHOLDS, most=5)[0]
    assert (first.reviewed, first.reviewed_by, first.reviewed_label) == (
        "success", "ann", review.label_id,
    )  # fmt: skip
    assert second.reviewed is None
    later, _ = find_mistakes(catalog, HELD_OUT, THRESHOLDS, unreviewed_since_ns=101, most=5)
    assert [each.episode_id for each in later] == [two.info.episode_id]
    corrected = tally(catalog, HELD_OUT, THRESHOLDS, as_corrected=True)
    assert corrected == Tally(successes=1, failures=1, false_positives=1, false_negatives=0)
    assert looked_at(catalog, "d") == (1, 1)


def test_scores_that_were_written_again_are_read_again(catalog, judge) -> None:
    judge(row("a", "success", 0.9))
    assert tally(catalog, HELD_OUT, THRESHOLDS).successes == 1
    judge(row("a", "success", 0.9), row("b", "success", 0.9))
    assert tally(catalog, HELD_OUT, THRESHOLDS).successes == 2


def test_damaged_scores_are_told(catalog, workspace, judge) -> None:
    judge(row("a", "success", 0.9))
    (workspace.detectors / "d" / "scores.parquet").write_bytes(b"no table")
    with pytest.raises(CorruptData, match="scores cannot be read"):
        tally(catalog, HELD_OUT, THRESHOLDS)
