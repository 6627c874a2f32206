"""Versions published, verified, refused, rolled back."""

from __future__ import annotations

import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato import artifacts
from mercato.artifacts import choose, current, is_chosen, open_current, prune, publish, release, rollback, verify
from mercato.errors import ArtifactError, BackendError

Write = Callable[[Path], None]


def files(**contents: str) -> Write:
    def write(folder: Path) -> None:
        for name, content in contents.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)

    return write


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()} - {"CURRENT", ".lock"}


def test_what_was_published_is_current_with_its_manifest(tmp_path: Path) -> None:
    root = tmp_path / "models"
    assert current(root) is None
    folder = publish(root, "v1", files(a="hello", part__b="world"), {"created_at": "2026-03-01T12:00:00Z"})
    assert folder == current(root) == root / "v1"
    found = open_current(root)
    assert (found.folder, found.version, found.refused) == (folder, "v1", ())
    assert found.manifest["about"] == {"created_at": "2026-03-01T12:00:00Z"}
    assert found.manifest["files"]["part/b"]["bytes"] == 5
    assert (folder / "part" / "b").read_text() == "world"
    assert names(root) == {"v1"}


def test_a_failing_writer_leaves_the_current_version(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise ZeroDivisionError

    publish(tmp_path, "v1", files(a="1"), {})
    with pytest.raises(ZeroDivisionError):
        publish(tmp_path, "v2", half, {})
    assert open_current(tmp_path).version == "v1"
    assert names(tmp_path) == {"v1"}


def test_a_full_disk_leaves_the_current_version(tmp_path: Path) -> None:
    publish(tmp_path, "v1", files(a="1"), {})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(BackendError, match="free some space"):
            publish(tmp_path, "v2", files(a="x" * 50_000), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert open_current(tmp_path).version == "v1"
    assert names(tmp_path) == {"v1"}


def test_what_killed_publishers_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".draft-abc" / "deep").mkdir(parents=True)
    (tmp_path / ".draft-file").write_text("half a pointer")
    publish(tmp_path, "v1", files(a="1"), {})
    assert names(tmp_path) == {"v1"}


@pytest.mark.parametrize("version", ["", ".v1", "a/b", "..", "CURRENT", "x" * 200, "ü"])
def test_a_version_must_be_a_plain_name(tmp_path: Path, version: str) -> None:
    with pytest.raises(ArtifactError, match="cannot name a version"):
        publish(tmp_path, version, files(a="1"), {})


def test_a_version_never_changes_but_may_be_published_again(tmp_path: Path) -> None:
    publish(tmp_path, "v1", files(a="1"), {})
    publish(tmp_path, "v2", files(a="2"), {})
    with pytest.raises(ArtifactError, match="exists with other files"):
        publish(tmp_path, "v1", files(a="other"), {})
    assert open_current(tmp_path).version == "v2"
    publish(tmp_path, "v1", files(a="1"), {})
    assert open_current(tmp_path).version == "v1"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_bit_in_any_file_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = publish(tmp_path_factory.mktemp("root"), "v1", files(a="hello", part__b="world"), {"seen": 12})
    verify(folder)
    path = folder / data.draw(st.sampled_from(["a", "part/b", "manifest.json"]))
    raw = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    path.write_bytes(raw)
    with pytest.raises(ArtifactError) as refusal:
        verify(folder)
    assert refusal.value.where == str(path)
    assert refusal.value.hint


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    folder = publish(tmp_path, "v1", files(a="hello", b="world"), {})
    (folder / "a").write_text("hell")
    with pytest.raises(ArtifactError, match=r"4 bytes instead of 5 \[.*/a\]"):
        verify(folder)
    (folder / "a").unlink()
    with pytest.raises(ArtifactError, match=r"cannot be read: No such file.*/a\]"):
        verify(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        verify(folder)


def test_a_renamed_folder_and_a_newer_layout_are_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path, "v1", files(a="1"), {})
    folder.rename(tmp_path / "v9")
    with pytest.raises(ArtifactError, match="has changed"):
        verify(tmp_path / "v9")
    (tmp_path / "v9").rename(folder)
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    del manifest["sha256"]
    manifest["layout"] += 1
    manifest["sha256"] = artifacts._seal(manifest)
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises(ArtifactError, match="newer Mercato"):
        verify(folder)


def published(root: Path, count: int) -> None:
    for number in range(1, count + 1):
        publish(root, f"v{number}", files(a=str(number)), {})


def test_a_damaged_version_is_refused_and_the_one_before_serves(tmp_path: Path) -> None:
    published(tmp_path, 4)
    (tmp_path / "v4" / "a").write_text("x")
    (tmp_path / "v3" / "manifest.json").write_text("{}")
    found = open_current(tmp_path)
    assert found.version == "v2"
    assert [refused.split(" [")[0] for refused in found.refused] == ["its bytes have changed since it was published"]
    for version in ("v1", "v2"):
        (tmp_path / version / "a").unlink()
    with pytest.raises(ArtifactError, match="no version can be trusted"):
        open_current(tmp_path)


@pytest.mark.parametrize("pointer", [None, b"", b"{}", b"[]", b'{"version": "../v1", "sequence": 1}', b"\xff"])
def test_without_a_pointer_the_newest_good_version_serves(tmp_path: Path, pointer: bytes | None) -> None:
    published(tmp_path, 2)
    if pointer is None:
        (tmp_path / "CURRENT").unlink()
    else:
        (tmp_path / "CURRENT").write_bytes(pointer)
    found = open_current(tmp_path)
    assert found.version == "v2"
    assert "CURRENT is missing or damaged" in found.refused[0]


def test_nothing_published_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="nothing was published yet"):
        open_current(tmp_path / "none")


