import pytest

from data.catalog.questions import Frame
from data.episodes.index import save_episodes
from data.episodes.removal import remove_episodes
from data.labels.agreement import (
    Answered,
    answered_twice,
    by_person,
    by_task,
    for_a_second_opinion,
    measure,
)
from data.labels.labels import append_labels
from data.recording.clips import trim_clip


def _answers(*rows: str) -> list[dict[str, str]]:
    """Each row one question; its letters the answers of ana, ben and so on, `-` for none."""
    words = {"s": "success", "f": "failure"}
    people = ("ana", "ben", "cleo")
    return [
        {
            person: words[letter]
            for person, letter in zip(people, row, strict=False)
            if letter in words
        }
        for row in rows
    ]


def test_alpha_of_two_people_by_hand() -> None:
    # Two of four questions differ: observed disagreement 4/8 pairable values. Six s and two f
    # among 8 values: expected 2 * 6 * 2 / (8 * 7) = 3/7. Alpha = 1 - (1/2) / (3/7) = -1/6.
    found = measure(_answers("ss", "ss", "sf", "fs"))
    assert found.questions == 4
    assert found.share == 0.5
    assert found.alpha == pytest.approx(-1 / 6)


def test_full_agreement_is_one_and_without_variation_unknown() -> None:
    assert measure(_answers("ss", "ff", "s-s")).alpha == pytest.approx(1.0)
    assert measure(_answers("ss", "ss")).alpha is None


@pytest.fixture
def labelled(catalog, make_episode, make_label):
    """Three episodes: ana and ben agree on the first, differ on the second; the third is ana's."""
    episodes = [make_episode("robot", steps=2) for _ in range(3)]
    save_episodes(catalog, episodes)
    first, second, third = episodes
    append_labels(
        catalog,
        [
            make_label(first, "success", by="ana", frame_index=1),
            make_label(first, "success", by="ben", frame_index=1),
            make_label(second, "failure", by="ana", frame_index=1),
            make_label(second, "success", by="ana", frame_index=1),  # she changed her mind
            make_label(second, "failure", by="ben", frame_index=1),
            make_label(third, "success", by="ana", frame_index=1),
        ],
    )
    return episodes


def test_disputes_are_found_and_settled_in_review(catalog, labelled, make_label) -> None:
    agreed, disputed = answered_twice(catalog)
    assert not agreed.disputed
    assert disputed.disputed and disputed.answers == {"ana": "success", "ben": "failure"}
    assert by_task([agreed, disputed])["lift-any"].share == 0.5
    assert by_person([agreed, disputed])["ben"].questions == 2
    append_labels(
        catalog, [make_label(labelled[1], "failure", by="cleo", frame_index=1, source="review")]
    )
    assert not answered_twice(catalog)[1].disputed


def test_others_agreement_among_themselves_is_not_a_persons() -> None:
    answered = [
        Answered(frame=Frame(str(number), 0), task="lift-any", answers=answers, decided=False)
        for number, answers in enumerate(_answers("sff", "fss"))
    ]
    found = by_person(answered)
    assert (found["ana"].questions, found["ana"].share) == (2, 0.0)
    # Four units of two values that differ: observed 1, expected 2 * 4 * 4 / (8 * 7) = 4/7.
    assert found["ana"].alpha == pytest.approx(1 - 7 / 4)
    assert found["ben"].share == 0.5


def test_what_was_said_of_a_clip_or_a_removed_episode_asks_nobody_again(
    catalog, labelled, make_episode, make_label
) -> None:
    clip = make_episode("clip", steps=9)
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, frame_index=None, source="clip")])
    trim_clip(catalog, clip.info, first=0, last=1, by="ana", at_ns=1)
    second, third = (each.info.episode_id for each in labelled[1:])
    asked = for_a_second_opinion(catalog, by="ben", tasks=["lift-any"], share=1.0, most=9)
    assert [frame.episode_id for frame, _ in asked] == [third]
    remove_episodes(catalog, [second, third])
    assert for_a_second_opinion(catalog, by="ben", tasks=["lift-any"], share=1.0, most=9) == []
    assert [each.disputed for each in answered_twice(catalog)] == [False]


def test_a_second_opinion_is_asked_of_others_alone(catalog, labelled) -> None:
    def asked(by: str, share: float = 1.0) -> list[str]:
        found = for_a_second_opinion(catalog, by=by, tasks=["lift-any"], share=share, most=9)
        return [frame.episode_id for frame, _ in found]

    assert asked("ben") == [labelled[2].info.episode_id]
    assert asked("ana") == []
    assert asked("ben", share=0.0) == []
