"""The script that Streamlit runs for every visitor: the menu, and the page that was chosen."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

from app import index_rebuild
from app.gate import may_enter, show_visitor
from app.pages import sections, show_menu
from app.state import workspace
from app.widgets import assets
from app.widgets.connection import tell_lost_connection
from app.widgets.notice import show_error
from app.widgets.tour_strip import show_tour
from data.errors import GoalpostError, IndexMissing

# As narrow as its words allow: on a tablet the page needs the room.
_MENU_PX = 220


def _draw_from_the_top() -> None:
    """Leave the part of the page that was refreshed last.

    Whoever presses something while a fragment runs has the whole page run next, in the same
    thread. Streamlit 1.67 leaves that thread inside the fragment's container, and would draw the
    page there.
    """
    context_dg_stack.set(get_default_dg_stack_value())


def main() -> None:
    """Show the chosen page; an expected error is told in words instead of a traceback."""
    _draw_from_the_top()
    st.set_page_config(
        page_title="Goalpost",
        page_icon=assets.path("icon.svg"),
        layout="wide",
        initial_sidebar_state=_MENU_PX,
    )
    st.logo(assets.path("logo.svg"), icon_image=assets.path("icon.svg"), size="large")
    st.html(f"<style>{assets.text('focus.css', 'connection.css')}</style>")
    page = st.navigation(sections(), position="hidden")
    try:
        if not may_enter():
            return
        show_menu()
        show_visitor()
        tell_lost_connection()
        workspace()
        above = st.container()
        try:
            page.run()
        finally:
            with above:  # drawn last: what was just done on the page counts
                show_tour(page.url_path)
    except IndexMissing:
        index_rebuild.show(workspace())
    except GoalpostError as error:
        show_error(error)


main()
