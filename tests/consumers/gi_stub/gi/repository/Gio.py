# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The few names of Gio that targetcli uses: a bus on which `tcmu_service.py` is, in effect."""

from __future__ import annotations

from typing import Any

SERVICE = "org.kernel.TCMUService1"
REFUSAL = "the handler says no"


class BusType:
    """Which bus."""

    SYSTEM = 1


class DBusProxyFlags:
    """How to call."""

    NONE = 0


def bus_get_sync(*_which: object) -> object:
    """Return the bus."""
    return object()


class DBusProxy:
    """The service's manager and its one handler: a text that ends with "bad" is refused."""

    @classmethod
    def new_sync(cls, *_where: Any) -> DBusProxy:
        """Return what answers at any address."""
        return cls()

    def GetManagedObjects(self) -> dict[str, Any]:  # noqa: N802 - D-Bus spells it so
        """Return the handlers and their properties."""
        return {"/org/kernel/TCMUService1/nobody": {SERVICE: {"ConfigDesc": "Anything at all."}}}

    def CheckConfig(self, signature: str, config: str) -> tuple[bool, str]:  # noqa: N802
        """Accept a configuration or say why not."""
        return (False, REFUSAL) if config.endswith("bad") else (True, "")

    def ChangeMedium(  # noqa: N802
        self, signature: str, name: str, size: int, config: str
    ) -> tuple[int, str]:
        """Accept a medium or say why not."""
        return (1, REFUSAL) if config.endswith("bad") else (0, "")
