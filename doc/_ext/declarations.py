# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a class of nodes declares, as entries of the reference; and tables of settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modules import own_bases
from observed import KERNELS, Facts, facts, when
from rst import code, escaped, indented, table
from subjects import SUBJECTS

from rtslib import attributes
from rtslib.declare import REQUIRED
from rtslib.hint_facts import VALUES
from rtslib.node import Attr, Children, Everywhere, Group, Link, Node
from rtslib.statistics import StatisticsTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rtslib.settings import Setting

__all__ = ["DECLARED", "entries", "settings_table", "unit"]

#: What declares something of a node's directory.
DECLARED = (Attr, Children, Everywhere, Group, Link, StatisticsTree)


def entries(cls: type[Node]) -> str:
    """Return the entries of what a class itself declares; its bases have theirs."""
    mine = {
        name: it
        for base in own_bases(cls)
        for name, it in vars(base).items()
        if isinstance(it, DECLARED)
    }
    return "\n".join(_entry(cls, name, it) for name, it in mine.items())


def _entry(cls: type[Node], name: str, declared: Any) -> str:
    facts = [f":{field}: {text}" for field, text in _facts(cls, declared).items() if text]
    body = "\n\n".join(filter(None, [_meaning(declared), "\n".join(facts)]))
    return f".. py:attribute:: {name}\n\n{indented(body)}\n"


def _meaning(declared: Any) -> str:
    """Return what a declaration means."""
    if isinstance(declared, Group):
        return f"The settings in {code(declared.directory + '/')}, by name."
    if isinstance(declared, Children):
        where = f"{declared.directory}/" if declared.directory else ""
        return f"The nodes in {code(f'{where}{declared.prefix}*')}."
    if isinstance(declared, StatisticsTree):
        return f"What the kernel counts in {code(declared.directory + '/')}, by group."
    return escaped(declared.__doc__ or "")


def _facts(cls: type[Node], declared: Any) -> dict[str, str]:
    """Return what can be said of a declaration in a word or two."""
    if isinstance(declared, Attr):
        return _facts_of_file(cls, declared)
    if isinstance(declared, Group):
        return {"Values": ":class:`~rtslib.settings.GroupView`"}
    if isinstance(declared, StatisticsTree):
        return {"Values": ":class:`~rtslib.statistics.Statistics`"}
    kind = f":class:`~{declared.kind.__module__}.{declared.kind.__name__}`"
    many = {Children: ":class:`~rtslib.view.View` of ", Everywhere: "iterator of "}
    return {"Values": f"{many.get(type(declared), '')}{kind}"}


def _codec(name: str, of: str) -> str:
    return f"{name}, {of}" if of else name


def _facts_of_file(cls: type[Node], attr: Attr[Any]) -> dict[str, str]:
    seen = {
        f"{subject.cls.__name__} {subject.variant}".strip(): found[attr.file]
        for subject, found in _seen(cls)
        if attr.file in found
    }
    kind = _codec(attr.codec.name, unit(attr.file, attr.__doc__ or ""))
    missing = "" if attr.absent is REQUIRED else f"; {code(repr(attr.absent))} where it is missing"
    return {
        "Values": f"{kind}, secret" if attr.secret else kind,
        "File": f"{code(attr.file)}{missing}",
        "Kernels": _kernels(*{it.kernels for it in seen.values()}),
        "Can be set": _grouped({name: when(it) for name, it in seen.items()}) if seen else "",
    }


def _seen(cls: type[Node]) -> Iterator[tuple[Any, dict[str, Facts]]]:
    for number, subject in enumerate(SUBJECTS):
        if issubclass(subject.cls, cls) or issubclass(cls, subject.cls):
            plugin = getattr(cls, "plugin", "") or subject.variant
            if plugin == subject.variant or not issubclass(cls, subject.cls):
                yield subject, facts(number)


def _kernels(*kernels: tuple[str, ...]) -> str:
    """Return which recorded kernels have a file, if not all have."""
    if len(kernels) != 1 or kernels[0] == KERNELS:
        return ""
    others = [it for it in KERNELS if it not in kernels[0]]
    return f"In Linux {', '.join(kernels[0])}, not in {', '.join(others)}."


