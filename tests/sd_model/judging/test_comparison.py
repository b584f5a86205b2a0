from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from sd_model.judging.comparison import compare


def test_only_common_frames_count_by_the_labels_of_now(table: Callable[..., pd.DataFrame]) -> None:
    before = table(
        [
            ("a", "lift-any", "lift-any", "failure", 0.9),
            ("b", "lift-any", "lift-any", "success", 0.1),
        ]
    )
    now = table(
        [
            ("a", "lift-any", "lift-any", "success", 0.2),
            ("c", "lift-any", "lift-any", "success", 0.1),
        ]
    )

    comparison = compare("now", now, "before", before)

    assert comparison is not None
    [change] = comparison.tasks
    # `a` was corrected to a success: the earlier detector was right all along.
    assert (change.successes, change.failures) == (1, 0)
    assert (change.missed_before, change.missed_now) == (0, 1)
    assert (change.mended, change.broken, change.change) == (0, 1, "alike")
    assert compare("now", now[:0], "before", before) is None


def test_six_episodes_of_six_are_no_chance(table: Callable[..., pd.DataFrame]) -> None:
    names = [f"e{n}" for n in range(6)]
    before = table([(name, "lift-any", "lift-any", "failure", 0.9) for name in names])
    now = table([(name, "lift-any", "lift-any", "failure", 0.1) for name in names])

    # Two-sided sign test: 2 / 2^6 = 3.1%; of five, 2 / 2^5 = 6.3%.
    [six] = compare("now", now, "before", before).tasks  # type: ignore[union-attr]
    [five] = compare("now", now[:5], "before", before).tasks  # type: ignore[union-attr]
    assert (six.accepted_before, six.accepted_now, six.change) == (6, 0, "better")
    assert five.change == "alike"
