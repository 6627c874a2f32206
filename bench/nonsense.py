"""A trained shop in, what it makes of queries that nobody should type out: bench/results/nonsense.md.

python bench/nonsense.py SHOP

Every query is sent over HTTP in process, to search and to the completions; each must be answered or refused with a
clear 400, none with a 500, none in more than two seconds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections import Counter, defaultdict
from pathlib import Path
from time import perf_counter

import numpy as np
from starlette.testclient import TestClient

import mercato
from machine import described
from mercato.serve.app import create_app

SAID = (
    "Every query is sent over HTTP in process, to search and to the completions (typing); each must be answered or "
    "refused with a clear 400, none with a 500, none in more than two seconds."
)
RESULT = Path(__file__).resolve().parent / "results" / "nonsense.md"

HAND_MADE = {
    "long": [
        "a" * 512,
        "a" * 10_000,
        "ab " * 170,
        "shampoo " * 64,
        "x-y/" * 128,
        "1/2 " * 128,
        "9" * 512,
        "é" * 512,
        "茶" * 512,
        "shampoo " * 1250,
        " ".join(f"w{n}" for n in range(120)),
        "a-" * 250,
        "0-" * 250,
        "-" * 512,
        "'" * 512,
    ],
    "regex": [
        "(a+)+$" + "a" * 40 + "!",
        "(.*)*" * 50,
        "[" * 200,
        "(" * 400,
        "a{1,99999}" * 20,
        "\\" * 512,
        "(?=" * 100,
        "^(([a-z])+.)+[A-Z]([a-z])+$" + "a" * 300,
        "under under " * 40 + "50",
        "without " * 60,
        "under $" * 70,
        "1 x 2 x 3 x 4 x " * 30,
        "between 1 and " * 30,
        "12.3.4.5.6.7.8.9" * 20,
        "iphone 4 charger for " * 20,
    ],
    "control": [
        "\x00",
        "milk\x00powder",
        "\x07\x1b[31mred",
        "\r\nSet-Cookie: a=b",
        "\u200b" * 100,
        "\ufeffmilk",
        "\ud7ff",
        "\u0000" * 300,
        "\x7f" * 30,
        "tea\u2028bag",
        "\v\f\t tea",
    ],
    "unicode": [
        "😀",
        "😀" * 128,
        "👩‍👩‍👧‍👦 toys",
        "🍕 pizza",
        "مرحبا بالعالم",
        "שלום milk",
        "\u202emilk\u202c",
        "Z̸̢̛̖a̷l̶g̵o̸ " * 20,
        "ﬁsh",
        "ＭＩＬＫ",
        "ⅷ½²",
        "ß" * 200,
        "İstanbul" * 30,
        "e\u0301" * 200,
        "ไทย" * 60,
        "한국어 우유",
        "日本茶",
        "Ω≈ç√∫",
    ],
    "sql": [
        "' OR 1=1 --",
        "'; DROP TABLE products; --",
        '" OR ""="',
        "milk' UNION SELECT * FROM events --",
        "%",
        "_" * 100,
        "%' AND 1=(SELECT COUNT(*) FROM shoppers) --",
    ],
    "html": [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "&lt;b&gt;",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "../../etc/passwd",
        "<" * 512,
        "javascript:alert(1)",
        "]]>",
        "<!--",
    ],
    "empty": [
        "",
        " ",
        "\t",
        "the",
        "of the and",
        ".",
        "-",
        "!!!",
        "?",
        "0",
        "''",
        '""',
        "+-*/",
        "AND OR NOT",
        "*",
        "?*",
    ],
}


def nonsense(seed: int = 0, random: int = 400) -> dict[str, list[str]]:
    """Queries by kind: made by hand, and ``random`` ones of letters from all over Unicode."""
    draw = np.random.default_rng(seed)
    planes = [
        (0x20, 0x7F),
        (0xA0, 0x24F),
        (0x370, 0x5FF),
        (0x600, 0x6FF),
        (0x4E00, 0x9FFF),
        (0x1F300, 0x1FAFF),
        (0, 0x20),
    ]
    made = []
    for _ in range(random):
        low, high = planes[int(draw.integers(len(planes)))]
        size = int(draw.choice([1, 3, 12, 80, 500]))
        made.append("".join(map(chr, draw.integers(low, high, size))))
    return {**HAND_MADE, "random": made}


def main() -> None:
    """Ask everything twice and write the table."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    slowest: dict[str, tuple[float, str]] = {}
    with mercato.open(sys.argv[1]) as shop, TestClient(create_app(shop), raise_server_exceptions=False) as client:
        client.post("/v1/search", json={"query": "warm"})
        for kind, queries in nonsense().items():
            for query in queries:
                begun = perf_counter()
                statuses[kind][client.post("/v1/search", json={"query": query}).status_code] += 1
                middle = perf_counter()
                statuses[f"{kind}, typing"][client.get("/v1/suggest", params={"q": query}).status_code] += 1
                for name, took in ((kind, middle - begun), (f"{kind}, typing", perf_counter() - middle)):
                    slowest[name] = max(slowest.get(name, (0.0, "")), (1000 * took, repr(query)[:40]))
    title = "# Queries that nobody should type"
    lines = [title, "", *described(), "", f"Shop: {Path(sys.argv[1]).name}. {SAID}", ""]
    lines += ["| queries | answered | refused (400) | failed | slowest, ms | which |", "|---|---|---|---|---|---|"]
    for kind, counted in statuses.items():
        failed = sum(n for status, n in counted.items() if status not in (200, 400))
        took, query = slowest[kind]
        lines.append(f"| {kind} | {counted[200]} | {counted[400]} | {failed} | {took:.0f} | `{query}` |")
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
