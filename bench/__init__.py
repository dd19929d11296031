# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Timings, run by `make bench` and `make bench-iscsi`."""
