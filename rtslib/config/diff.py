# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Differences between two configurations, in the keys of the saved configuration.

Knows records; touches nothing. Secrets are masked unless they are asked for, and so a secret that
differs shows as a mask on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtslib.config.credentials import SECRET_KEYS
from rtslib.config.form import form_of
from rtslib.config.merge import DEFAULT_GROUPS, remade_because, resized
from rtslib.errors import MASK
from rtslib.fabric import FabricModule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.state import Record, State

__all__ = ["Difference", "Value", "diff", "lines"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class Value(NamedTuple):
    """A key of the saved configuration and its values; None where one side does not say."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.before)} -> {_shown(self.after)}"


class Difference(NamedTuple):
    """A record that was added, removed or changed, and the values that changed."""

    name: str
    kind: str
    values: tuple[Value, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.values:
            found["values"] = {
                it.key: {"before": it.before, "after": it.after} for it in self.values
            }
        return found


def diff(
    before: State, after: State, *, whole: bool = False, secrets: bool = False
) -> list[Difference]:
    """Return what changes from one configuration to another.

    What `after` does not say of a record counts as a difference only if it is the `whole` of it;
    restoring a configuration leaves that alone.
    """
    found = [
        Difference(record.name, "removed")
        for record in before
        if record.name not in after and not _is_kernels(record)
    ]
    for record in after:
        there = before.get(record.name)
        if there is None:
            found.append(Difference(record.name, "added"))
            continue
        compare = _all_values if whole else _said_values
        values = tuple(_masked(it, secrets=secrets) for it in compare(there, record))
        if values:
            found.append(Difference(record.name, "changed", values))
    return found


def lines(differences: list[Difference]) -> Iterator[str]:
    """Yield the differences for a person: ``+ added``, ``- removed``, ``~ changed`` with values."""
    for it in differences:
        yield f"{_SIGNS[it.kind]} {it.name}"
        for value in it.values:
            yield f"    {value}"


def _is_kernels(record: Record) -> bool:
    """Tell whether nothing would remove a record: it comes and goes with what it stands in."""
    return issubclass(record.cls, FabricModule) or record.base in DEFAULT_GROUPS


def _shown(value: Any) -> str:
    return "(not said)" if value is None else repr(value) if isinstance(value, str) else str(value)


def _masked(value: Value, *, secrets: bool) -> Value:
    if secrets or value.key not in SECRET_KEYS:
        return value
    return Value(value.key, *(MASK if it else it for it in (value.before, value.after)))


def _said_values(there: Record, wanted: Record) -> Iterator[Value]:
    """Yield what restoring the wanted record would change of one that is there."""
    for key, value in wanted.made.items():
        if _differs(there, wanted, key):
            yield Value(key, there.made.get(key), value)
    for file, text in wanted.files.items():
        # What this kernel does not have cannot differ on it.
        if file in there.files and there.files[file] != text:
            yield _of_file(wanted, file, there.files[file], text)
    yield from _link(there, wanted)


def _differs(there: Record, wanted: Record, key: str) -> bool:
    """Tell whether one thing that a record is made of is not as it should be."""
    one = wanted._replace(made={key: wanted.made[key]}, files={}, link=None)
    if remade_because(there, one):
        return True
    goal = there._replace(made={**there.made, **one.made})
    return key == "size" and resized(there, goal) is not None


def _all_values(before: Record, after: Record) -> Iterator[Value]:
    """Yield all in which two records differ."""
    for key in {**before.made, **after.made}:
        one, other = before.made.get(key), after.made.get(key)
        if one != other:
            yield Value(key, one, other)
    for file in {**before.files, **after.files}:
        texts = before.files.get(file), after.files.get(file)
        if texts[0] != texts[1]:
            yield _of_file(after, file, *texts)
    yield from _link(before, after)


def _link(before: Record, after: Record) -> Iterator[Value]:
    ends = [it.link.end if it.link else None for it in (before, after)]
    if ends[0] != ends[1]:
        yield Value("storage_object" if "/backstores/" in str(ends) else "tpg_lun", *ends)


def _of_file(record: Record, file: str, before: str | None, after: str | None) -> Value:
    """Return the difference of a file, spelled as in the saved configuration."""
    form = form_of(record.cls)
    for saved in form.saved:
        if saved.file == file:
            texts = (None if it is None else saved.spell(it) for it in (before, after))
            return Value(saved.key, *texts)
    directory, _, base = file.rpartition("/")
    groups = {getattr(record.cls, key).directory: key for key in form.groups}
    # What stands in no group is not said by the file but follows from it: 'enable' of an object.
    key = f"{groups[directory]}.{base}" if directory in groups else file
    return Value(key, *(it and it.rstrip("\n") for it in (before, after)))
