"""Column names as other systems write them in, Mercato's field names out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from mercato.data.batch import COLUMNS, REQUIRED
from mercato.errors import DataError

ALIASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "products": {
        "id": ("product_id", "item_id", "sku", "object_id", "asin", "parent_asin", "upc", "article_id"),
        "title": ("name", "product_title", "product_name", "item_name", "product_display_name", "movie_title"),
        "description": ("long_description", "body", "body_html", "product_description", "short_description", "summary"),
        "categories": ("category", "category_path", "product_category", "product_type", "google_product_category"),
        "brand": ("brands", "vendor", "manufacturer", "maker", "store_brand"),
        "price": ("sale_price", "unit_price", "list_price", "retail_price", "current_price", "variant_price"),
        "currency": ("currency_code", "price_currency"),
        "cost": ("unit_cost", "cost_price", "cost_per_item", "cost_of_goods_sold"),
        "availability": ("stock_status", "in_stock"),
        "quantity": ("stock", "inventory", "available_quantity", "current_stock", "qty", "inventory_quantity"),
        "images": ("image", "image_url", "image_link", "image_src", "picture", "thumbnail"),
        "attributes": ("attrs", "facets", "properties"),
        "rating": ("average_rating", "rating_average", "stars"),
        "rating_count": ("review_count", "rating_number", "ratings", "reviews_count"),
        "group_id": ("item_group_id", "primary_product_id", "parent_id", "group", "variant_of"),
        "created_at": ("created", "creation_timestamp", "release_date", "publish_time", "published_at", "timestamp"),
        "url": ("link", "uri", "product_url", "href"),
        "language": ("lang", "language_code", "locale"),
        "sellable": ("active", "published", "enabled", "is_active"),
    },
    "events": {
        "type": ("event_type", "event", "event_name", "action", "action_name", "behavior", "feedback_type"),
        "shopper_id": (
            "user_id", "shopper", "visitor_id", "customer_id", "user", "client_id", "user_token", "household_id",
            "user_pseudo_id", "anonymous_id", "customer",
        ),
        "at": (
            "timestamp", "time", "event_time", "datetime", "date", "created_at", "sent_at", "occurred_at", "ts",
            "invoice_date", "order_date",
        ),
        "product_id": ("item_id", "product", "item", "sku", "object_id", "asin", "stock_code", "content_id"),
        "quantity": ("qty", "count", "units"),
        "value": ("price", "revenue", "amount", "event_value", "sales_value", "total", "unit_price"),
        "currency": ("currency_code",),
        "query": ("search_query", "user_query", "search_term", "keywords", "q"),
        "slate_id": ("query_id", "recommendation_id", "attribution_token", "ranking"),
        "position": ("rank", "index"),
        "session_id": ("session", "basket_id", "visit_id", "order_id", "invoice_no", "ga_session_id"),
        "event_id": ("message_id", "uuid", "insert_id"),
    },
    "reviews": {
        "product_id": ("item_id", "parent_asin", "asin", "product", "sku", "clothing_id", "id"),
        "shopper_id": ("user_id", "reviewer_id", "author", "customer_id", "user"),
        "rating": ("overall", "stars", "score", "star_rating"),
        "title": ("summary", "review_title", "headline", "review_headline"),
        "text": ("review_text", "body", "content", "review", "review_body", "comment"),
        "at": ("timestamp", "time", "date", "review_date", "unix_review_time", "created_at"),
        "language": ("lang", "language_code"),
    },
    "shoppers": {
        "id": ("shopper_id", "user_id", "customer_id", "household_id", "user", "visitor_id"),
        "attributes": ("labels", "traits", "properties"),
    },
    "relations": {
        "shopper_id": (
            "user_id", "shopper", "customer_id", "user", "visitor_id", "follower_id", "follower", "source_id", "source",
        ),
        "friend_id": (
            "friend", "friend_user_id", "followee_id", "followee", "followed_id", "followed", "target_id", "target",
        ),
        "type": ("relation", "relation_type"),
        "weight": ("strength", "score"),
        "at": ("timestamp", "time", "since", "created_at", "date"),
    },
}  # fmt: skip
"""Other names of each field, best first; capitals, spaces, "_" and "-" do not count, nor does RecBole's ":type"."""


def key(name: str) -> str:
    """Letters and digits of a column name, in lower case: "Product ID" and "productId" are one."""
    return re.sub(r"[^a-z0-9]", "", name.split(":", 1)[0].lower())


@lru_cache(maxsize=512)
def fields(kind: str, columns: tuple[str, ...]) -> Mapping[str, str]:
    """Field → the column that holds it, for the fields of ``kind`` that ``columns`` name."""
    present: dict[str, str] = {}
    for column in columns:
        present.setdefault(key(column), column)
    found: dict[str, str] = {}
    for field in COLUMNS[kind]:
        named = (present.get(key(name)) for name in (field, *ALIASES[kind].get(field, ())))
        free = next((column for column in named if column is not None and column not in found.values()), None)
        if free is not None:
            found[field] = free
    return found


def kind_of(columns: Iterable[str]) -> str | None:
    """The kind of rows a table with these columns holds; None when no kind has all it needs."""
    named = tuple(columns)
    found = {kind: fields(kind, named) for kind in REQUIRED}
    if all(field in found["events"] for field in REQUIRED["events"]):
        return "events"
    if "product_id" in found["reviews"] and {"text", "rating"} & set(found["reviews"]) and "title" not in _own(named):
        return "reviews"
    if all(field in found["products"] for field in REQUIRED["products"]):
        return "products"
    if {"product_id", "shopper_id", "rating"} <= set(found["reviews"]):
        return "reviews"
    if all(field in found["relations"] for field in REQUIRED["relations"]):
        return "relations"
    return "shoppers" if "id" in found["shoppers"] and "id" not in _own(named) else None


def _own(columns: tuple[str, ...]) -> set[str]:
    """What the columns would be of a product: a table of products may well have a rating."""
    return {"title", "id"} & set(fields("products", columns)) if "price" in fields("products", columns) else set()


def complete(kind: str, columns: Iterable[str]) -> bool:
    """Whether the columns name every field that ``kind`` cannot do without."""
    return set(REQUIRED[kind]) <= set(fields(kind, tuple(columns)))


def explain(kind: str | None, columns: Iterable[str], where: str) -> DataError:
    """The error for a table whose columns do not say what is needed: found, needed, and names that would do."""
    shown = ", ".join(list(columns)[:40]) or "none"
    wanted = tuple(each for each in REQUIRED if kind in (None, each))
    needs = []
    for each in wanted:
        words = [f"{field} (or {', '.join(ALIASES[each].get(field, ())[:5])})" for field in REQUIRED[each]]
        needs.append(f"{each}: {', '.join(words)}")
    return DataError(f"columns are missing; found: {shown}", where=where, hint=f"needed for {'; for '.join(needs)}")
