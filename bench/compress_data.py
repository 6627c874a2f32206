"""A folder of public data in, two exams for bench/compress.py out; how they are made is said there."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np

import search_data
from mercato.models.taught import Exam

PRODUCTS, QUERIES = {"fashion": 2000, "retrotech": 1000}, 400
Judged = dict[str, dict[int, float]]
"""By query the grades of places in the catalogue."""


def fashion(data: Path, seed: int) -> tuple[list[str], Judged]:
    """Names, and by query the grades of their places."""
    with zipfile.ZipFile(data / "fashion" / "styles.csv.zip") as archive, archive.open("styles.csv") as inside:
        rows = [row for row in csv.DictReader(io.StringIO(inside.read().decode())) if row["productDisplayName"]]
    random = np.random.default_rng([seed, 1])
    rows = [rows[place] for place in random.permutation(len(rows))[: PRODUCTS["fashion"]]]
    found: Judged = {}
    for place in random.permutation(len(rows)):
        drawn = [rows[place][column] for column in ("articleType", "baseColour", "gender")]
        said = [str(random.choice(search_data.SAID.get(one, (one,)))).lower() for one in drawn]
        grades = {
            at: float((row["baseColour"] == drawn[1]) + (row["gender"] == drawn[2]))
            for at, row in enumerate(rows)
            if row["articleType"] == drawn[0]
        }
        if sum(grade == 2 for grade in grades.values()) >= 3 and len(found) < QUERIES:
            query = " ".join(said[one] for one in random.permutation(3))
            found[query] = {at: grade for at, grade in grades.items() if grade}
    return [row["productDisplayName"] for row in rows], found


def retrotech(data: Path, seed: int) -> tuple[list[str], Judged]:
    """Names and the start of their descriptions, and by query the places of the name that it was made of."""
    with tarfile.open(data / "retrotech" / "products.tgz") as archive:
        inside = archive.extractfile("products.csv")
        assert inside is not None
        read = list(csv.DictReader(io.StringIO(inside.read().decode()), escapechar="\\", doublequote=False))
    rows = [(row["name"] or "", row["short_description"] or row["long_description"] or "") for row in read]
    rows = [row for row in rows if row[0].strip() and row[1].strip()]
    random = np.random.default_rng([seed, 2])
    rows = [rows[place] for place in random.permutation(len(rows))[: PRODUCTS["retrotech"]]]
    found: Judged = {}
    while len(found) < QUERIES:
        name, text = rows[int(random.integers(len(rows)))]
        kind = "from the text" if random.random() < 0.5 else "words"
        query = search_data._query(kind, search_data.words(name), search_data.words(text), random)
        if query:
            found[" ".join(query)] = {at: 1.0 for at, row in enumerate(rows) if row[0] == name}
    return [f"{name}. {text}"[:160] for name, text in rows], found


def exams(data: Path, seed: int, part: int) -> dict[str, Exam]:
    """Every other query: ``part`` 0 validation, 1 test."""
    made = {}
    for name, read in (("fashion", fashion), ("retrotech", retrotech)):
        texts, judged = read(data, seed)
        kept = list(judged.items())[part::2]
        made[name] = Exam(tuple(query for query, _ in kept), tuple(texts), tuple(grades for _, grades in kept))
    return made
