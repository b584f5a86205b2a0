"""What import and export print while they work, and in the end."""

from __future__ import annotations

import sys
import time

import click

from data.transfers.tally import Progress, Tally

_INTERVAL_S = 0.5


def shown_progress() -> Progress:
    """One line that is written over, where a person looks on; nothing in a file or a pipe."""
    if not sys.stderr.isatty():
        return lambda fraction, message: None
    shown_at_s = 0.0

    def show(fraction: float, message: str) -> None:
        nonlocal shown_at_s
        if time.monotonic() - shown_at_s >= _INTERVAL_S:
            click.echo(f"\r{fraction:4.0%}  {message}\033[K", err=True, nl=False)
            shown_at_s = time.monotonic()

    return show


def tell(tally: Tally, verb: str = "Moved") -> None:
    """Print what was moved and what was not."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    for line in tally.lines(verb):
        click.echo(line)
