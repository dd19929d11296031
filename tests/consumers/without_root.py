# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Run targetcli as somebody who is not root: its own main() and all its code, two names replaced.

It would refuse to change anything for others than root, and to run where it cannot open its lock.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    shell: Any = import_module("targetcli.targetcli_shell")
    shell.lock_file = str(Path(os.environ["TARGETCLI_HOME"]).parent / "lock")
    shell.getuid = lambda: 0
    shell.main()
