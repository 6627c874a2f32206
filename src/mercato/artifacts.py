"""Files in, an immutable version out, published atomically with checksums: readers see the old one or the new one.

    root/
      CURRENT             {"version", "sequence", "before"}: the version that counts, and those that did before it
      VERSION/            one folder a version, never changed after it appeared
        manifest.json     size and sha256 of every file, and what the publisher says about it
        ...

No file is ever unpickled; a manifest is verified before anything it names is opened.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mercato import pointed
from mercato.codec import dumps
from mercato.errors import ArtifactError, BackendError
from mercato.pointed import CURRENT, DRAFT, NOBODY, VERSION, Pointer, sync

MANIFEST = "manifest.json"
LOCK = ".lock"
LAYOUT = 1
"""The layout of manifest.json; a newer one is refused."""

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


def publish(
    root: Path, version: str, write: Callable[[Path], None], about: Mapping[str, Any], *, chosen: bool = True
) -> Path:
    """Let ``write`` fill a folder, make it ``root/version`` and the current one; returns that folder.

    ``about`` (JSON: created_at, what it was trained on ...) goes into the manifest. Whatever fails or dies midway,
    the current version stays as it was. Publishing the same files under the same version again is no error. Without
    ``chosen`` it only lies there, to be made the current one by ``choose``.

    Raises ArtifactError for an unusable or taken ``version``, BackendError when the disk is full or fails.
    """
    if not VERSION.fullmatch(version) or version == CURRENT:
        raise ArtifactError(f"{version!r} cannot name a version", where=str(root), hint="letters, digits and . _ + -")
    with _alone(root):
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
        try:
            write(draft)
            folder, sequence = _settle(root, version, draft, about)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if chosen:
            pointed.write(root, pointed.after(pointed.read(root), version, sequence))
        elif not (root / CURRENT).exists():
            pointed.write(root, NOBODY)
    return folder


def choose(root: Path, version: str) -> Path:
    """Make ``version`` the current one; returns its folder. Raises ArtifactError where it cannot be trusted."""
    if not VERSION.fullmatch(version) or not (root / version / MANIFEST).is_file():
        known = ", ".join(name for _, name in sorted(_known(root))) or "none"
        raise ArtifactError(f"no version {version!r}", where=str(root), hint=f"there is: {known}")
    with _alone(root):
        pointed.write(root, pointed.after(pointed.read(root), version, int(verify(root / version)["sequence"])))
    return root / version


def release(root: Path) -> None:
    """Make no version the current one, and forget which ones were."""
    with _alone(root):
        pointed.write(root, NOBODY)


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
        sync(path)
    draft.chmod(0o755)  # mkdtemp's folder is private; a server may run as another user
    sync(draft)
    draft.rename(folder)
    sync(root)
    return folder, sequence


def is_chosen(root: Path) -> bool:
    """Whether a version ought to be current: not where nothing was published, or nothing of it was chosen."""
    pointer = pointed.read(root)
    return bool(pointer.version) if pointer is not None else any(True for _ in _known(root))


def current(root: Path) -> Path | None:
    """The folder of the current version as CURRENT names it, unverified; None when nothing was published or chosen."""
    pointer = pointed.read(root)
    return root / pointer.version if pointer is not None and pointer.version else None


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder`` after every file was compared with it, byte for byte.

    Raises ArtifactError naming the file that is missing, truncated or changed.
    """
    manifest = described(folder)
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
    """The current version, verified; when it cannot be trusted, the last one before it that can, with ``refused`` said.

    Raises ArtifactError when nothing was published or chosen, or nothing can be trusted.
    """
    pointer = pointed.read(root)
    if pointer is not None and not pointer.version:
        raise ArtifactError("no version is chosen", where=str(root), hint="publish one, or choose one that is there")
    # A damaged pointer names nothing: then the newest good version counts.
    versions = [*([pointer.version] if pointer else []), *_earlier(root, pointer)]
    refused: list[str] = [] if pointer or not versions else [f"{root / CURRENT} is missing or damaged"]
    for version in versions:
        try:
            return Artifact(root / version, verify(root / version), tuple(refused))
        except ArtifactError as error:
            refused.append(str(error))
    if refused:
        raise ArtifactError(f"no version can be trusted: {'; '.join(refused)}", where=str(root), hint="train again")
    raise ArtifactError("nothing was published yet", where=str(root), hint="train the shop")


def rollback(root: Path) -> Path:
    """Make the last good version that was current before this one the current one; raises ArtifactError when there is
    none."""
    with _alone(root):
        pointer = pointed.read(root)
        earlier = _earlier(root, pointer)
        for place, name in enumerate(earlier):
            if _good(root / name):
                before = None if pointer is None or pointer.before is None else tuple(earlier[:place:-1])
                pointed.write(root, Pointer(name, int(described(root / name)["sequence"]), before))
                return root / name
    raise ArtifactError("there is no earlier good version", where=str(root), hint="train the shop again")


def _earlier(root: Path, pointer: Pointer | None) -> list[str]:
    """The versions that were current before ``pointer`` and are still there, the last one first; where that is not
    known, those that were published before it."""
    known = {name: number for number, name in sorted(_known(root), reverse=True)}
    if pointer is None or pointer.before is None:
        return [name for name, number in known.items() if pointer is None or number < pointer.sequence]
    return [name for name in reversed(pointer.before) if name in known]


def prune(root: Path, keep: int = 3, held: Collection[str] = ()) -> list[str]:
    """Delete all but the newest ``keep`` versions, the current one and those ``held``; returns the names that went,
    oldest first."""
    if keep < 1:
        raise ArtifactError("at least one version is kept", where="keep")
    with _alone(root):
        pointer = pointed.read(root) or NOBODY
        newest = sorted(_known(root), reverse=True)
        going = [name for _, name in newest[keep:] if name != pointer.version and name not in held][::-1]
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


def described(folder: Path) -> dict[str, Any]:
    """What was written down of a version, sealed; its files are not compared (see ``verify``). Raises ArtifactError."""
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
            yield int(described(path.parent)["sequence"]), path.parent.name
        except ArtifactError:
            continue


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
