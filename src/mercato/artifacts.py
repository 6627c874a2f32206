"""Files in, an immutable version out, published atomically with checksums: readers see the old one or the new one.

    root/
      CURRENT             {"version", "sequence"}: the version that counts
      VERSION/            one folder a version, never changed after it appeared
        manifest.json     size and sha256 of every file, and what the publisher says about it
        ...

No file is ever unpickled; a manifest is verified before anything it names is opened.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mercato.codec import dumps
from mercato.errors import ArtifactError, BackendError

MANIFEST = "manifest.json"
CURRENT = "CURRENT"
DRAFT = ".draft-"
LOCK = ".lock"
LAYOUT = 1
"""The layout of manifest.json; a newer one is refused."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_REBUILD = "train the shop again, or roll back to the previous version"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One verified version. ``refused`` are newer versions that could not be trusted, each with the reason."""

    folder: Path
    manifest: Mapping[str, Any]
    refused: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The name it was published under."""
        return self.folder.name


def publish(root: Path, version: str, write: Callable[[Path], None], about: Mapping[str, Any]) -> Path:
    """Let ``write`` fill a folder, make it ``root/version`` and the current one; returns that folder.

    ``about`` (JSON: created_at, what it was trained on ...) goes into the manifest. Whatever fails or dies midway,
    the current version stays as it was. Publishing the same files under the same version again is no error.

    Raises ArtifactError for an unusable or taken ``version``, BackendError when the disk is full or fails.
    """
    if not _VERSION.fullmatch(version) or version == CURRENT:
        raise ArtifactError(f"{version!r} cannot name a version", where=str(root), hint="letters, digits and . _ + -")
    with _alone(root):
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
        try:
            write(draft)
            folder, sequence = _settle(root, version, draft, about)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _point(root, version, sequence)
    return folder


def _settle(root: Path, version: str, draft: Path, about: Mapping[str, Any]) -> tuple[Path, int]:
    """Give a finished draft its manifest and its name, every byte of it on disk first."""
    files = _digests(draft)
    folder = root / version
    if folder.exists():
        kept = verify(folder)
        if kept["files"] != files:
            raise ArtifactError("this version exists with other files", where=str(folder), hint="take a new version")
        return folder, int(kept["sequence"])
    sequence = 1 + max((number for number, _ in _known(root)), default=0)
    manifest = {"layout": LAYOUT, "version": version, "sequence": sequence, "about": dict(about), "files": files}
    (draft / MANIFEST).write_bytes(dumps({**manifest, "sha256": _seal(manifest)}))
    for path in sorted(draft.rglob("*"), reverse=True):
        _sync(path)
    draft.chmod(0o755)  # mkdtemp's folder is private; a server may run as another user
    _sync(draft)
    draft.rename(folder)
    _sync(root)
    return folder, sequence


def current(root: Path) -> Path | None:
    """The folder of the current version as CURRENT names it, unverified; None when nothing was published."""
    pointer = _pointer(root)
    return None if pointer is None else root / pointer[0]


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder`` after every file was compared with it, byte for byte.

    Raises ArtifactError naming the file that is missing, truncated or changed.
    """
    manifest = _manifest(folder)
    for name, expected in manifest["files"].items():
        path = folder / name
        try:
            size = path.stat().st_size
            if size != expected["bytes"]:
                raise ArtifactError(f"has {size} bytes instead of {expected['bytes']}", where=str(path), hint=_REBUILD)
            if _sha256(path) != expected["sha256"]:
                raise ArtifactError("its bytes have changed since it was published", where=str(path), hint=_REBUILD)
        except OSError as error:
            raise ArtifactError(f"cannot be read: {error.strerror}", where=str(path), hint=_REBUILD) from error
    return manifest


