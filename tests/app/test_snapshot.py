from typing import Any

from app.snapshot import facts
from data.labels import undo_label


def test_a_clip_that_was_taken_back_counts_no_more(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    assert (facts().clips, facts().paired_tasks) == (2, 1)
    undo_label(world.catalog, "label-clip-robot-1-lift-carrot-0-failure", by="ana", at_ns=1)
    assert (facts().clips, facts().paired_tasks) == (1, 0)
