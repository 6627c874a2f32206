"""Settings in, an engine out: the only file that says which class stands behind a port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from mercato.catalog import Catalog
from mercato.engine import Engine, Placement
from mercato.evaluate.metrics import head
from mercato.feedback.histories import Events
from mercato.lists import Known, policies
from mercato.models.sequence import gap_classes
from mercato.parts import Behaviour, Parts
from mercato.policy.diverse import Likeness
from mercato.policy.explain import Explain
from mercato.policy.rules import Narrow
from mercato.ports import Encoder, Retriever
from mercato.rank.cascade import Cascade
from mercato.rank.features import Facts, Profile, columns
from mercato.reading import reading
from mercato.retrieve.content import ContentLane
from mercato.retrieve.dense import DenseIndex, Meaning, Similar, remembering
from mercato.retrieve.fuse import Fused
from mercato.retrieve.hybrid import Hybrid
from mercato.retrieve.kin import KinLane
from mercato.retrieve.pairs import PairLane
from mercato.retrieve.pictures import Looks
from mercato.retrieve.sequence import SequenceLane
from mercato.retrieve.social import Ties
from mercato.schema import Request
from mercato.scores import POOLS, ordering, silent_lanes
from mercato.search import Search
from mercato.settings import Settings
from mercato.understand.lexicon import Lexicon
from mercato.understand.names import Names
from mercato.understand.query import Understanding
from mercato.wishes import Wishes
from mercato.words import Vocabulary

_TAIL_QUOTA = 40
"""Rows of the tail that every lane adds to the pool of a placement that keeps places for them."""

Tick = Callable[[str], None]
"""Called with the name of each step as it starts."""


def learn_behaviour(
    settings: Settings, events: Events, n: int, now: int, tick: Tick, ties: Ties | None = None
) -> Behaviour:
    """Fit every behaviour lane on ``events`` over ``n`` rows as of ``now``, ``learn.threads`` at a time; the social
    one where somebody knows somebody (``ties``)."""
    tick("what sells, what goes together, taste")
    with ThreadPoolExecutor(settings.learn.threads) as pool:
        popular = pool.submit(settings.popular.fit, events.rows, events.grades, events.at, n=n, now=now)
        taste = pool.submit(settings.taste.fit, events.owner, events.rows, events.at, n=n, now=now)
        together = pool.submit(settings.together.fit, events.baskets, events.rows, n)
        neighbours = pool.submit(settings.neighbours.fit, events.owner, events.rows, n)
        transitions = pool.submit(settings.transitions.fit, events.owner, events.rows, n)
        return Behaviour(
            popular.result(), transitions.result(), together.result(), neighbours.result(), taste.result(),
            settings.transitions,
            ease=settings.ease.fit(events.owner, events.rows, n) if settings.ease.train and len(events) else None,
            social=None if ties is None or not ties.people else settings.social.fit(
                ties, events.shoppers, events.owner, events.rows, events.grades, events.at, n=n, now=now
            ),
        )  # fmt: skip


def lanes(
    settings: Settings, behaviour: Behaviour, dense: DenseIndex | None, content: ContentLane | None
) -> dict[str, Retriever]:
    """Every retriever by name; ``similar`` and ``content`` only where there are text vectors, ``sequence`` only where
    it was trained."""
    recent = settings.lists.recent_seconds
    found: dict[str, Retriever] = {
        "popular": behaviour.popular,
        "lately": settings.lately,
        "habit": settings.habit,
        "next": PairLane(behaviour.together, "history"),
        "transitions": behaviour.graph.lane(behaviour.transitions),
        "neighbours": PairLane(behaviour.neighbours, "history", half_life_days=80.0),
        "taste": behaviour.taste,
        "recent": PairLane(behaviour.together, "recent", recent_seconds=recent),
        "together": PairLane(behaviour.together, "anchors"),
        "beside": PairLane(behaviour.neighbours, "anchors"),
    }
    if dense is not None:
        found["similar"] = Similar(dense)
    if content is not None:
        found["content"] = content
    if behaviour.ease is not None:
        found["ease"] = settings.ease.lane(behaviour.ease)
    if behaviour.social is not None:
        found["social"] = behaviour.social
    if behaviour.sequence is not None:
        found["sequence"] = SequenceLane(behaviour.sequence.items, behaviour.sequence.encoder, gap_classes)
    if content is not None and content.relatives is not None:
        base = found.get("sequence", found["transitions"])
        found["kin"] = KinLane(content.relatives, content.text_of, behaviour.popular.counts > 0, base)
    return found


def engine(
    settings: Settings,
    parts: Parts,
    encoder: Encoder | None,
    versions: Mapping[str, str],
    degraded: tuple[str, ...] = (),
) -> Engine:
    """The request path over ``parts``; without an ``encoder`` search has words only and says so in every answer."""
    catalog = parts.catalog
    found = lanes(settings, parts.behaviour, parts.dense, parts.content)
    codes = columns(catalog, settings.shop.relations)
    profile = Profile(codes)
    counts = parts.behaviour.popular.counts
    best_sellers = head(counts)
    likeness = Likeness(catalog.leaf) if parts.dense is None else Likeness(parts.dense.text_of, parts.dense.vectors)
    policy = policies(settings.lists, Known(catalog, likeness, counts, ~best_sellers))
    placements = {}
    for name, pool in POOLS.items():
        score, heard = ordering(settings, parts.weights, name, parts.new_every)
        silent = silent_lanes(parts.weights, heard)
        if settings.lists.arrivals.get(name):
            silent -= {"kin"}  # places kept for products that nobody took must find some, whatever orders them
        chosen = {lane: found[lane] for lane in pool if lane in found and lane not in silent}
        watching = {lane: found[lane] for lane in ("popular", "habit", "taste") if lane not in chosen}
        quota = _TAIL_QUOTA if settings.lists.tail.get(name) else 0
        fused = Fused(chosen, watching, settings.lists.depth, kept=~best_sellers, least=quota)
        placements[name] = Placement(fused, score, policy[name])
    semantic = meaning(settings, parts, encoder)
    first, readable, unread = reading(settings.read, catalog, parts.weights["search"], settings.encoder.threads)
    signals = {name: found[name] for name in ("popular", "habit", "taste")}
    alike = looks(settings, parts, encoder)
    return Engine(
        catalog=catalog,
        search_parts=Search(
            catalog=catalog,
            wishes=wishes(settings, parts),
            matcher=Hybrid(
                catalog, parts.lexical, reader(parts.lexical.vocabulary, encoder), semantic, parts.numbers, parts.needs
            ),
            signals=signals,
            profile=Facts.of(catalog, profile),
            score=Cascade.over(readable),
            sidebar=settings.facets.over(catalog),
            reader=first,
            looks=alike,
        ),
        placements=placements,
        profile=profile,
        fallback=parts.behaviour.popular,
        narrow=Narrow(best_sellers),
        reason=explained(catalog, found if alike is None else found | {"looks": alike}, profile).reason,
        versions=versions,
        degraded=(*degraded, *unread, *(() if semantic is not None else ("meaning",))),
        pages=settings.shop.pages,
        sets=parts.bundles,
    )


def reader(vocabulary: Vocabulary, encoder: Encoder | None) -> Understanding:
    """Reads queries with what is generally known of words; the encoder's own words are no misspellings."""
    lexicon = Lexicon.of(vocabulary)
    return Understanding(vocabulary, lexicon) if encoder is None else Understanding(vocabulary, lexicon, encoder.knows)


