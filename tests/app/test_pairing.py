from __future__ import annotations

from app.pairing import find_pairs, pair_to_finish
from data.episodes.episodes import EpisodeInfo
from data.tasks.tasks import Outcome


def _clip(
    at_ns: int, pair: str, outcome: Outcome, *, robot: str = "robot-1", task: str = "lift-any"
) -> EpisodeInfo:
    return EpisodeInfo(
        episode_id=f"c{at_ns}",
        robot=robot,
        kind="clip",
        behaviour="person",
        task=task,
        outcome=outcome,
        pair_id=pair,
        recorded_at_ns=at_ns,
        step_count=10,
    )


def test_a_pair_is_success_then_failure() -> None:
    [half] = find_pairs([_clip(1, "p", "success")])
    assert half.missing == "failure"
    [whole] = find_pairs([_clip(1, "p", "success"), _clip(2, "p", "failure")])
    assert whole.missing is None
    assert whole.clips == {"success": "c1", "failure": "c2"}
    [late] = find_pairs([_clip(2, "p", "failure")])
    assert late.missing == "success"


def test_a_half_pair_is_gone_on_with_only_while_its_scene_stands() -> None:
    half = [_clip(1, "p", "success")]
    found = pair_to_finish(find_pairs(half), robot="robot-1", task="lift-any")
    assert found is not None and found.pair_id == "p"
    assert pair_to_finish(find_pairs(half), robot="robot-2", task="lift-any") is None
    assert pair_to_finish(find_pairs(half), robot="robot-1", task="place-any") is None
    then_other = [*half, _clip(2, "q", "success", task="place-any")]
    assert pair_to_finish(find_pairs(then_other), robot="robot-1", task="lift-any") is None
    elsewhere = [*half, _clip(2, "q", "success", robot="robot-2")]
    assert pair_to_finish(find_pairs(elsewhere), robot="robot-1", task="lift-any") is not None
