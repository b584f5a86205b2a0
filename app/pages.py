"""The pages of the app: their order, names and addresses, and links between them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from app import access
from app.sign_in import Role


@dataclass(frozen=True, kw_only=True)
class PageSpec:
    """One page of the app."""

    name: str
    """Name of its module in `app.views`, and its address."""
    title: str
    """What the menu calls it."""
    icon: str
    """A Material symbol."""
    section: str
    """The heading it stands under in the menu."""
    role: Role
    """Who may open it; what changes something there may ask for more."""


PAGES = (
    PageSpec(name="home", title="Home", icon=":material/home:", section="", role="look"),
    PageSpec(
        name="tasks", title="Tasks", icon=":material/checklist:", section="Show", role="look"
    ),
    PageSpec(
        name="record", title="Record", icon=":material/videocam:", section="Show", role="label"
    ),
    PageSpec(
        name="label", title="Label", icon=":material/new_label:", section="Judge", role="label"
    ),
    PageSpec(
        name="detector", title="Detector", icon=":material/visibility:", section="Judge",
        role="look",
    ),
    PageSpec(
        name="review", title="Review", icon=":material/rule:", section="Judge", role="label"
    ),
    PageSpec(
        name="policy", title="Policy", icon=":material/model_training:", section="Learn",
        role="look",
    ),
    PageSpec(
        name="robots", title="Robots", icon=":material/precision_manufacturing:", section="Learn",
        role="look",
    ),
    PageSpec(
        name="transfers", title="Import and export", icon=":material/swap_horiz:",
        section="Other tools", role="manage",
    ),
)  # fmt: skip

_BY_NAME = {spec.name: spec for spec in PAGES}


def streamlit_page(name: str) -> st.Page:
    """The Streamlit page called `name`; its module is imported when it is shown."""
    spec = _BY_NAME[name]
    return st.Page(
        _renderer(name),
        title=spec.title,
        icon=spec.icon,
        url_path=spec.name,
        default=spec.name == "home",
    )


def _renderer(name: str) -> Callable[[], None]:
    def render() -> None:
        access.require(_BY_NAME[name].role)
        importlib.import_module(f"app.views.{name}").render()

    return render


def sections() -> dict[str, list[st.Page]]:
    """The menu: every page under its heading, in order."""
    menu: dict[str, list[st.Page]] = {}
    for spec in PAGES:
        menu.setdefault(spec.section, []).append(streamlit_page(spec.name))
    return menu


def show_menu() -> None:
    """The menu in the sidebar: the pages that the reader may open.

    Differs: Streamlit's own menu groups its entries in a way that screen readers cannot follow
    (list items outside of their list), so the links are laid out here.
    """
    menu: dict[str, list[st.Page]] = {}
    for spec in PAGES:
        if access.may(spec.role):
            menu.setdefault(spec.section, []).append(streamlit_page(spec.name))
    with st.sidebar:
        for section, pages in menu.items():
            if section:
                st.markdown(f"**{section}**")
            for page in pages:
                st.page_link(page, width="stretch")


def link(name: str, label: str, query: Mapping[str, str] | None = None) -> None:
    """A link to the page called `name`, in the words of what the reader will do there.

    Args:
        query: What the page's address shall say beside its name, for example which task.
    """
    st.page_link(streamlit_page(name), label=label, icon=_BY_NAME[name].icon, query_params=query)


def nothing_yet(text: str, *, page: str, label: str) -> None:
    """An empty state: what is missing, and the link to the page where it is made."""
    with st.container(border=True):
        st.markdown(text)
        link(page, label)
