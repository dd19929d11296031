# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Configuration as plain data: read, checked, compared, planned, applied, kept.

::

    running kernel --capture--> State <--checked-- Document <--parse-- saveconfig.json
    plan(have, want) --> Plan of Steps      apply(fs, plan) --> Report      roll_back(fs, before)

``save``, ``restore`` and ``clear`` do all of it at once, under the lock.
"""

from rtslib.config.apply import OnFailure, Outcome, Report, Status, apply, roll_back
from rtslib.config.capture import capture, capture_node
from rtslib.config.document import Document, parse
from rtslib.config.dump import dump, dump_record
from rtslib.config.operations import (
    Result,
    checked,
    clear,
    planned,
    restore,
    running,
    save,
)
from rtslib.config.part import WHOLE, Part
from rtslib.config.plan import plan
from rtslib.config.savefile import SaveFile
from rtslib.config.schema import schema
from rtslib.config.state import Record, State
from rtslib.config.steps import Plan, Step

__all__ = [
    "WHOLE",
    "Document",
    "OnFailure",
    "Outcome",
    "Part",
    "Plan",
    "Record",
    "Report",
    "Result",
    "SaveFile",
    "State",
    "Status",
    "Step",
    "apply",
    "capture",
    "capture_node",
    "checked",
    "clear",
    "dump",
    "dump_record",
    "parse",
    "plan",
    "planned",
    "restore",
    "roll_back",
    "running",
    "save",
    "schema",
]
