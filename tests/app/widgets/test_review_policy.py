from app.policy_watch import Watched
from app.widgets.review_policy import watched_lines


def _row(robot: str, judged: int, claimed: int, true: int) -> Watched:
    return Watched(
        policy_id="train-policy-5dd4",
        robot=robot,
        sampled=30,
        judged=judged,
        claimed=claimed,
        true=true,
    )


def test_robots_of_which_the_same_is_to_be_said_share_a_line() -> None:
    rows = [_row("robot-1", 0, 0, 0), _row("robot-2", 3, 0, 0), _row("robot-3", 0, 0, 0)]
    assert watched_lines([*rows, _row("robot-4", 20, 10, 9)]) == [
        "policy 5dd4 on robot-1 and robot-3: nobody has judged any of 30 sampled episodes of each.",
        "policy 5dd4 on robot-2: 3 of 30 sampled episodes judged, no success claimed.",
        "policy 5dd4 on robot-4: 9 of 10 claimed successes were true (90%, between 60% and 98%), "
        "20 of 30 sampled episodes judged.",
    ]
