# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tests of the packages: ``make test-packages``, as root on a Debian machine."""
