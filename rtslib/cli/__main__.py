# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""``python -m rtslib.cli``: the command without its script."""

from rtslib.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    raise SystemExit(main())