def _grouped(phrases: Mapping[str, str], between: str = "; ") -> str:
    """Return what is true of all once, and else each with what it is true of."""
    by_phrase: dict[str, list[str]] = {}
    for name, phrase in phrases.items():
        by_phrase.setdefault(phrase, []).append(name)
    if len(by_phrase) == 1:
        return next(iter(by_phrase))
    return between.join(f"{', '.join(names)}: {it}" for it, names in by_phrase.items())


# Tables of settings

_UNITS = (
    ("MiB", r"\bMiB\b"),
    ("milliseconds", r"\bms\b|\bmilliseconds\b"),
    ("seconds", r"\bseconds\b"),
    ("bytes", r"\bbytes\b"),
    ("sectors", r"\bsectors\b"),
    ("blocks", r"\bblocks\b"),
)


def unit(file: str, doc: str) -> str:
    """Return what a setting counts, as its meaning or its range tell."""
    text = f"{doc} {VALUES.get(file.rpartition('/')[2], '')}"
    return next((name for name, it in _UNITS if re.search(it, text, re.IGNORECASE)), "")


#: These begin as the storage object was made.
_MADE_OF = frozenset({"dev_config", "dev_size"})


def settings_table(name: str) -> str:
    """Return the table of settings of one directory of one kind of node."""
    known, directory, numbers = _TABLES[name]
    found: dict[str, dict[str, Facts]] = {}
    for number in numbers:
        for file, it in facts(number).items():
            if file.startswith(f"{directory}/") or (not directory and "/" not in file):
                found.setdefault(file, {})[SUBJECTS[number].variant] = it
    variants = [SUBJECTS[number].variant for number in numbers]
    rows = [_row(file, seen, known, variants) for file, seen in sorted(found.items())]
    header = ("Setting", "Type", "Meaning", "At first", "Can be set")
    return table(header, rows, (23, 13, 31, 11, 22))


def _row(
    file: str, seen: Mapping[str, Facts], known: Mapping[str, Setting], variants: list[str]
) -> tuple[str, ...]:
    name = file.rpartition("/")[2]
    setting = known.get(name)
    kind = setting.codec.name if setting else ""
    meaning = setting.doc if setting else ""
    notes = [escaped(meaning)]
    if name in VALUES:
        notes.append(f"{escaped(VALUES[name][0].upper() + VALUES[name][1:])}.")
    if len(seen) < len(variants):
        notes.append(f"Only {', '.join(seen)}.")
    notes.append(_kernels(*{it.kernels for it in seen.values()}))
    if setting and setting.changes:
        changed = ", ".join(code(it.rpartition("/")[2]) for it in setting.changes)
        notes.append(f"Changes {changed}.")
    firsts = {it.first for it in seen.values()}
    first = firsts.pop() if len(firsts) == 1 and name not in _MADE_OF else ""
    return (
        code(name),
        _codec(kind, unit(file, meaning)),
        " ".join(filter(None, notes)),
        code(first.partition("\n")[0]) if first else "",
        _grouped({variant: when(it) for variant, it in seen.items()}, "\n\n"),
    )


def _numbers(cls: str, variant: str | None = None) -> list[int]:
    return [
        number
        for number, it in enumerate(SUBJECTS)
        if it.cls.__name__ == cls and variant in (None, it.variant)
    ]


#: Name -> what is known of its settings, their directory, which subjects have them.
_TABLES: dict[str, tuple[Mapping[str, Setting], str, list[int]]] = {
    "storage": (attributes.STORAGE_ATTRIB, "attrib", _numbers("StorageObject")),
    "tpg": (attributes.TPG_ATTRIB, "attrib", _numbers("TPG")),
    "iscsi-param": (attributes.ISCSI_PARAM, "param", _numbers("TPG", "iscsi")),
    "acl": (attributes.ACL_ATTRIB, "attrib", _numbers("NodeACL")),
}
