# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Other people's programs and their calls, over this library."""
