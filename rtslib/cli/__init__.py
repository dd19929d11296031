# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The command targetctl: parse, call the library, render. Only here is printed and exited."""

__all__: list[str] = []
