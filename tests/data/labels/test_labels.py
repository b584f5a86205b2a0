from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.catalog.catalog import Catalog
from data.catalog.counts import label_figures
from data.episodes.index import save_episodes
from data.errors import InvalidInput, UnknownName
from data.labels import log as label_log
from data.labels.labels import (
    append_labels,
    label_history,
    new_label_id,
    standing_labels,
    undo_label,
)


@pytest.fixture
def episode(catalog, make_episode):
    clip = make_episode(steps=3)
    save_episodes(catalog, [clip])
    return clip


def test_the_newest_stands(catalog, episode, make_label) -> None:
    first = make_label(episode, "success")
    second = make_label(episode, "failure")
    other_frame = make_label(episode, "success", frame_index=1)
    other_task = make_label(episode, "unsure", task="lift-can")
    append_labels(catalog, [first, second, other_frame, other_task])
    assert standing_labels(catalog) == [second, other_frame, other_task]
    assert standing_labels(catalog, task="lift-can") == [other_task]
    assert standing_labels(catalog, episode_ids=["nobody"]) == []
    assert label_history(catalog) == [other_task, other_frame, second, first]


def test_a_correction_stands_although_the_clock_was_set_back(catalog, episode, make_label) -> None:
    old = make_label(episode, "success")
    correction = make_label(episode, "failure", at_ns=old.at_ns - 3600 * 10**9)
    append_labels(catalog, [old])
    append_labels(catalog, [correction])
    assert standing_labels(catalog) == [correction]


def test_an_imported_label_never_stands_over_what_was_said_here(
    catalog, episode, make_label
) -> None:
    older, newer = (make_label(episode, "success", source="import") for _ in range(2))
    append_labels(catalog, [newer])
    append_labels(catalog, [older])
    assert standing_labels(catalog) == [newer]
    here = make_label(episode, "failure", at_ns=1)
    append_labels(catalog, [here])
    append_labels(catalog, [make_label(episode, "success", source="import")])
    assert standing_labels(catalog) == [here]


def test_undo_restores_what_stood_before(catalog, episode, make_label) -> None:
    first, second = make_label(episode, "success"), make_label(episode, "failure")
    append_labels(catalog, [first, second])
    undo = undo_label(catalog, second.label_id, by="bo", at_ns=second.at_ns + 1)
    assert undo is not None
    assert (undo.retracts, undo.by) == (second.label_id, "bo")
    assert standing_labels(catalog) == [first]
    assert undo_label(catalog, second.label_id, by="bo", at_ns=0) is None
    undo_label(catalog, first.label_id, by="bo", at_ns=0)
    assert standing_labels(catalog) == []
    assert len(label_history(catalog)) == 4
    with pytest.raises(InvalidInput, match="cannot be undone"):
        undo_label(catalog, undo.label_id, by="bo", at_ns=0)
    with pytest.raises(UnknownName):
        undo_label(catalog, "nothing", by="bo", at_ns=0)


def test_appending_twice_changes_nothing(catalog, episode, make_label) -> None:
    label = make_label(episode, "success")
    append_labels(catalog, [label, label])
    append_labels(catalog, [replace(label, outcome="failure"), make_label(episode, frame_index=2)])
    assert [each.outcome for each in label_history(catalog)] == ["success", "success"]
    assert len(catalog.workspace.labels_path.read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ({"task": "lift-carot"}, UnknownName, "Did you mean 'lift-carrot'"),
        ({"episode_id": "nobody"}, UnknownName, "nobody"),
        ({"frame_index": 3}, InvalidInput, "0 to 2"),
        ({"frame_index": -1}, InvalidInput, "0 to 2"),
        ({"retracts": "nothing"}, UnknownName, "nothing"),
    ],
)
def test_what_fits_nothing_is_refused_whole(
    catalog, episode, make_label, known, error, message
) -> None:
    with pytest.raises(error, match=message):
        append_labels(catalog, [make_label(episode), make_label(episode, **known)])
    assert label_history(catalog) == []
    assert not catalog.workspace.labels_path.exists()


def test_only_a_clip_is_labelled_as_a_whole(catalog, make_episode, make_label) -> None:
    clip, acted = make_episode(), make_episode("robot")
    save_episodes(catalog, [clip, acted])
    append_labels(catalog, [make_label(clip, frame_index=None)])
    with pytest.raises(InvalidInput, match="Only a clip"):
        append_labels(catalog, [make_label(acted, frame_index=None)])


def test_history_of_one_person_or_episode(catalog, episode, make_episode, make_label) -> None:
    other = make_episode()
    save_episodes(catalog, [other])
    mine, hers = make_label(episode, by="me"), make_label(other, by="her")
    append_labels(catalog, [mine, hers])
    assert label_history(catalog, by="me") == [mine]
    assert label_history(catalog, other.info.episode_id) == [hers]
    assert label_history(catalog, limit=1) == [hers]


def test_what_a_crash_left_unindexed_is_caught_up(catalog, episode, make_label) -> None:
    """The log is written first: a process killed before the index was written left this."""
    label = make_label(episode)
    label_log.append(catalog.workspace.labels_path, [label])
    assert standing_labels(Catalog(catalog.workspace)) == [label]
    append_labels(catalog, [label])
    assert label_history(catalog) == [label]


def test_a_restored_older_log_is_read_anew(catalog, episode, make_label) -> None:
    path = catalog.workspace.labels_path
    first, second = make_label(episode), make_label(episode, "failure")
    append_labels(catalog, [first])
    backup = path.read_bytes()
    append_labels(catalog, [second])
    path.write_bytes(backup)
    assert standing_labels(catalog) == [first]


def test_what_a_restored_log_no_longer_says_of_other_episodes_is_forgotten(
    catalog, episode, make_episode, make_label
) -> None:
    other = make_episode("robot", steps=2)
    save_episodes(catalog, [other])
    path = catalog.workspace.labels_path
    append_labels(catalog, [make_label(episode)])
    backup = path.read_bytes()
    append_labels(catalog, [make_label(other, frame_index=1)])
    assert label_figures(catalog, since_ns=0).labelled_episodes == 1
    path.write_bytes(backup)
    assert label_figures(catalog, since_ns=0).labelled_episodes == 0


Event = st.tuples(
    st.sampled_from(["say", "undo"]),
    st.sampled_from(["success", "failure", "unsure"]),
    st.integers(0, 1),  # frame
    st.integers(0, 5),  # which of the labels so far is undone
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(Event, max_size=8))
def test_any_history_stands_as_a_pile_says(catalog, make_episode, make_label, events) -> None:
    """A pile of labels per frame is what people have in mind: undo takes one out of it."""
    episode = make_episode()
    save_episodes(catalog, [episode])
    said = []
    piles = {0: [], 1: []}
    for what, outcome, frame, which in events:
        if what == "say":
            label = make_label(episode, outcome, frame_index=frame)
            append_labels(catalog, [label])
            said.append(label)
            piles[frame].append(label)
        elif said:
            label = said[which % len(said)]
            still_there = label in piles[label.frame_index]
            undo = undo_label(catalog, label.label_id, by="bo", at_ns=label.at_ns)
            assert (undo is not None) == still_there
            if still_there:
                piles[label.frame_index].remove(label)
    expected = {frame: pile[-1] for frame, pile in piles.items() if pile}
    standing = standing_labels(catalog, episode_ids=[episode.info.episode_id])
    assert {label.frame_index: label for label in standing} == expected


def test_ids_are_drawn_once() -> None:
    assert len({new_label_id() for _ in range(1000)}) == 1000
