# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Configuration as plain data: read, checked, compared, planned, applied, kept."""

__all__: list[str] = []
