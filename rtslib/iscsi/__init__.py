# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""An iSCSI initiator in pure Python."""

__all__: list[str] = []
