# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""``rtslib.node`` under its old name."""

import sys

from rtslib import node
from rtslib.node import *  # noqa: F403 - for type checkers: at run time the module itself stands here

sys.modules[__name__] = node
