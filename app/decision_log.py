"""What a person decided in the browser, turned into labels.

The browser keeps every decision until the page has confirmed it and sends all unconfirmed ones each
time, so one message may be lost and another come twice. Each decision therefore carries its own
number, and its label's identity follows from that number: applying a log again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

from data.catalog import Catalog
from data.errors import InvalidInput
from data.labels import Label, append_labels, undo_label
from data.tasks import TaskSet

Answer = Literal["success", "failure", "unsure", "undo"]
Source = Literal["person", "review"]

_SEPARATOR = "|"
_WHOLE_CLIP = "*"
_CLIENT = re.compile(r"[0-9a-f]{8,64}")


class Item(NamedTuple):
    """One question: does this frame show success of this task?"""

    episode_id: str
    frame_index: int | None
    """None: every frame of a clip."""
    task: str

    @property
    def item_id(self) -> str:
        """The item as one string, for the browser."""
        frame = _WHOLE_CLIP if self.frame_index is None else str(self.frame_index)
        return _SEPARATOR.join((self.episode_id, frame, self.task))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One press of a key or button."""

    client: str
    """The browser page it was made on, unique for each time a page is opened."""
    n: int
    """Counts that page's decisions, takings-back included."""
    item: Item
    answer: Answer
    undoes: str | None
    """The label that `undo` takes back."""

    @property
    def label_id(self) -> str:
        """The identity of the label that this decision makes; the browser knows it too."""
        return f"app-{self.client}-{self.n}"


def parse_log(log: Sequence[Mapping[str, Any]], tasks: TaskSet) -> list[Decision]:
    """The decisions of a browser's log, in their order.

    Raises:
        InvalidInput: An entry is not a decision.
        UnknownName: An entry is about a task that is not defined.
    """
    return [_parse(entry, tasks) for entry in log]


def _parse(entry: Mapping[str, Any], tasks: TaskSet) -> Decision:
    try:
        episode_id, frame, task = str(entry["item"]).split(_SEPARATOR)
        client, undoes = str(entry["client"]), entry.get("undoes")
        decision = Decision(
            client=client,
            n=int(entry["n"]),
            item=Item(episode_id, None if frame == _WHOLE_CLIP else int(frame), tasks[task].name),
            answer=cast(Answer, entry["answer"]),
            undoes=None if undoes is None else str(undoes),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise _not_a_decision(entry) from error
    if not _CLIENT.fullmatch(client) or decision.answer not in get_args(Answer):
        raise _not_a_decision(entry)
    if (decision.answer == "undo") != (decision.undoes is not None):
        raise _not_a_decision(entry)
    return decision


def _not_a_decision(entry: object) -> InvalidInput:
    return InvalidInput(
        f"The browser sent something that is not a decision: {entry!r}.",
        valid=get_args(Answer),
        next_step="Reload the page; everything confirmed before is saved.",
    )


def apply_log(
    catalog: Catalog,
    decisions: Sequence[Decision],
    *,
    by: str,
    source: Source,
    now_ns: int,
    splits: Mapping[Item, str] | None = None,
) -> list[str]:
    """Save the decisions in their order; saving them again changes nothing.

    Args:
        by: Who decided.
        now_ns: Time of the first decision [ns]; each next one counts as 1 ns later, so that the
            newest label of one frame is the one that was decided last.
        splits: In review, the split of each item in the detector's manifest, kept on the label.

    Returns:
        The confirmation for the browser: `client:n` of every decision.
    """
    waiting: list[Label] = []
    for offset, decision in enumerate(decisions):
        at_ns = now_ns + offset
        if decision.answer != "undo":
            waiting.append(
                Label(
                    label_id=decision.label_id,
                    episode_id=decision.item.episode_id,
                    frame_index=decision.item.frame_index,
                    task=decision.item.task,
                    outcome=decision.answer,
                    by=by,
                    source=source,
                    at_ns=at_ns,
                    split=(splits or {}).get(decision.item),
                )
            )
        elif decision.undoes is not None:
            append_labels(catalog, waiting)
            waiting = []
            undo_label(catalog, decision.undoes, by=by, at_ns=at_ns)
    append_labels(catalog, waiting)
    return [f"{decision.client}:{decision.n}" for decision in decisions]
