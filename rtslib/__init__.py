# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""An object model over LIO, the Linux SCSI target: every configfs directory is an object."""

from rtslib import utils as utils
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.configfs import ConfigFS, HostConfigFS, current, use
from rtslib.errors import (
    AccessError,
    AlreadyExistsError,
    BusyError,
    ConfigError,
    HostError,
    InvalidValueError,
    KernelError,
    LockedError,
    MissingFileError,
    NotFoundError,
    NotSupportedError,
    RefusedError,
    RejectedError,
    RTSLibALUANotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFS,
    RTSLibNotInCFSError,
    SpecError,
)
from rtslib.fabric import FabricModule
from rtslib.groups import MappedLUNGroup, NodeACLGroup
from rtslib.root import RTSRoot
from rtslib.target import LUN, TPG, MappedLUN, NetworkPortal, NodeACL, Target
from rtslib.tcm import (
    BlockStorageObject,
    FileIOStorageObject,
    PSCSIStorageObject,
    RDMCPStorageObject,
    StorageObject,
    StorageObjectFactory,
    UserBackedStorageObject,
)

__version__ = "3.0.0.dev0"

__all__ = [
    "LUN",
    "TPG",
    "ALUALUGroup",
    "ALUATargetPortGroup",
    "AccessError",
    "AlreadyExistsError",
    "BlockStorageObject",
    "BusyError",
    "ConfigError",
    "ConfigFS",
    "FabricModule",
    "FileIOStorageObject",
    "HostConfigFS",
    "HostError",
    "InvalidValueError",
    "KernelError",
    "LockedError",
    "MappedLUN",
    "MappedLUNGroup",
    "MissingFileError",
    "NetworkPortal",
    "NodeACL",
    "NodeACLGroup",
    "NotFoundError",
    "NotSupportedError",
    "PSCSIStorageObject",
    "RDMCPStorageObject",
    "RTSLibALUANotSupportedError",
    "RTSLibBrokenLink",
    "RTSLibError",
    "RTSLibNotInCFS",
    "RTSLibNotInCFSError",
    "RTSRoot",
    "RefusedError",
    "RejectedError",
    "SpecError",
    "StorageObject",
    "StorageObjectFactory",
    "Target",
    "UserBackedStorageObject",
    "current",
    "use",
]