def test_rolling_back_skips_damaged_versions_and_never_goes_forward(tmp_path: Path) -> None:
    published(tmp_path, 4)
    (tmp_path / "v3" / "a").unlink()
    assert rollback(tmp_path) == current(tmp_path) == tmp_path / "v2"
    (tmp_path / "v2" / "a").unlink()
    assert open_current(tmp_path).version == "v1"  # not v4, which was left on purpose
    rollback(tmp_path)
    with pytest.raises(ArtifactError, match="no earlier good version"):
        rollback(tmp_path)
    publish(tmp_path, "v5", files(a="5"), {})
    assert open_current(tmp_path).version == "v5"


def test_pruning_keeps_the_newest_and_the_current(tmp_path: Path) -> None:
    published(tmp_path, 5)
    for _ in range(3):
        rollback(tmp_path)
    assert prune(tmp_path, keep=2) == ["v1", "v3"]
    assert names(tmp_path) == {"v2", "v4", "v5"}
    assert open_current(tmp_path).version == "v2"
    assert prune(tmp_path, keep=3) == []
    with pytest.raises(ArtifactError, match="at least one"):
        prune(tmp_path, keep=0)


def test_publishers_take_turns(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: publish(tmp_path, f"v{number}", files(a=str(number)), {}), range(8)))
    sequences = [verify(tmp_path / f"v{number}")["sequence"] for number in range(8)]
    assert sorted(sequences) == list(range(1, 9))
    assert sequences[int(open_current(tmp_path).version[1:])] == 8


def test_what_was_only_kept_is_not_current_before_it_is_chosen(tmp_path: Path) -> None:
    publish(tmp_path, "v1", files(a="1"), {}, chosen=False)
    assert current(tmp_path) is None
    assert not is_chosen(tmp_path)
    with pytest.raises(ArtifactError, match="no version is chosen"):
        open_current(tmp_path)
    assert choose(tmp_path, "v1") == current(tmp_path) == tmp_path / "v1"
    publish(tmp_path, "v2", files(a="2"), {}, chosen=False)
    assert open_current(tmp_path).version == "v1"
    for unknown in ("v3", "../v1", ""):
        with pytest.raises(ArtifactError, match=r"no version.*there is: v1, v2"):
            choose(tmp_path, unknown)
    (tmp_path / "v2" / "a").write_text("x")
    with pytest.raises(ArtifactError, match="bytes have changed"):
        choose(tmp_path, "v2")
    assert open_current(tmp_path).version == "v1"


def test_one_goes_back_through_what_was_current_not_through_what_was_published(tmp_path: Path) -> None:
    for number in range(1, 6):
        publish(tmp_path, f"v{number}", files(a=str(number)), {}, chosen=False)
    for version in ("v4", "v1", "v5", "v3"):
        choose(tmp_path, version)
    (tmp_path / "v3" / "a").write_text("x")
    found = open_current(tmp_path)
    assert (found.version, len(found.refused)) == ("v5", 1)
    assert [rollback(tmp_path).name for _ in range(3)] == ["v5", "v1", "v4"]
    with pytest.raises(ArtifactError, match="no earlier good version"):
        rollback(tmp_path)
    assert prune(tmp_path, keep=1, held=["v2"]) == ["v1", "v3"]
    release(tmp_path)
    assert current(tmp_path) is None
    assert not is_chosen(tmp_path)
    assert is_chosen(publish(tmp_path, "v6", files(a="6"), {}).parent)


def test_a_pointer_of_an_older_mercato_goes_back_by_age(tmp_path: Path) -> None:
    published(tmp_path, 3)
    (tmp_path / "CURRENT").write_bytes(b'{"version": "v3", "sequence": 3}')
    assert rollback(tmp_path).name == "v2"
    publish(tmp_path, "v4", files(a="4"), {})
    assert rollback(tmp_path).name == "v2"
