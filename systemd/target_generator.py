#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""systemd generator: what target.service waits for, read from the saved configuration.

Writes a drop-in with the mount units above each backing file, and with the network where a portal
has an address of its own. They are wanted and waited for, not required: a filesystem that cannot
be mounted must not take down what lies on others. (A restore never makes a backing file that is
not there.)

Runs early at each boot and reload: reads two files, and ends with 0 whatever is wrong with them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "# Made by target-generator from {}; changes are lost at the next boot or reload."
ANY_ADDRESS = ("", "0.0.0.0", "::", "::0")  # noqa: S104 compared with, not bound


def save_file() -> str:
    """Return the path of the saved configuration, from rtslib.paths alone: the rest takes long."""
    package = importlib.util.find_spec("rtslib")
    directory = os.path.dirname(package.origin or "") if package else ""
    return str(runpy.run_path(os.path.join(directory, "paths.py"))["save_file"]())


def directories(config: dict[str, Any]) -> Iterator[str]:
    """Yield the directories of backing files, as they are named and as links lead to them."""
    for entry in config.get("storage_objects", ()):
        path = entry.get("dev", "")
        if entry.get("plugin") == "fileio" and path.startswith("/"):
            yield os.path.normpath(os.path.dirname(path))
            yield os.path.dirname(os.path.realpath(path))


def mount_unit(directory: str) -> str:
    """Return the name of the unit that mounts there, as systemd-escape --path does."""
    escaped = ""
    for place, byte in enumerate(os.fsencode(directory.strip("/"))):
        char = chr(byte)
        plain = char.isascii() and (char.isalnum() or char in ":_" or (char == "." and place > 0))
        escaped += "-" if char == "/" else char if plain else f"\\x{byte:02x}"
    return f"{escaped}.mount"


def mount_units(config: dict[str, Any]) -> list[str]:
    """Return all units that may mount something above a backing file, but for that of /."""
    found = set()
    for directory in directories(config):
        at = directory
        while at.strip("/"):
            found.add(mount_unit(at))
            at = os.path.dirname(at)
    return sorted(found)


def needs_network(config: dict[str, Any]) -> bool:
    """Tell whether a portal has an address that the network must bring first."""
    portals = (
        portal.get("ip_address", "")
        for target in config.get("targets", ())
        for tpg in target.get("tpgs", ())
        for portal in tpg.get("portals", ())
    )
    return any(ip.strip("[]") not in ANY_ADDRESS for ip in portals)


def drop_in(path: str, config: dict[str, Any]) -> str:
    """Return the text of the drop-in."""
    units = mount_units(config) + ["network-online.target"] * needs_network(config)
    lines = [MARK.format(path), "[Unit]"]
    lines += [f"{key}={unit}" for unit in units for key in ("Wants", "After")]
    return "".join(f"{line}\n" for line in lines)


def main(directory: str) -> None:
    """Write the drop-in into the directory that systemd names, if something is saved."""
    path = save_file()
    try:
        with open(path, "rb") as file:
            text = drop_in(path, json.load(file))
    except FileNotFoundError:
        return
    place = os.path.join(directory, "target.service.d")
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "saved.conf"), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # noqa: BLE001 a machine must come up; the restore tells what is wrong
        sys.stderr.write(f"target-generator: {type(error).__name__}: {error}\n")
