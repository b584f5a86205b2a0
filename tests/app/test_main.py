from typing import Any

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
    assert [block.type for block in at.main.children.values()][:2] == ["flex_container", "title"]
