import pytest

from data.episodes.index import add_shard, find_episode, list_episodes, load_episode, save_episodes
from data.episodes.shards import write_shard
from data.errors import CorruptData, UnknownName


@pytest.fixture
def episodes(catalog, make_episode):
    made = [
        make_episode(pair_id="scene"),
        make_episode(outcome="failure", pair_id="scene", task="lift-can"),
        make_episode("robot", robot="robot-2", truth={"lift-any": True}),
        make_episode("robot", behaviour="expert"),
    ]
    for episode in made:
        save_episodes(catalog, [episode])
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"limit": 2}, [2, 3]),
        ({"kind": "clip"}, [0, 1]),
        ({"robots": ["robot-2"]}, [2]),
        ({"robots": []}, []),
        ({"task": "lift-can"}, [1]),
        ({"behaviour": "expert"}, [3]),
        ({"kind": "robot", "robots": {"robot-1", "robot-3"}}, [3]),
    ],
)
def test_filters(catalog, episodes, filters, expected) -> None:
    found = list_episodes(catalog, **filters)
    assert [each.info for each in found] == [episodes[number].info for number in expected]


def test_all_but_those_that_are_known(catalog, episodes) -> None:
    known = {episodes[0].info.episode_id, episodes[3].info.episode_id, "gone"}
    found = list_episodes(catalog, without=known)
    assert [each.info for each in found] == [episodes[1].info, episodes[2].info]
    assert list_episodes(catalog, kind="clip", without=known, limit=1)[0].info == episodes[1].info


def test_episodes_by_id(catalog, episodes) -> None:
    ids = [episodes[2].info.episode_id, episodes[0].info.episode_id]
    found = list_episodes(catalog, episode_ids=ids)
    assert [each.info.episode_id for each in found] == sorted(ids)


def test_an_episode_is_loaded_with_its_frames(catalog, episodes) -> None:
    loaded = load_episode(catalog, episodes[2].info.episode_id)
    assert loaded.info == episodes[2].info
    assert [step.frames for step in loaded.steps] == [step.frames for step in episodes[2].steps]
    assert find_episode(catalog, loaded.info.episode_id).shard.startswith("episodes/robot-2/")


def test_an_unknown_episode_is_refused(catalog, episodes) -> None:
    near = episodes[0].info.episode_id[:-1]
    with pytest.raises(UnknownName, match="Did you mean"):
        load_episode(catalog, near)


def test_a_shard_is_entered_once(catalog, make_episode) -> None:
    path = write_shard(catalog.workspace, [make_episode(), make_episode()])
    add_shard(catalog, path)
    add_shard(catalog, path)
    assert len(list_episodes(catalog)) == 2


def test_a_damaged_shard_leaves_the_others_usable(catalog, episodes) -> None:
    first, second = (find_episode(catalog, episode.info.episode_id) for episode in episodes[:2])
    path = catalog.workspace.root / first.shard
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CorruptData) as caught:
        load_episode(catalog, first.info.episode_id)
    assert caught.value.where == str(path)
    assert load_episode(catalog, second.info.episode_id).info == second.info
    assert len(list_episodes(catalog)) == 4
