"""A real small shop behind the real application, called in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import corner_shop
import mercato
from mercato.serve.app import create_app


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with corner_shop.build(tmp_path_factory.mktemp("http") / "corner") as built:
        yield built


@pytest.fixture(scope="session")
def client(shop: mercato.Shop) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as opened:
        yield opened


@pytest.fixture
def untrained(tmp_path: Path) -> Iterator[mercato.Shop]:
    with mercato.create(tmp_path / "untrained", products=corner_shop.PRODUCTS[:4]) as made:
        yield made