def open_current(root: Path) -> Artifact:
    """The current version, verified; when it cannot be trusted, the newest older one that can, with ``refused`` said.

    Raises ArtifactError when nothing was published or nothing can be trusted.
    """
    pointer = _pointer(root)
    known = sorted(_known(root), reverse=True)
    # A damaged pointer names nothing: then the newest good version counts.
    versions = [name for number, name in known if pointer is None or number < pointer[1]]
    if pointer is not None:
        versions.insert(0, pointer[0])
    refused: list[str] = [] if pointer or not known else [f"{root / CURRENT} is missing or damaged"]
    for version in versions:
        try:
            return Artifact(root / version, verify(root / version), tuple(refused))
        except ArtifactError as error:
            refused.append(str(error))
    if refused:
        raise ArtifactError(f"no version can be trusted: {'; '.join(refused)}", where=str(root), hint="train again")
    raise ArtifactError("nothing was published yet", where=str(root), hint="train the shop")


def rollback(root: Path) -> Path:
    """Make the newest good version before the current one the current one; raises ArtifactError when there is none."""
    with _alone(root):
        pointer = _pointer(root)
        for number, name in sorted(_known(root), reverse=True):
            if (pointer is None or number < pointer[1]) and _good(root / name):
                _point(root, name, number)
                return root / name
    raise ArtifactError("there is no earlier good version", where=str(root), hint="train the shop again")


def prune(root: Path, keep: int = 3) -> list[str]:
    """Delete all but the newest ``keep`` versions and the current one; returns the names that went, oldest first."""
    if keep < 1:
        raise ArtifactError("at least one version is kept", where="keep")
    with _alone(root):
        pointer = _pointer(root)
        newest = sorted(_known(root), reverse=True)
        going = [name for _, name in newest[keep:] if pointer is None or name != pointer[0]][::-1]
        for name in going:
            # Renamed first: half a deleted version must not look like a version.
            trash = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
            (root / name).rename(trash / name)
            shutil.rmtree(trash)
    return going


def _good(folder: Path) -> bool:
    try:
        verify(folder)
    except ArtifactError:
        return False
    return True


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = orjson.loads(path.read_bytes())
        seal = manifest.pop("sha256")
        intact = seal == _seal(manifest) and manifest["version"] == folder.name
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", where=str(path), hint=_REBUILD) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ArtifactError("is not a manifest", where=str(path), hint=_REBUILD) from error
    if not intact:
        raise ArtifactError("has changed since it was published", where=str(path), hint=_REBUILD)
    if manifest["layout"] > LAYOUT:
        raise ArtifactError("was published by a newer Mercato", where=str(path), hint="upgrade Mercato")
    return dict(manifest)


def _known(root: Path) -> Iterator[tuple[int, str]]:
    """(sequence, version) of every version whose manifest is intact."""
    for path in root.glob(f"[!.]*/{MANIFEST}"):
        try:
            yield int(_manifest(path.parent)["sequence"]), path.parent.name
        except ArtifactError:
            continue


def _pointer(root: Path) -> tuple[str, int] | None:
    try:
        record = orjson.loads((root / CURRENT).read_bytes())
        version, sequence = record["version"], int(record["sequence"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (version, sequence) if _VERSION.fullmatch(version) else None


def _point(root: Path, version: str, sequence: int) -> None:
    handle, name = tempfile.mkstemp(prefix=DRAFT, dir=root)
    with os.fdopen(handle, "wb") as file:
        file.write(dumps({"version": version, "sequence": sequence}))
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    Path(name).replace(root / CURRENT)
    _sync(root)


def _digests(folder: Path) -> dict[str, dict[str, Any]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in paths
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(orjson.loads(dumps(manifest)), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """The only publisher of ``root`` (others wait), what killed ones left half-made swept away; OSError wrapped."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path in root.glob(f"{DRAFT}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "free some space" if full else "check the folder's permissions and the disk"
        raise BackendError(f"cannot publish: {error.strerror}", where=str(error.filename or root), hint=hint) from error
