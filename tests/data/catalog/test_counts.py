from __future__ import annotations

from dataclasses import replace

from data.catalog.counts import (
    Census,
    EpisodeCount,
    Tally,
    census,
    label_figures,
    outcome_counts,
    pair_counts,
)
from data.catalog.questions import newest_clips
from data.episodes.index import save_episodes
from data.labels.labels import append_labels, undo_label
from data.recording.clips import relabel_clip


def record(catalog, make_episode, make_label, robot: str, *outcomes: str, pair: str = "p") -> list:
    """Clips of lift-carrot, labelled as a whole; returns their labels."""
    clips = [
        make_episode(robot=robot, task="lift-carrot", outcome=outcome, pair_id=f"{robot}-{pair}")
        for outcome in outcomes
    ]
    save_episodes(catalog, clips)
    labels = [
        make_label(clip, outcome, task="lift-carrot", frame_index=None, source="clip")
        for clip, outcome in zip(clips, outcomes, strict=True)
    ]
    append_labels(catalog, labels)
    return labels


def test_a_clip_counts_once_and_brings_what_follows_from_it(
    catalog, make_episode, make_label
) -> None:
    for robot in ("robot-1", "robot-2"):
        record(catalog, make_episode, make_label, robot, "success", "failure")
    counts = outcome_counts(catalog)
    assert counts.of("lift-carrot") == Tally(success=2, failure=2)
    assert counts.of("lift-carrot", ["robot-1"]) == Tally(success=1, failure=1)
    assert counts.of("lift-any") == Tally(derived_success=2)
    assert counts.of("lift-banana") == Tally(derived_failure=2)
    assert counts.of("place-any") == Tally()
    assert counts.robots == ("robot-1", "robot-2")
    assert pair_counts(catalog) == {("lift-carrot", "robot-1"): 1, ("lift-carrot", "robot-2"): 1}


def test_frames_of_a_clip_count_where_nobody_spoke_of_the_whole(
    catalog, make_episode, make_label
) -> None:
    clip = make_episode()
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, frame_index=n) for n in (0, 1)])
    assert outcome_counts(catalog).of("lift-any") == Tally(success=2)


def test_unsure_answers_count_for_nothing(catalog, make_episode, make_label) -> None:
    episode = make_episode("robot", steps=1)
    save_episodes(catalog, [episode])
    append_labels(catalog, [make_label(episode, "unsure")])
    assert outcome_counts(catalog).robots == ()
    figures = label_figures(catalog, since_ns=0)
    assert (figures.standing, figures.labelled_episodes) == (1, 0)


def test_labels_that_cannot_all_be_true_are_counted_apart(
    catalog, make_episode, make_label
) -> None:
    episode = make_episode("robot", steps=1)
    save_episodes(catalog, [episode])
    append_labels(
        catalog,
        [make_label(episode, task="lift-carrot"), make_label(episode, "failure")],
    )
    counts = outcome_counts(catalog)
    assert counts.conflicts == (episode.info.episode_id,)
    assert counts.conflict_count == 1
    assert counts.robots == ()


def test_a_discarded_clip_counts_for_nothing(catalog, make_episode, make_label) -> None:
    _, failure = record(catalog, make_episode, make_label, "robot-1", "success", "failure")
    assert census(catalog).clips == {
        ("robot-1", "lift-carrot", "success"): 1,
        ("robot-1", "lift-carrot", "failure"): 1,
    }
    undo_label(catalog, failure.label_id, by="bo", at_ns=0)
    assert census(catalog).clips == {("robot-1", "lift-carrot", "success"): 1}
    assert census(catalog).of_robot("robot-1", "clip") == 1
    assert pair_counts(catalog) == {}


def test_a_clip_that_was_excluded_in_review_is_not_in_use(
    catalog, make_episode, make_label
) -> None:
    labels = record(catalog, make_episode, make_label, "robot-1", "success", "failure")
    excluded = replace(labels[0], label_id="excluded", outcome="unsure", source="review")
    append_labels(catalog, [excluded])
    assert census(catalog).clips == {("robot-1", "lift-carrot", "failure"): 1}
    assert census(catalog).clip_frames == {"lift-carrot": 3}
    assert pair_counts(catalog) == {}
    assert len(newest_clips(catalog, of_each_task=9)) == 1
    undo_label(catalog, "excluded", by="ben", at_ns=1)
    assert pair_counts(catalog) == {("lift-carrot", "robot-1"): 1}


def test_a_corrected_clip_counts_as_what_its_label_says(catalog, make_episode, make_label) -> None:
    record(catalog, make_episode, make_label, "robot-1", "success", "failure")
    [failure] = [each.info for each in newest_clips(catalog, of_each_task=1)]
    relabel_clip(catalog, failure, "success", by="bo", at_ns=0)
    assert census(catalog).clips == {("robot-1", "lift-carrot", "success"): 2}
    assert census(catalog).clip_frames == {"lift-carrot": 6}
    assert [each.info.outcome for each in newest_clips(catalog, of_each_task=1)] == ["success"]
    assert pair_counts(catalog) == {}


def test_the_census_tells_apart_who_acted_and_who_was_answered(
    catalog, make_episode, make_label
) -> None:
    acted = [make_episode("robot", behaviour=name) for name in ("noisy", "noisy", "scripted-pick")]
    save_episodes(catalog, acted)
    append_labels(catalog, [make_label(acted[0], frame_index=2)])
    alike = {"kind": "robot", "robot": "robot-1", "task": "lift-any", "outcome": None}
    assert census(catalog) == Census(
        (
            EpisodeCount(**alike, behaviour="noisy", answered=False, count=1, frames=3),
            EpisodeCount(**alike, behaviour="noisy", answered=True, count=1, frames=3),
            EpisodeCount(**alike, behaviour="scripted-pick", answered=False, count=1, frames=3),
        )
    )
    assert census(catalog).robot_episodes == 3
    assert label_figures(catalog, since_ns=2**62).since == 0
