"""The paired protocol: a clip of success and a clip of failure of the same scene, then a new scene.

What was recorded is read from the catalog, so the protocol goes on where it stood after a reload.
Differs: the paper has people record pairs without saying how they are kept together; here the two
clips share a `pair_id`, so that a pair never straddles two splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.episodes.episodes import EpisodeInfo
from data.tasks.tasks import Outcome

ORDER: tuple[Outcome, ...] = ("success", "failure")
"""In which order the two clips of a pair are recorded."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The clips of one scene that are in use."""

    pair_id: str
    robot: str
    task: str
    clips: Mapping[Outcome, str]
    """Episode by outcome; of several the newest."""
    newest_ns: int

    @property
    def missing(self) -> Outcome | None:
        """What has to be recorded next; None when the pair is complete."""
        return next((outcome for outcome in ORDER if outcome not in self.clips), None)


def find_pairs(clips: Iterable[EpisodeInfo]) -> list[Pair]:
    """The pairs among `clips`, newest first."""
    found: dict[str, Pair] = {}
    for info in sorted(clips, key=lambda each: each.recorded_at_ns):
        if info.pair_id is None or info.task is None or info.outcome is None:
            continue
        before = found.get(info.pair_id)
        found[info.pair_id] = Pair(
            pair_id=info.pair_id,
            robot=info.robot,
            task=info.task,
            clips={**(before.clips if before else {}), info.outcome: info.episode_id},
            newest_ns=info.recorded_at_ns,
        )
    return sorted(found.values(), key=lambda pair: pair.newest_ns, reverse=True)


def pair_to_finish(pairs: Sequence[Pair], *, robot: str, task: str) -> Pair | None:
    """The half pair to go on with: only if nothing else was recorded on the robot since."""
    newest = next((pair for pair in pairs if pair.robot == robot), None)
    if newest is None or newest.task != task or newest.missing is None:
        return None
    return newest
