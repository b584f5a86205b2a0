"""API keys are shown once and stored as digests."""

from __future__ import annotations

import pytest

from app.scoring.keys import ApiKeys
from data.errors import CorruptData, InvalidInput, UnknownName
from data.workspace import Workspace


def test_a_key_opens_for_its_owner_until_it_is_removed(workspace: Workspace) -> None:
    keys, others = ApiKeys(workspace), ApiKeys(workspace)
    key = keys.add("lab")
    assert others.owner(key) == "lab"
    assert others.owner(key + "x") is None
    assert key not in (workspace.root / "api_keys.json").read_text()
    keys.remove("lab")
    assert others.owner(key) is None
    assert others.names() == []


def test_names_are_given_once(workspace: Workspace) -> None:
    keys = ApiKeys(workspace)
    keys.add("lab")
    with pytest.raises(InvalidInput, match="has a key already"):
        keys.add("lab")
    with pytest.raises(InvalidInput, match="needs a name"):
        keys.add(" ")
    with pytest.raises(UnknownName, match="Did you mean 'lab'"):
        keys.remove("labs")


def test_a_damaged_file_opens_for_nobody(workspace: Workspace) -> None:
    (workspace.root / "api_keys.json").write_text("{")
    with pytest.raises(CorruptData, match="make new keys"):
        ApiKeys(workspace).owner("anything")
