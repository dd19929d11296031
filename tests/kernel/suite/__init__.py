# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What runs on a real kernel, as root, in a guest of its own: start it with ``run.py``."""
