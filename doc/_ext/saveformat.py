# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The manual page of saveconfig.json, from the tables that a file is checked by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rst import bold, definition, emphasis, escaped, heading

from rtslib.config.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["objects"]

#: What stands above the keys of each definition of the schema.
_TITLES = {
    "saveconfig": "The file",
    "alua_tpg": "An ALUA target port group",
    "target": "A target",
    "tpg": "A target portal group (TPG)",
    "lun": "A LUN",
    "portal": "A network portal",
    "node_acl": "An ACL",
    "mapped_lun": "A mapped LUN",
    "fabric_module": "A fabric",
    "rtslib": "What only this library keeps",
    "alua_lu_gp": "An ALUA logical unit group",
    "more_of_object": "More of a storage object",
    "more_of_fabric": "More of a fabric",
    **{
        f"{plugin}_object": f"A storage object with plugin {plugin}"
        for plugin in ("fileio", "block", "pscsi", "ramdisk", "user")
    },
}


def objects() -> str:
    """Return each kind of object in the file, with its keys."""
    definitions = schema()["$defs"]
    return "\n".join(_object(_TITLES[name], it) for name, it in definitions.items())


def _object(title: str, it: dict[str, Any]) -> str:
    keys = [
        definition(f"{bold(key)} ({', '.join(_facts(key, value, it))})", _meaning(value))
        for key, value in it["properties"].items()
    ]
    return "\n".join([heading(title, 1), *keys])


def _facts(key: str, value: dict[str, Any], it: dict[str, Any]) -> Iterator[str]:
    yield _type(value)
    if key in it["required"]:
        yield "required"
    if value.get("default") not in (None, [], {}):
        yield f"default {str(value['default']).lower()}"
    if value.get("writeOnly"):
        yield "secret"


def _type(value: dict[str, Any]) -> str:
    """Return what a value may be, in words."""
    if "enum" in value:
        return "true or false"
    if value.get("type") == "array":
        items = value["items"]
        return f"list of: {_reference(items) or 'storage objects'}"
    if isinstance(value.get("additionalProperties"), dict):
        return f"object of: {_reference(value['additionalProperties']) or 'values by name'}"
    if "$ref" in value:
        return _reference(value)
    kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
    words = {"integer": "integer", "string": "text"}
    text = " or ".join(words[kind] for kind in kinds)
    if "maximum" in value:
        text += f" {value['minimum']} to {value['maximum']}"
    return text


def _reference(value: dict[str, Any]) -> str:
    name = value.get("$ref", "").rpartition("/")[2]
    return emphasis(_TITLES[name]) if name else ""


def _meaning(value: dict[str, Any]) -> str:
    return escaped(value["description"])
