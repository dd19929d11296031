# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING

import pytest

from iscsi.talk import BLOCK, fake, pattern, read_cdb
from rtslib.iscsi import client, sync
from rtslib.iscsi.errors import LocalProtocolError, ScsiError

if TYPE_CHECKING:
    from rtslib.iscsi.fake import FakeTarget


def connect(target: FakeTarget) -> sync.Session:
    return sync.Session.connect(target.settings, connector=target.connect)


def test_blocks() -> None:
    target = fake()
    with connect(target) as session:
        assert session.luns() == [0]
        assert bytes(session.read(0, 7, 1)) == pattern(8)[7 * BLOCK :]
        session.write(0, 7, bytes(BLOCK))
        assert bytes(session.read(0, 7, 1)) == bytes(BLOCK)
        assert session.execute(0, read_cdb(0, 1), length=BLOCK).status == 0
        with pytest.raises(ScsiError):
            session.inquiry(9)
        assert session.settings.target == target.name
        assert session.agreed.max_send == 8192
        assert session.lun == 0
        target.disks[0].memory.extend(bytes(BLOCK))
        session.forget(0)
        assert session.geometry(0).blocks == 4097
    with pytest.raises(LocalProtocolError):
        _ = session.agreed


def test_calls_from_several_threads() -> None:
    target = fake()
    found: dict[int, bytes] = {}
    with connect(target) as session:

        def read(lba: int) -> None:
            found[lba] = bytes(session.read(0, lba, 1)[:8])

        threads = [threading.Thread(target=read, args=(lba,)) for lba in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {lba: lba.to_bytes(8, "big") for lba in range(20)}


def test_discovery() -> None:
    target = fake()
    (found,) = sync.discover(target.settings, connector=target.connect)
    assert found.name == target.name


def test_every_call_has_its_blocking_form() -> None:
    for name, method in inspect.getmembers(client.Session, inspect.iscoroutinefunction):
        if not name.startswith("_") and name != "run":  # which takes what only the core makes
            blocking = getattr(sync.Session, name)
            assert not inspect.iscoroutinefunction(blocking)
            assert blocking.__doc__ == method.__doc__
