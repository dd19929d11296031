# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Deleting what links to a node: the kernel says whether there is any, and does not say where."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

from rtslib import door
from rtslib.node import Link, Node, gone_is_none

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["delete_referrers"]


def delete_referrers(node: Node, within: Node | None = None, likely: Iterable[Node] = ()) -> None:
    """Delete what links to a node. RTSLibNotInCFSError where the node does not exist.

    To find it, each node that may link to this one has to be looked at. Those that are `likely` to
    do it come first: there is nothing to search for when the kernel says that nothing is left.
    """
    if not _is_linked_to(node):
        return
    found = False
    for referrer in likely:
        if gone_is_none(partial(Link.end, referrer)) == node.below(""):
            gone_is_none(referrer.delete)
            found = True
    if found and not _is_linked_to(node):
        return
    for referrer in list(node.referrers(within)):
        gone_is_none(referrer.delete)


def _is_linked_to(node: Node) -> bool:
    """Tell whether anything links to a node, which is removed if nothing holds it at all.

    The kernel says so by EBUSY, before it looks at what stands inside (fs/configfs/dir.c,
    configfs_detach_prep).
    """
    rel = node.below("")
    try:
        # Past the door: a refusal is expected here, and a hint for it would search for nothing.
        node.fs.rmdir(rel)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        if error.errno != errno.ENOTEMPTY:
            raise door.refusal(node.fs, error, "rmdir", rel) from error
    return False