def meaning(settings: Settings, parts: Parts, encoder: Encoder | None) -> Meaning | None:
    """Semantic search over the parts' text vectors; None without vectors or encoder."""
    if parts.dense is None or encoder is None:
        return None
    return Meaning(parts.dense, remembering(encoder), encoder.knows, settings.dense)


def looks(settings: Settings, parts: Parts, encoder: Encoder | None) -> Looks | None:
    """Search by picture; the words beside it count where ``encoder`` is the one they were learned with."""
    if parts.pictures is None:
        return None
    text, encode = parts.pictures.text, None
    if encoder is not None and text is not None and encoder.dimension == len(text.mean):
        encode = remembering(encoder)
    return Looks(parts.pictures, encode, settings.pictures.words)


def explained(catalog: Catalog, found: Mapping[str, Retriever], profile: Profile) -> Explain:
    """What writes reasons over the products of ``catalog``, traced through the lanes of ``found`` and the profile."""
    sources = {f"lane:{name}": lane.source for name, lane in found.items() if hasattr(lane, "source")}
    for name in profile.codes:
        sources[f"profile:{name}"] = _field_source(profile, name)
    return Explain(catalog, sources)


def wishes(settings: Settings, parts: Parts, names: Names | None = None) -> Wishes:
    """What reads wishes against ``parts``; ``names`` spares collecting those of the catalogue."""

    def numbered(query: str) -> str:
        found = parts.numbers.find(query) if parts.numbers is not None else None
        return found.text if found is not None else ""

    return Wishes(parts.catalog, parts.lexical, parts.lacking, numbered, settings.shop.currency, names)


def _field_source(profile: Profile, name: str) -> Callable[[Request, int], int | None]:
    return lambda request, row: profile.source(request, row, name)
