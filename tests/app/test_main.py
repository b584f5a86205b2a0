from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def _after_a_fragment() -> None:
    import runpy

    import streamlit as st
    from streamlit.delta_generator_singletons import context_dg_stack

    import app

    # As Streamlit leaves a thread in which a fragment has just run inside of a container.
    context_dg_stack.set((*context_dg_stack.get(), st.container()))
    runpy.run_path(f"{app.__path__[0]}/main.py")


def test_a_page_is_drawn_from_the_top_after_a_part_of_it_was(world: Any) -> None:
    at = AppTest.from_function(_after_a_fragment).run()
    assert not at.exception
    drawn = [block.type for block in at.main.children.values()]
    assert drawn[:3] == ["flex_container", "flex_container", "title"]  # the second: for the tour


def _main() -> None:
    import runpy

    import app

    runpy.run_path(f"{app.__path__[0]}/main.py")


def test_the_tour_knows_what_the_page_has_just_done(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = AppTest.from_function(_main).run()
    at.button(key="tour-begin").click().run()
    assert "Step 1 of 5" in at.get("progress")[0].proto.text
    monkeypatch.setattr("app.views.home.render", lambda: world.record_pair("robot-1", "lift-any"))
    assert "Step 2 of 5" in at.run().get("progress")[0].proto.text
