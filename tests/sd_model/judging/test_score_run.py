from __future__ import annotations

import shutil

import pytest

from data.errors import InvalidInput
from data.runs.runs import create_run
from sd_model.judging.score_cache import ScoreCache
from sd_model.judging.score_run import execute_score_run


@pytest.fixture
def judging(trained, world):
    """A workspace of its own, with the detector that was trained for all tests."""
    shutil.copytree(trained.detector.folder, world.workspace.detectors / "squares")
    return world


def test_what_was_not_judged_yet_is_judged_and_remembered(trained, judging) -> None:
    for number in (1, 2):
        judging.save(judging.episode("robot-1", "red", number, kind="robot"))
    judging.save(judging.episode("robot-1", "none", 3, kind="robot", cameras=("left",)))
    run = create_run(judging.workspace, "score-episodes", {"detector": "squares", "most": 3})
    assert execute_score_run(run) == 2
    assert run.status().result == {"judged": 2, "unreadable": 1}
    names, score_NT = ScoreCache(judging.workspace, trained.detector).table()
    assert set(names) == {"robot-1-red-001", "robot-1-red-002"}
    assert score_NT.shape == (2, 3)
    assert execute_score_run(run) == 0


def test_a_setting_it_does_not_have_is_refused(judging) -> None:
    run = create_run(judging.workspace, "score-episodes", {"detector": "squares", "x": 1})
    with pytest.raises(InvalidInput, match="has no setting 'x'"):
        execute_score_run(run)
