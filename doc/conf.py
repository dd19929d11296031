# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How Sphinx makes the documentation: see ``make doc``."""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, "_ext")]

import rtslib  # noqa: E402 - from this checkout, installed or not

project = "rtslib"
author = "the rtslib authors"
copyright = author  # noqa: A001 - Sphinx's name for it
release = version = rtslib.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "rtslib_doc"]
exclude_patterns = ["_ext", "_static"]
default_role = "code"
highlight_language = "text"
#: Two hyphens are two hyphens.
smartquotes = False
nitpicky = True
#: What is not ours, and the letters that stand for a type.
_STANDARD = "|".join(sys.stdlib_module_names)
nitpick_ignore_regex = [
    (r"py:.*", rf"({_STANDARD})\..*"),
    (r"py:class", r".*\[.*|NoneType"),
    (r"py:(class|obj)", r"(.*\.)?[A-Z]"),
]
maximum_signature_line_length = 100
# A heading can be linked to as PAGE.md#its-words.
myst_heading_anchors = 3

html_theme = "alabaster"
html_theme_options = {
    "page_width": "1240px",
    "sidebar_width": "250px",
    "body_max_width": "none",
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
    "font_size": "16px",
    "code_font_size": "13.5px",
    "fixed_sidebar": False,
    "show_powered_by": False,
    "show_relbars": False,
}
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_static_path = ["_static"]
html_css_files = ["rtslib.css"]
html_copy_source = False
html_show_sphinx = False

#: Pages for man(1): page, name, what stands beside the name, authors, section.
man_pages = [
    (
        "man/targetctl.8",
        "targetctl",
        "save, restore, show and check the configuration of the Linux SCSI target",
        [],
        8,
    ),
    ("man/saveconfig.json.5", "saveconfig.json", "saved configuration of the target", [], 5),
    ("man/rtslib-specs.5", "rtslib-specs", "describe fabrics of the target", [], 5),
    ("man/rtslib.3", "rtslib", "object model over the Linux SCSI target", [], 3),
]
