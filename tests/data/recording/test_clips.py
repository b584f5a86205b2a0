from dataclasses import replace

import pytest

from data.episodes.index import save_episodes
from data.errors import InvalidInput
from data.labels.labels import append_labels, standing_labels
from data.recording.clips import discard_clip, frames_kept, relabel_clip, trim_clip


@pytest.fixture
def clip(catalog, make_episode, make_label):
    """A clip of success with six frames and its label."""
    episode = make_episode(steps=6)
    save_episodes(catalog, [episode])
    append_labels(catalog, [make_label(episode, frame_index=None, source="clip")])
    return episode.info


def _said(catalog) -> dict[int | None, str]:
    return {label.frame_index: label.outcome for label in standing_labels(catalog)}


def test_frames_that_are_trimmed_train_nothing_and_come_back(catalog, clip) -> None:
    trim_clip(catalog, clip, first=2, last=4, by="ana", at_ns=1)
    assert _said(catalog) == {None: "success", 0: "unsure", 1: "unsure", 5: "unsure"}
    assert frames_kept(clip, standing_labels(catalog)) == (2, 4)
    trim_clip(catalog, clip, first=1, last=4, by="ana", at_ns=2)
    assert _said(catalog) == {None: "success", 0: "unsure", 5: "unsure"}
    trim_clip(catalog, clip, first=0, last=5, by="ana", at_ns=3)
    assert _said(catalog) == {None: "success"}
    assert frames_kept(clip, standing_labels(catalog)) == (0, 5)


@pytest.mark.parametrize(("first", "last"), [(3, 3), (4, 2), (-1, 3), (2, 6)])
def test_a_clip_keeps_at_least_two_of_its_frames(catalog, clip, first, last) -> None:
    with pytest.raises(InvalidInput, match="cannot be trimmed"):
        trim_clip(catalog, clip, first=first, last=last, by="ana", at_ns=1)
    assert _said(catalog) == {None: "success"}


def test_a_clip_is_relabelled_and_discarded(catalog, clip) -> None:
    relabel_clip(catalog, clip, "failure", by="ana", at_ns=2 * 10**18)
    [label] = standing_labels(catalog)
    assert (label.outcome, label.frame_index, label.source) == ("failure", None, "person")
    discard_clip(catalog, clip, by="ana", at_ns=2 * 10**18 + 1)
    assert standing_labels(catalog) == []


def test_a_discarded_clip_says_nothing_of_any_task(catalog, clip) -> None:
    trim_clip(catalog, clip, first=0, last=4, by="ana", at_ns=1)
    said = {"episode_id": clip.episode_id, "by": "ben", "source": "review"}
    template = standing_labels(catalog)[0]
    append_labels(
        catalog,
        [
            replace(template, label_id="other", task="place-any", outcome="failure", **said),
            replace(template, label_id="frame", frame_index=2, outcome="failure", **said),
        ],
    )
    discard_clip(catalog, clip, by="ana", at_ns=2)
    assert _said(catalog) == {5: "unsure"}


def test_a_frame_that_was_labelled_by_itself_is_trimmed_off_too(catalog, clip) -> None:
    template = standing_labels(catalog)[0]
    append_labels(catalog, [replace(template, label_id="one", frame_index=5, outcome="failure")])
    trim_clip(catalog, clip, first=0, last=4, by="ana", at_ns=1)
    assert _said(catalog) == {None: "success", 5: "unsure"}
    trim_clip(catalog, clip, first=0, last=5, by="ana", at_ns=2)
    assert _said(catalog) == {None: "success", 5: "failure"}


def test_only_clips_are_relabelled(catalog, make_episode) -> None:
    episode = make_episode("robot")
    save_episodes(catalog, [episode])
    with pytest.raises(InvalidInput, match="no clip"):
        relabel_clip(catalog, episode.info, "failure", by="ana", at_ns=1)
