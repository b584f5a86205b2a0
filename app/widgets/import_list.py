"""What was imported, source by source, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from app import access, jobs, state
from app.person import your_name
from app.widgets.notice import errors_shown
from app.wording import counted, plain, when
from data.importers.receipts import Receipt


def show_imports(receipts: Sequence[Receipt]) -> None:
    """A card for every source; taking one back is asked for twice."""
    if not receipts:
        st.markdown("Nothing has been imported yet.")
        return
    by = your_name()
    for receipt in receipts:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            episodes, labels = _counts(receipt, receipt.path.stat().st_size)
            brought = f"{counted(episodes, 'episode')} and {counted(labels, 'label')}"
            st.markdown(
                f"**{brought}**, first on {when(receipt.first_ns)}  \nfrom {plain(receipt.source)}",
                width="stretch",
            )
            with st.popover("Take it back", icon=":material/undo:"):
                st.markdown(
                    f"This removes the {brought} that came from this source. What people recorded "
                    "and labelled here stays; labels they gave to these episodes do not count any "
                    "more. A detector that learned from them stays as it is, but its report can "
                    "no longer show their pictures."
                )
                if access.button(
                    "Yes, take it back",
                    type="primary",
                    key=f"undo-{receipt.digest}",
                    help="Runs in the background. The source can then be imported again, with "
                    "other cameras or another robot too.",
                ):
                    with errors_shown():
                        spec = {"digest": receipt.digest, "by": by}
                        jobs.start(state.workspace(), "undo-import", spec)
                        st.rerun()


@lru_cache(maxsize=64)
def _counts(receipt: Receipt, size_bytes: int) -> tuple[int, int]:
    """Read again only once the receipt has grown."""
    return receipt.counts()
