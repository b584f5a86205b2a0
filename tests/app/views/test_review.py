from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    from app.views.review import render

    render()


def _run() -> AppTest:
    at = AppTest.from_function(_page, default_timeout=30.0).run()
    assert not at.exception
    return at


def _counts(at: AppTest) -> str:
    return next(each.value for each in at.markdown if "taken for success" in each.value)


def test_without_a_detector_the_page_says_what_to_do(world: Any) -> None:
    assert any("There is no detector yet" in each.value for each in _run().markdown)


def test_a_detector_without_mistakes(world: Any) -> None:
    world.add_detector("first", ["lift-any"])
    at = _run()
    assert "None in this selection. Choose another list above" in at.success[0].value
    assert _counts(at) == (
        "**0 of 4 failures (0.0%)** taken for success, "
        "**0 of 2 successes (0.0%)** taken for failure."
    )


def test_another_threshold_recounts_without_asking_the_detector(world: Any) -> None:
    world.add_detector("first", ["lift-any"])  # successes score 0.9, failures 0.1
    at = _run()
    at.segmented_control(key="show").set_value("false negatives").run()
    at.toggle(key="review-other-threshold").set_value(True).run()
    at.slider[1].set_value(0.95).run()
    assert "2 of 2 successes (100.0%)" in _counts(at)
    assert any("own threshold: **0 of 4" in each.value for each in at.caption)
    # These scores name no stored pictures, which is told and takes nothing away from the counts.
    assert at.error
    at.slider[1].set_value(0.5).run()
    assert "0 of 2 successes (0.0%)" in _counts(at)


def test_missing_scores_are_told_in_words(world: Any) -> None:
    (world.add_detector("first", ["lift-carrot"]).folder / "scores.parquet").unlink()
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "scores" in at.error[0].value


def test_the_address_says_what_is_shown(world: Any) -> None:
    world.add_detector("first", ["lift-any", "lift-carrot"], false_positives=1)
    at = AppTest.from_function(_page, default_timeout=30.0)
    at.query_params["task"] = "lift-carrot"
    at.query_params["show"] = "least sure"
    at.run()
    assert not at.exception
    assert at.multiselect(key="task").value == ["lift-carrot"]
    assert "1 of 4 failures" in _counts(at)


@pytest.mark.parametrize("show", ["suspicious", "disagreement", "second look", "newest policy"])
def test_every_gallery_opens_with_little_to_show(world: Any, show: str) -> None:
    world.add_detector("first", ["lift-any"])
    at = AppTest.from_function(_page, default_timeout=30.0)
    at.query_params["show"] = show
    at.run()
    assert not at.exception
