from __future__ import annotations

from app.pairing import count_pairs, find_pairs, kept_clips, pair_to_finish
from data.episodes import EpisodeInfo
from data.labels import Label
from data.tasks import Outcome


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


def _clip_label(episode: str) -> Label:
    return Label(
        label_id=f"clip-{episode}",
        episode_id=episode,
        frame_index=None,
        task="lift-any",
        outcome="success",
        by="ana",
        source="clip",
        at_ns=1,
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


def test_a_discarded_clip_counts_for_nothing() -> None:
    clips = [_clip(1, "p", "success"), _clip(2, "p", "failure")]
    kept = kept_clips(clips, [_clip_label("c1")])
    assert [info.episode_id for info in kept] == ["c1"]
    assert count_pairs(find_pairs(kept)) == {}
    assert count_pairs(find_pairs(clips)) == {("lift-any", "robot-1"): 1}
