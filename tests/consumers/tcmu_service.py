# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A D-Bus service where targetcli looks for tcmu-runner: one handler, `nobody`, that backs nothing.

It needs Debian's python3-gi. It prints a line when it can be called, and runs until it is ended.
"""

from __future__ import annotations

from typing import Any

from gi.repository import Gio, GLib

SERVICE = "org.kernel.TCMUService1"
TOP = "/org/kernel/TCMUService1"

INTERFACES = f"""
<node>
 <interface name="org.freedesktop.DBus.ObjectManager">
  <method name="GetManagedObjects"><arg direction="out" type="a{{oa{{sa{{sv}}}}}}"/></method>
 </interface>
 <interface name="{SERVICE}">
  <method name="CheckConfig">
   <arg direction="in" type="s"/><arg direction="out" type="b"/><arg direction="out" type="s"/>
  </method>
  <method name="ChangeMedium">
   <arg direction="in" type="s"/><arg direction="in" type="t"/><arg direction="in" type="s"/>
   <arg direction="out" type="i"/><arg direction="out" type="s"/>
  </method>
  <property name="ConfigDesc" type="s" access="read"/>
 </interface>
</node>
"""
DESCRIPTION = "Anything at all."


def answer(*call: Any) -> None:
    """Answer one call of either interface: a configuration that ends with "bad" is refused."""
    method, arguments, invocation = call[4:7]
    if method == "GetManagedObjects":
        properties = {"ConfigDesc": GLib.Variant("s", DESCRIPTION)}
        reply = GLib.Variant("(a{oa{sa{sv}}})", ({f"{TOP}/nobody": {SERVICE: properties}},))
    else:
        good = not arguments.unpack()[-1].endswith("bad")
        said = "" if good else "the handler says no"
        kind, result = ("(bs)", good) if method == "CheckConfig" else ("(is)", int(not good))
        reply = GLib.Variant(kind, (result, said))
    invocation.return_value(reply)


def main() -> None:
    """Serve."""
    manager, handler = Gio.DBusNodeInfo.new_for_xml(INTERFACES).interfaces
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    bus.register_object(TOP, manager, answer, None, None)
    bus.register_object(
        f"{TOP}/nobody", handler, answer, lambda *_: GLib.Variant("s", DESCRIPTION), None
    )
    Gio.bus_own_name_on_connection(
        bus, SERVICE, Gio.BusNameOwnerFlags.NONE, lambda *_: print("serving", flush=True), None
    )
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
