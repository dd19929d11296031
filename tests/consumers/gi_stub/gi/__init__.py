# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""In the place of PyGObject, for targetcli on a machine that has neither it nor a D-Bus."""
