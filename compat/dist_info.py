# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Write the metadata of the distribution rtslib-fb into a directory, as pip would.

``python3 compat/dist_info.py DIRECTORY``: for packages of distributions, which know no pip.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

METADATA = """\
Metadata-Version: 2.1
Name: rtslib-fb
Version: {version}
Summary: {description}
License: Apache-2.0
Requires-Python: {requires-python}
Requires-Dist: rtslib=={version}
"""


def main(directory: str) -> None:
    """Read pyproject.toml beside this file and write the metadata of its project."""
    text = Path(__file__).with_name("pyproject.toml").read_text("utf-8")
    project = dict(re.findall(r'^([\w-]+) = "(.*)"$', text, re.MULTILINE))
    place = Path(directory, f"rtslib_fb-{project['version']}.dist-info")
    place.mkdir(parents=True)
    (place / "METADATA").write_text(METADATA.format(**project), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
