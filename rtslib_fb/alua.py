# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""``rtslib.alua`` under its old name."""

import sys

from rtslib import alua
from rtslib.alua import *  # noqa: F403 - for type checkers: at run time the module itself stands here

sys.modules[__name__] = alua
