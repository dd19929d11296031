# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""rtslib under the name that it had as rtslib-fb: the same modules, and so the same objects.

``rtslib_fb.root`` is ``rtslib.root``: an exception raised by one is caught by the other's name, and
what is assigned in one is assigned in the other. There is no logic here.
"""

from rtslib import *  # noqa: F403 - everything that rtslib exports
from rtslib import __all__ as __all__
from rtslib import __version__ as __version__
from rtslib_fb import alua, fabric, node, root, target, tcm, utils  # noqa: F401 - as attributes
