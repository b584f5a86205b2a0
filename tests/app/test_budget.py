from collections import Counter

from app.budget import Progress, measure_progress, robot_to_show, what_helps_most
from data.catalog.counts import Census, EpisodeCount

ROBOTS = ["robot-1", "robot-2", "robot-3"]


def _clips(task: str, frames: int) -> EpisodeCount:
    return EpisodeCount(
        kind="clip", robot="robot-1", behaviour="person", task=task, outcome="success",
        answered=True, count=1, frames=frames,
    )  # fmt: skip


def test_time_and_complete_pairs_are_counted_by_robot() -> None:
    census = Census((_clips("lift-any", 300), _clips("lift-any", 150), _clips("place-any", 150)))
    pairs = {("lift-any", "robot-1"): 1, ("place-any", "robot-2"): 3}
    progress = measure_progress("lift-any", census, pairs)
    assert progress.recorded_s == 90  # 450 frames, five a second
    assert progress.share == 90 / 1800
    assert progress.pairs == {"robot-1": 1}
    assert progress.words == "1:30 of about 30 minutes, 1 complete pair: 1 on robot-1"
    progress.pairs["robot-2"] = 2
    assert progress.words.endswith("3 complete pairs: 1 on robot-1 and 2 on robot-2")
    progress.pairs["robot-1"] = 2
    assert progress.words.endswith("4 complete pairs: 2 on each of 2 robots")


def _helps(**pairs: int) -> str:
    named = {name.replace("_", "-"): count for name, count in pairs.items()}
    return what_helps_most(Progress(recorded_s=0, pairs=Counter(named)), ROBOTS)


def test_what_helps_most_goes_from_the_first_pair_to_near_misses() -> None:
    assert _helps().startswith("The first pair")
    assert _helps(robot_1=9).startswith("A pair on a second robot (robot-2)")
    assert _helps(robot_1=9, robot_2=1).startswith("More scenes on robot-2: it has 1 pair")
    assert _helps(robot_1=3, robot_2=3).startswith(
        "A robot that was not shown yet, such as robot-3"
    )
    assert _helps(robot_1=3, robot_2=3, robot_3=3).startswith("Near misses")


def test_the_robot_to_show_is_the_one_that_the_advice_names() -> None:
    def robot(**pairs: int) -> str | None:
        named = Counter({name.replace("_", "-"): count for name, count in pairs.items()})
        return robot_to_show(Progress(recorded_s=0, pairs=named), ROBOTS)

    assert robot() is None  # any will do
    assert robot(robot_1=9) == "robot-2"
    assert robot(robot_1=9, robot_2=1) == "robot-2"
    assert robot(robot_1=3, robot_2=3) == "robot-3"
    assert robot(robot_1=3, robot_2=3, robot_3=3) is None
