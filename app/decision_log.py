"""What a person decided in the browser, turned into labels.

The browser keeps every decision until the page has confirmed it and sends all unconfirmed ones each
time, so one message may be lost and another come twice. Each decision therefore carries its own
number, and its label's identity follows from that number: applying a log again changes nothing.
Each decision stands for itself: one that cannot be saved is refused by its number, and the others
are saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec

from data.catalog.catalog import Catalog
from data.errors import InvalidInput, UnknownName
from data.labels.labels import Label, LabelOutcome, append_labels, undo_label
from data.tasks.tasks import TaskSet

Answer = Literal["success", "failure", "unsure", "undo"]
Source = Literal["person", "review"]

_SEPARATOR = "|"
_WHOLE_CLIP = "*"
_NS_PER_MS = 1_000_000


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


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as the browser sends it."""

    client: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{8,64}\Z")]
    n: Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
    item: Annotated[str, msgspec.Meta(max_length=500)]
    answer: Answer
    undoes: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    at: Annotated[int, msgspec.Meta(ge=0, le=1 << 43)]
    """When it was given, by the browser's clock [ms since the Unix epoch]."""


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
    at_ns: int
    """When it was given, by the browser's clock [ns since the Unix epoch]."""

    @property
    def decision_id(self) -> str:
        """By which the browser knows it."""
        return f"{self.client}:{self.n}"

    @property
    def label_id(self) -> str:
        """The identity of the label that this decision makes; the browser knows it too."""
        return f"app-{self.client}-{self.n}"


@dataclass(kw_only=True)
class Receipt:
    """What became of a browser's log."""

    saved: list[str] = field(default_factory=list)
    """`client:n` of the decisions that are saved."""
    refused: dict[str, str] = field(default_factory=dict)
    """`client:n` of those that cannot be saved as they are, and why, in words."""


def parse_entry(entry: Mapping[str, Any], tasks: TaskSet) -> Decision:
    """The decision in one entry of a browser's log.

    Raises:
        InvalidInput: It is not a decision.
        UnknownName: It is about a task that is not defined.
    """
    try:
        read = msgspec.convert(entry, _Entry)
        episode_id, frame, task = read.item.split(_SEPARATOR)
        frame_index = None if frame == _WHOLE_CLIP else int(frame)
    except ValueError as error:
        raise _not_a_decision(entry, str(error)) from error
    if (read.answer == "undo") != (read.undoes is not None):
        raise _not_a_decision(entry, "an undo names what it takes back, nothing else does")
    return Decision(
        client=read.client,
        n=read.n,
        item=Item(episode_id, frame_index, tasks[task].name),
        answer=read.answer,
        undoes=read.undoes,
        at_ns=read.at * _NS_PER_MS,
    )


def _not_a_decision(entry: object, why: str) -> InvalidInput:
    return InvalidInput(
        f"The browser sent something that is not a decision ({why}): {entry!r:.200}.",
        next_step="Answer the picture again; everything else is saved.",
    )


def apply_log(
    catalog: Catalog,
    entries: Sequence[Mapping[str, Any]],
    tasks: TaskSet,
    *,
    by: str,
    source: Source,
    now_ns: int,
    splits: Mapping[Item, str] | None = None,
) -> Receipt:
    """Save the decisions in their order; saving them again changes nothing.

    Args:
        entries: As the browser sent them.
        tasks: The tasks that are defined.
        by: Who decided.
        now_ns: A decision cannot have been given later than this [ns since the Unix epoch].
        splits: In review, the split of each item in the detector's manifest, kept on the label.

    Raises:
        StorageFull: The disk is full. Nothing is lost by sending the log again.
        WorkspaceBusy: The catalog was locked for too long. Likewise.
    """
    receipt = Receipt()
    waiting: list[tuple[Decision, Label]] = []
    for entry in entries:
        try:
            decision = parse_entry(entry, tasks)
        except (InvalidInput, UnknownName) as error:
            receipt.refused[_entry_id(entry)] = str(error)
            continue
        at_ns = min(decision.at_ns, now_ns)
        if decision.undoes is None:
            split = (splits or {}).get(decision.item)
            waiting.append((decision, _label(decision, by, source, at_ns, split)))
            continue
        _save(catalog, waiting, receipt)
        waiting = []
        try:
            undo_label(catalog, decision.undoes, by=by, at_ns=at_ns)
        except (InvalidInput, UnknownName) as error:
            receipt.refused[decision.decision_id] = str(error)
        else:
            receipt.saved.append(decision.decision_id)
    _save(catalog, waiting, receipt)
    return receipt


def _save(catalog: Catalog, waiting: Sequence[tuple[Decision, Label]], receipt: Receipt) -> None:
    """Save labels together, since that is quicker; one by one where they do not all pass."""
    try:
        append_labels(catalog, [label for _, label in waiting])
    except (InvalidInput, UnknownName) as error:
        if len(waiting) == 1:
            receipt.refused[waiting[0][0].decision_id] = str(error)
            return
        middle = len(waiting) // 2
        _save(catalog, waiting[:middle], receipt)
        _save(catalog, waiting[middle:], receipt)
    else:
        receipt.saved += [decision.decision_id for decision, _ in waiting]


def _label(decision: Decision, by: str, source: Source, at_ns: int, split: str | None) -> Label:
    return Label(
        label_id=decision.label_id,
        episode_id=decision.item.episode_id,
        frame_index=decision.item.frame_index,
        task=decision.item.task,
        outcome=cast(LabelOutcome, decision.answer),
        by=by,
        source=source,
        at_ns=at_ns,
        split=split,
    )


def _entry_id(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('client')}:{entry.get('n')}"
