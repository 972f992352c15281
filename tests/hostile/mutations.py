"""What is drawn: bytes of any kind, files of a kind that were damaged in a few places, and values of study files."""

import io
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_TELLING = (
    b"\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"9999999999",
    b"nan",
    b"-1",
    b'"',
    b"\n",
    b",",
)
_Edit = tuple[float, int, bytes]


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Draws a file of a kind: with a few places overwritten, left out or added to, cut off, only its start, or noise.

    Args:
        content: of a sound file; one that is a zip archive is also packed anew around a member that is damaged.
    """
    piece = st.binary(min_size=1, max_size=4) | st.sampled_from(_TELLING)
    overwritten = st.lists(st.tuples(st.floats(0, 1), piece), max_size=3)
    edited = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), piece), min_size=1, max_size=4)
    kinds = [
        overwritten.map(lambda drawn: _edited(content, [(share, len(new), new) for share, new in drawn])),
        edited.map(lambda drawn: _edited(content, drawn)),
        st.floats(0, 1).map(lambda share: content[: int(share * len(content))]),
        st.tuples(st.integers(0, 64), st.binary(max_size=200)).map(lambda drawn: content[: drawn[0]] + drawn[1]),
    ]
    return st.one_of(kinds[0], *([_repacked(content)] * 2 if content[:2] == b"PK" else [kinds[0]]), *kinds[1:])


def _edited(content: bytes, edits: Sequence[_Edit]) -> bytes:
    changed = bytearray(content)
    for share, length, piece in edits:
        place = int(share * len(changed))
        changed[place : place + length] = piece
    return bytes(changed)


def _repacked(content: bytes) -> st.SearchStrategy[bytes]:
    """Draws an archive that is sound but for the content, or the name, of one member."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def packed(drawn: tuple[str, bytes, str]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
            # Of two members that have one name now.
            warnings.simplefilter("ignore")
            for name, held in members.items():
                is_drawn = name == drawn[0]
                archive.writestr(drawn[2] or name if is_drawn else name, drawn[1] if is_drawn else held)
        return stream.getvalue()

    def of_member(name: str) -> st.SearchStrategy[bytes]:
        names = st.just("") | st.sampled_from(["", "", "", "../out", "/out", "label.npy", "schema.json", "a/data.pkl"])
        return st.tuples(st.just(name), damaged(members[name]), names).map(packed)

    return st.sampled_from(sorted(members)).flatmap(of_member)


def values(*more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draws what JSON can hold, and what else is given."""
    plain = st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=True),
        st.text(max_size=20),
        st.sampled_from(["npz", "csv", "mlp", "transformers:", "file:", "a\0b", "auto", "..", "all_classes", ""]),
        *more,
    )
    keys = st.text(max_size=8)
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=4
    )


def with_changes(table: dict[str, Any], *more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draws a table of which some keys have other values, are left out, or are of no table.

    Args:
        table: with tables within it.
        more: values of other kinds than JSON has.
    """
    keys = st.sampled_from(sorted(_paths(table))) | st.lists(st.text(max_size=8), min_size=1, max_size=2).map(tuple)
    changes = st.lists(st.tuples(keys, st.none() | values(*more)), max_size=3)
    return changes.map(lambda drawn: _changed(table, drawn))


def _paths(table: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in table.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += _paths(value, (*above, key))
    return found


def _changed(table: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    copied = {key: _changed(value, []) if isinstance(value, dict) else value for key, value in table.items()}
    for path, value in changes:
        place: Any = copied
        for key in path[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            if value is None:
                place.pop(path[-1], None)
            else:
                place[path[-1]] = value
    return copied
