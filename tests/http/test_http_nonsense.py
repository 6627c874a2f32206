"""Whatever is typed into the box is answered, or refused with a clear 400."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    import nonsense

    return [query for kind in nonsense.nonsense(random=60).values() for query in kind]


def test_no_query_is_too_strange(client: TestClient, queries: list[str]) -> None:
    for query in queries:
        found = client.post("/v1/search", json={"query": query, "explain": True})
        typed = client.get("/v1/suggest", params={"q": query})
        assert {found.status_code, typed.status_code} <= {200, 400}, repr(query)
        if found.status_code == 400:
            assert len(query) > 512
            assert found.json()["error"]["field"] == "query"
