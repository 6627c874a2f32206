"""A shop's folder in, its model shelf out: what there is for each role, and which of it the shop shall use."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from mercato import artifacts
from mercato.artifacts import Artifact
from mercato.codec import from_time
from mercato.errors import ArtifactError, DataError, MercatoError, NotFound, RequestError
from mercato.jobs.encoders import PLACE, ROLE, in_use, shelf
from mercato.jobs.proof import measured, prove
from mercato.models import intake
from mercato.models.encoders import is_address
from mercato.models.offered import BUILT_IN, ROLES, Offered
from mercato.models.remote import Address
from mercato.settings import Settings, load

BUILT = "built-in"
"""The choice of no version: what mercato.toml names, by default a package."""
_SOURCES = "a folder, a hub name (owner/model), an address (https://host/v1#model) or package:NAME"


class Models:
    """The models of the shop in ``home``. Nothing here needs the shop's database, so it may be served meanwhile."""

    def __init__(self, home: Path, clock: Callable[[], datetime] | None = None) -> None:
        if not (home / "mercato.toml").exists():
            raise DataError("no shop here", where=str(home), hint=f"make one: mercato new {home}")
        self.home = home
        self.settings: Settings = load(home / "mercato.toml")
        self._clock = clock or (lambda: datetime.now(UTC))

    def listed(self) -> dict[str, Any]:
        """By role: what comes in packages, the versions of the shop, which one is chosen, and which one the trained
        shop uses now (only an encoder's choice waits for a training)."""
        return {
            role: {
                "built_in": [self._offer(one) for one in BUILT_IN if one.role == role],
                "versions": [self._told(role, name) for name in self._names(role)],
                "chosen": self._chosen(role),
                "serving": self._serving() if role == ROLE else self._chosen(role),
            }
            for role in ROLES
        }

    def add(self, source: str, role: str, *, name: str = "", licence: str = "", key: str = "") -> dict[str, Any]:
        """Put a model on the shelf, checked and with the sha256 of every file; it is not chosen by that.

        ``source``: a folder, a hub name, an address or a package; ``key`` names the environment variable that holds an
        address's API key. Raises RequestError for an unknown role or source, ArtifactError where it is a pickle or no
        model for this role, BackendError where hub or server cannot be reached.
        """
        root = shelf(self.home, _role(role))
        about: dict[str, Any] = {"kind": role, "added_at": from_time(self._clock()), "parent": "", "metrics": {}}
        if is_address(source):
            address = Address.parse(source, key)
            about |= {PLACE: address.source, "key": key, "name": name or address.model}
        elif source.startswith("package:"):
            about |= self._packaged(source, role) | ({"name": name} if name else {})
        folder = None if PLACE in about else self._folder(source)
        left: list[str] = []
        if folder is not None:
            about |= _card(folder) | {"base": _card(folder).get("base", source), "kind": role}
            about["name"] = name or about.get("name") or folder.resolve().name
        about["licence"] = licence or about.get("licence", "unknown")

        def write(draft: Path) -> None:
            if folder is not None:
                left.extend(intake.take(folder, draft))
            about.update(prove(role, Artifact(draft, {"about": about}), self.settings, self.home))

        version = self._free(root, source if name == "" and folder is None else str(about["name"]))
        artifacts.publish(root, version, write, about, chosen=False)
        return {"role": role, "version": version, "left_out": left, **self._told(role, version)}

    def check(self, name: str = "") -> dict[str, Any]:
        """Of the version called so, or of every chosen one: whether its files are as published, and what it can do
        here. What is wrong is in ``refused``. Raises NotFound for an unknown name."""
        asked = [(role, self._chosen(role)) for role in ROLES]
        if name:
            asked = [(role, found) for role in ROLES if (found := self._named(role, name))]
            if not asked:
                raise NotFound(f"no model {name!r}", where="name", hint="mercato models list SHOP")
        return {"checked": [self._checked(role, version) for role, version in asked if version]}

    def choose(self, role: str, name: str) -> dict[str, Any]:
        """Make a version, a package or an address the one that the shop shall use, or "built-in": none of the shelf.

        It is loaded and tried first. Raises as ``add``, and NotFound for an unknown name.
        """
        root, was = shelf(self.home, _role(role)), self._chosen(role)
        if name == BUILT:
            if root.is_dir():
                artifacts.release(root)
            return self._choice(role, was)
        version = self._named(role, name)
        if not version and (is_address(name) or name.startswith("package:")):
            version = self.add(name, role)["version"]
        if not version:
            raise NotFound(f"no model {name!r} for the role {role}", where="name", hint="mercato models list SHOP")
        prove(role, Artifact(root / version, artifacts.verify(root / version)), self.settings, self.home)
        artifacts.choose(root, version)
        return self._choice(role, was)

    def rollback(self, role: str) -> dict[str, Any]:
        """Back to the version chosen before, "built-in" where there is none; raises RequestError where nothing is
        chosen."""
        root, was = shelf(self.home, _role(role)), self._chosen(role)
        if not was:
            raise RequestError(f"no {role} is chosen: there is nothing to go back from", where="role")
        try:
            artifacts.rollback(root)
        except ArtifactError:
            artifacts.release(root)
        return self._choice(role, was)

    def prune(self, role: str, keep: int = 3) -> dict[str, Any]:
        """Delete all but the newest ``keep`` versions, the chosen one and those that some snapshot was trained with."""
        root = shelf(self.home, _role(role))
        held = in_use(self.home) if role == ROLE else set()
        return {"role": role, "deleted": artifacts.prune(root, keep, held) if root.is_dir() else []}

    def _choice(self, role: str, was: str) -> dict[str, Any]:
        return {"role": role, "chosen": self._chosen(role) or BUILT, "was": was or BUILT, "next": _NEXT[role]}

    def _checked(self, role: str, version: str) -> dict[str, Any]:
        folder, told = shelf(self.home, role) / version, self._told(role, version)
        try:
            found = Artifact(folder, artifacts.verify(folder))
            said = prove(role, found, self.settings, self.home) | measured(role, found, self.settings, self.home)
        except MercatoError as error:
            return {"role": role, **told, "intact": False, "refused": str(error)}
        return {"role": role, **told, "intact": True, "refused": "", **said}

    def _packaged(self, source: str, role: str) -> dict[str, Any]:
        offers = {one.source: one for one in BUILT_IN if one.role == role and one.serves}
        if source not in offers:
            known = ", ".join(offers) or "none"
            raise RequestError(f"no package {source!r} for the role {role}", where="source", hint=f"packages: {known}")
        one = offers[source]
        if not one.installed:
            raise ArtifactError(f"the package {one.package!r} is not installed", where=source, hint=one.install)
        return {
            PLACE: source, "name": one.package, "base": source, "licence": one.licence, "language": one.language,
        }  # fmt: skip

    def _folder(self, source: str) -> Path:
        """Where the files of a source lie, downloaded where it is a hub's."""
        if Path(source).exists():
            return Path(source)
        if intake.is_hub_name(source):
            return intake.download(source, self.home / "cache" / "hub")
        raise RequestError(f"{source!r} is nothing to add", where="source", hint=f"give {_SOURCES}")

    def _names(self, role: str) -> list[str]:
        """The versions of a role, the newest first."""
        found = []
        for path in shelf(self.home, role).glob(f"[!.]*/{artifacts.MANIFEST}"):
            try:
                found.append((int(artifacts.described(path.parent)["sequence"]), path.parent.name))
            except ArtifactError:
                found.append((0, path.parent.name))
        return [name for _, name in sorted(found, reverse=True)]

    def _named(self, role: str, name: str) -> str:
        """The version called ``name``, or the newest of a model called so; "" where there is none."""
        versions = self._names(role)
        if name in versions:
            return name
        told = ((version, self._told(role, version)) for version in versions)
        return next((version for version, said in told if name in (said.get("name"), said.get(PLACE))), "")

    def _told(self, role: str, version: str) -> dict[str, Any]:
        """What the manifest of a version says, and its size."""
        try:
            manifest = artifacts.described(shelf(self.home, role) / version)
        except ArtifactError as error:
            return {"version": version, "refused": str(error)}
        size = sum(int(file["bytes"]) for file in manifest["files"].values())
        return {"version": version, **manifest["about"], "bytes": size}

    def _offer(self, one: Offered) -> dict[str, Any]:
        named = {ROLE: self.settings.encoder.source, "image": self.settings.image.source}
        return {
            "source": one.source, "what": one.what, "licence": one.licence, "language": one.language,
            "dimension": one.dimension, "installed": one.installed, "install": one.install, "serves": one.serves,
            "default": one.source == named.get(one.role),
        }  # fmt: skip

    def _chosen(self, role: str) -> str:
        folder = artifacts.current(shelf(self.home, role))
        return folder.name if folder is not None else ""

    def _serving(self) -> str:
        """The version of the encoder that the trained shop uses; "" where it is another, or nothing is trained."""
        folder = artifacts.current(self.home / "snapshots")
        try:
            return "" if folder is None else str(orjson.loads((folder / "report.json").read_bytes())[ROLE]["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    @staticmethod
    def _free(root: Path, name: str) -> str:
        """A version that is not taken, made of ``name``."""
        plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", name.rpartition("#")[2].removeprefix("package:")).strip("-.")[:80]
        wanted = [plain or "model", *(f"{plain or 'model'}-{number}" for number in range(2, 10_000))]
        return next(one for one in wanted if not (root / one).exists())


_NEXT = {
    "encoder": "mercato train SHOP: vectors of all products are made anew; until then the old encoder serves",
    "cross": "it reads searches once the shop is opened anew",
    "classifier": "kept for what asks for a classifier",
    "image": "mercato train SHOP: vectors of all pictures are made anew",
    "writer": "kept for what asks for a writer",
}


def _role(role: str) -> str:
    if role not in ROLES:
        raise RequestError(f"no role {role!r}", where="role", hint=f"roles: {', '.join(ROLES)}")
    return role


def _card(folder: Path) -> dict[str, Any]:
    """What is known of the model in ``folder``: its manifest, where it was published by Mercato, else its card."""
    try:
        return dict(artifacts.verify(folder)["about"])
    except ArtifactError:
        return dict(intake.facts(folder)) if folder.is_dir() else {}
