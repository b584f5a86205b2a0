"""Errors say what, where, what would be valid, and the next step."""

from __future__ import annotations

from data.errors import GoalpostError, InvalidInput, UnknownName, unknown_name


def test_a_message_has_all_its_parts_in_order() -> None:
    error = InvalidInput(
        "The size is -1.", where="recipe cpu", valid=["1", "2"], next_step="Choose one."
    )
    assert str(error) == "The size is -1. Where: recipe cpu. Valid: 1, 2. Next: Choose one."
    assert isinstance(error, GoalpostError)


def test_parts_that_are_not_given_are_left_out() -> None:
    assert str(InvalidInput("No.")) == "No."
    assert str(InvalidInput("No.", valid=[])) == "No. Valid: none yet."


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    error = unknown_name("camera", "wirst", ["wrist", "front"])
    assert isinstance(error, UnknownName)
    assert str(error) == "Unknown camera 'wirst'. Did you mean 'wrist'? Valid: wrist, front."


def test_no_suggestion_where_nothing_is_near() -> None:
    assert "Did you mean" not in str(unknown_name("camera", "zzz", ["wrist"]))
