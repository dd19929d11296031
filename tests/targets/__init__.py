# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tests of the initiator with targets that others wrote."""
