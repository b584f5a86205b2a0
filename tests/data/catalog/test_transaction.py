from __future__ import annotations

import pytest

from data.catalog.transaction import one_of


@pytest.mark.parametrize("count", [0, 1, 99, 100, 5000])
def test_one_of_few_or_many(count: int, catalog) -> None:
    names = [f"e{number}" for number in range(count)]
    condition, parameters = one_of("name", names)
    with catalog.transaction() as transaction:
        found = transaction.rows(
            "SELECT name FROM (SELECT 'e' || i AS name FROM range(10000) t(i)) "
            f"WHERE {condition} ORDER BY name",
            parameters,
        )
    assert [row["name"] for row in found] == sorted(names)
