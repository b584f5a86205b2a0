from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.errors import LabelConflict
from data.tasks.feasibility import close_outcomes
from data.tasks.tasks import SEED_TASKS, Task, TaskSet
from sd_model.judging.consistency import Consistency

# any, green (implies any), red (implies any, excludes green)
SHOWN = TaskSet(
    [
        Task(name="any", skill="show"),
        Task(name="green", skill="show", implies=("any",)),
        Task(name="red", skill="show", implies=("any",), excludes=("green",)),
    ]
)
HALF_3 = np.full(3, 0.5)


def settle(*score_3: float, threshold_3=HALF_3) -> list[bool]:
    scores = np.array([score_3], dtype=np.float32)
    return Consistency(SHOWN).settle(scores, threshold_3)[0].tolist()


def test_what_agrees_is_left_alone() -> None:
    assert settle(0.9, 0.8, 0.1) == [True, True, False]
    assert settle(0.6, 0.1, 0.1) == [True, False, False]


def test_the_surest_has_its_say() -> None:
    assert settle(0.4, 0.99, 0.1) == [True, True, False]  # green is the surest
    assert settle(0.01, 0.6, 0.1) == [False, False, False]  # that nothing is shown is surer


def test_of_two_that_exclude_each_other_one_stays() -> None:
    assert settle(0.9, 0.7, 0.8) == [True, False, True]


def test_sure_means_far_from_its_own_threshold() -> None:
    # Green at 0.95 of 0.94 is hardly beyond; that nothing is shown (0.3 of 0.5) is surer.
    assert settle(0.3, 0.95, 0.1, threshold_3=np.array([0.5, 0.94, 0.5])) == [False] * 3


def test_contradictions_are_counted() -> None:
    decisions = np.array([[True, True, False], [False, True, False], [True, True, True]])
    assert Consistency(SHOWN).contradicted(decisions).tolist() == [False, True, True]


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (4, len(SEED_TASKS)), elements=st.floats(0, 1, width=32)))
def test_nothing_settled_contradicts_itself(score_NT: np.ndarray) -> None:
    consistency = Consistency(SEED_TASKS)
    settled_NT = consistency.settle(score_NT, np.full(len(SEED_TASKS), 0.5))
    assert not consistency.contradicted(settled_NT).any()
    for settled_T in settled_NT:
        outcomes = zip(SEED_TASKS.names, settled_T, strict=True)
        try:
            close_outcomes({n: "success" if s else "failure" for n, s in outcomes}, SEED_TASKS)
        except LabelConflict as error:  # pragma: no cover
            pytest.fail(str(error))
