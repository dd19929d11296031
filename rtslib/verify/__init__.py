# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Verify a configuration as initiators see it: log in as each of them, and compare.

::

    expected  what a configuration says      seen     what a login shows
    compare   the differences                visits   who logs in where, and who must not get in
"""

from rtslib.verify.compare import Fault
from rtslib.verify.visits import STRANGERS, Item, Options, verify

__all__ = ["STRANGERS", "Fault", "Item", "Options", "verify"]
