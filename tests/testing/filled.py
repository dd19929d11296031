# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A fake kernel, and short ways to fill it."""

from __future__ import annotations

import errno
import os
from typing import Any, Callable

import pytest

from rtslib.testing import FakeKernel

IQN = "iscsi/iqn.2003-01.org.example:t"
TPG = f"{IQN}/tpgt_1"
RAM = "core/rd_mcp_0/a"


class Filled(FakeKernel):
    """A FakeKernel with helpers."""

    def storage(self, path: str = RAM, control: str = "rd_pages=16", enable: bool = True) -> str:
        hba = path.rpartition("/")[0]
        if all(entry.name != hba[5:] for entry in self.listdir("core")):
            self.mkdir(hba)
        self.mkdir(path)
        if control:
            self.write(f"{path}/control", control)
        if enable:
            self.write(f"{path}/enable", "1")
        return path

    def tpg(self, path: str = TPG, lun: bool = True) -> str:
        names = path.split("/")
        for depth in range(1, len(names) + 1):
            at = "/".join(names[:depth])
            try:
                self.kind(at)
            except FileNotFoundError:
                self.mkdir(at)
        if lun:
            self.lun(path, 0, self.storage())
        return path

    def lun(self, tpg: str, number: int, storage: str) -> str:
        path = f"{tpg}/lun/lun_{number}"
        self.mkdir(path)
        self.symlink(storage, f"{path}/link")
        return path

    def acl(self, tpg: str, name: str = "iqn.i", luns: tuple[int, ...] = ()) -> str:
        path = f"{tpg}/acls/{name}"
        self.mkdir(path)
        for number in luns:
            self.mkdir(f"{path}/lun_{number}")
            self.symlink(f"{tpg}/lun/lun_{number}", f"{path}/lun_{number}/link")
        return path


def refused(code: int, call: Callable[..., Any], *arguments: Any) -> None:
    """Expect an errno."""
    with pytest.raises(
        OSError, match=os.strerror(code).replace("(", ".").replace(")", ".")
    ) as info:
        call(*arguments)
    assert info.value.errno == code, errno.errorcode[info.value.errno or 0]
