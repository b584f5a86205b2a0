import pytest

from data.episodes.episodes import Episode, EpisodeInfo, new_episode_id
from data.errors import InvalidInput


def test_ids_sort_by_time_and_are_drawn_once() -> None:
    times_ns = [5, 1_000_000_000, 1_000_000_001, 61_000_000_000, 10**18]
    ids = [new_episode_id(at_ns) for at_ns in times_ns]
    assert ids == sorted(ids)
    assert ids[1].startswith("19700101-000001-000000000-")
    assert new_episode_id(7) != new_episode_id(7)


def test_the_day_is_utc(make_episode) -> None:
    last_of_day_ns = 86_400 * 10**9 - 1
    assert make_episode(at_ns=last_of_day_ns).info.day == "1970-01-01"
    assert make_episode(at_ns=last_of_day_ns + 1).info.day == "1970-01-02"


def test_a_pair_is_one_group(make_episode) -> None:
    assert make_episode(pair_id="scene-1").info.group == "scene-1"
    alone = make_episode("robot").info
    assert alone.group == alone.episode_id


def test_json_is_the_inverse(make_episode) -> None:
    info = make_episode("robot", truth={"lift-any": True, "lift-can": False}).info
    assert EpisodeInfo(**info.as_json()) == info


@pytest.mark.parametrize(
    "nonsense",
    [
        {"robot": "../escape"},
        {"episode_id": "a/b"},
        {"kind": "film"},
        {"outcome": "unsure"},
        {"steps": 0},
    ],
)
def test_nonsense_is_refused(make_episode, nonsense) -> None:
    with pytest.raises(InvalidInput):
        make_episode(**nonsense)


def test_info_and_steps_must_agree(make_episode) -> None:
    episode = make_episode(steps=3)
    with pytest.raises(InvalidInput, match="2 steps"):
        Episode(info=episode.info, steps=episode.steps[:2])
