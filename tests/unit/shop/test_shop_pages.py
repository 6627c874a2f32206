"""A query that asks for no product says so, and leads where the shop has its page."""

from __future__ import annotations

from pathlib import Path

import corner_shop
import mercato


def test_a_question_about_the_shop_leads_to_its_page(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "corner", products=corner_shop.PRODUCTS[:8]) as shop:
        shop.train()
        found = shop.search("return policy")
        assert (found.intent, found.page, found.redirect) == ("non-product", "returns", "")
    written = tmp_path / "corner" / "mercato.toml"
    written.write_text(written.read_text() + '[shop.pages]\nreturns = "/help/returns"\n')
    with mercato.open(tmp_path / "corner") as shop:
        assert shop.search("return policy").redirect == "/help/returns"
        found = shop.search("milk")
        assert (found.intent, found.redirect) == ("product-type", "")
