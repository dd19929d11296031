# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The whole public surface on whole trees: reading changes nothing, what vanishes is no error,
every declared attribute is read and written, no secret gets out."""

from __future__ import annotations

import errno
import inspect
import logging
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

import pytest
from trees import KERNELS, SECRETS, empty, node_classes, odd, rich, snapshot

from rtslib import FabricModule, NodeACL, NodeACLGroup, RTSRoot, StorageObject
from rtslib.configfs import use
from rtslib.draw import draw
from rtslib.errors import KernelError, RTSLibALUANotSupportedError, RTSLibError
from rtslib.node import Attr, Node
from rtslib.statistics import Statistics
from rtslib.testing import FakeKernel, Faulty, Journal, ReadOnly
from rtslib.testing.wrappers import Wrapper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.configfs import ConfigFS, Entry

TREES: dict[str, Callable[[str, str], FakeKernel]] = {
    "rich": rich,
    "empty": lambda _directory, kernel: empty(kernel),
    "odd": lambda _directory, kernel: odd(kernel),
}
each_tree = pytest.mark.parametrize("name", TREES)
each_kernel = pytest.mark.parametrize("kernel", KERNELS)

#: Methods without required arguments that read.
READERS = frozenset(
    {"is_configured", "needs_wwn", "list_attributes", "list_parameters", "get_userids",
     "get_passwords", "get_mutual_userids", "get_mutual_passwords", "members", "first", "root",
     "declarations", "child_views", "walk", "referrers", "list_registered_drivers", "all"}
)  # fmt: skip


def look(value: object) -> None:
    """Use up what a property gave: iterators, collections, records."""
    repr(value)
    if isinstance(value, Statistics):
        value.read_all()
    elif hasattr(value, "read_all"):
        value.read_all()
        value.names(writable=True, readable=True)  # type: ignore[attr-defined]
    elif not isinstance(value, (str, bytes, Node)) and hasattr(value, "__iter__"):
        for item in value:
            repr(item)


def look_at_everything(thing: object) -> int:
    """Read every public attribute of an object and call every reader; return how many."""
    count = 0
    for name, member in (
        inspect.getmembers_static(type(thing))
        if hasattr(inspect, "getmembers_static")
        else _static(type(thing))
    ):
        if name.startswith("_") or isinstance(member, (classmethod, staticmethod)):
            continue
        with suppress(RTSLibError, NotImplementedError):
            if not inspect.isfunction(member):
                look(getattr(thing, name))
                count += 1
            elif name in READERS:
                look(getattr(thing, name)())
                count += 1
    return count


def _static(cls: type) -> list[tuple[str, object]]:
    """Return what inspect.getmembers_static does, which Python 3.9 and 3.10 lack."""
    names = dict.fromkeys(name for base in cls.__mro__ for name in vars(base))
    return [(name, inspect.getattr_static(cls, name)) for name in names]


def everything(fs: ConfigFS) -> Iterator[object]:
    """Yield every node of a tree, every fabric there could be, and every group."""
    root = RTSRoot(fs)
    yield from root.walk()
    yield from root.fabric_modules
    yield from root.node_acl_groups
    yield from root.mapped_lun_groups


@each_tree
@each_kernel
def test_reading_changes_nothing(name: str, kernel: str, tmp_path: Path) -> None:
    tree = TREES[name](str(tmp_path), kernel)
    before = snapshot(tree)
    files = sorted(tmp_path.iterdir())
    journal = Journal(ReadOnly(tree))
    with use(journal):
        things = list(everything(journal))
        counts = [look_at_everything(thing) for thing in things]
        assert draw(RTSRoot())
        assert draw(RTSRoot(), colour=True, width=20)
        assert isinstance(list(RTSRoot().sessions), list)
    assert all(counts)
    assert not [op for op in journal.operations if op.errno == errno.EROFS]
    assert snapshot(tree) == before
    assert sorted(tmp_path.iterdir()) == files


def test_the_rich_tree_has_a_node_of_every_class(tmp_path: Path) -> None:
    with use(rich(str(tmp_path))):
        seen = {type(node) for node in RTSRoot().walk()}
    assert seen == set(node_classes()) - {StorageObject}


def test_reading_of_a_read_only_tree_that_writes_would_be_noticed(fake: FakeKernel) -> None:
    with pytest.raises(KernelError) as caught:
        RTSRoot(ReadOnly(fake)).dbroot = "/etc/target"
    assert caught.value.errno == errno.EROFS


# What vanishes


class Vanishing(Wrapper):
    """After a directory was listed, everything in it is reported as gone."""

    def __init__(self, inner: ConfigFS, listed: str) -> None:
        super().__init__(inner)
        self.listed = listed
        self.gone = False

    def around(self, call: Callable[[], Any], name: str, *arguments: str) -> Any:
        """Fail with ENOENT below what was listed; let through what is above."""
        path = arguments[-1]
        inside = path.startswith(f"{self.listed}/") if self.listed else bool(path)
        if self.gone and inside:
            raise FileNotFoundError(errno.ENOENT, "gone", path)
        result = call()
        if name == "listdir" and path == self.listed:
            self.gone = True
        return result


def directories(fs: ConfigFS) -> list[str]:
    """Return the paths that listings of nodes look into."""
    journal = Journal(fs)
    list(RTSRoot(journal).walk())
    return sorted({op.path for op in journal.operations if op.name == "listdir"})


LISTINGS: dict[str, Callable[[RTSRoot], object]] = {
    "walk": lambda root: list(root.walk()),
    "draw": draw,
    "sessions": lambda root: list(root.sessions),
    "storage_objects": lambda root: list(root.storage_objects),
    "luns": lambda root: list(root.luns),
    "mapped_luns": lambda root: list(root.mapped_luns),
    "node_acls": lambda root: list(root.node_acls),
    "node_acl_groups": lambda root: list(root.node_acl_groups),
    "mapped_lun_groups": lambda root: list(root.mapped_lun_groups),
    "network_portals": lambda root: list(root.network_portals),
    "alua_tpgs": lambda root: list(root.alua_tpgs),
}


@pytest.mark.parametrize("listing", LISTINGS)
def test_what_vanishes_during_a_listing_is_no_error(listing: str, rich_fake: FakeKernel) -> None:
    places = directories(rich_fake)
    assert len(places) > 50
    for place in places:
        LISTINGS[listing](RTSRoot(Vanishing(rich_fake, place)))


class Removing(Wrapper):
    """Somebody else removes each target just after the fabric was listed."""

    def listdir(self, path: str) -> list[Entry]:
        """List, then remove the iSCSI targets."""
        found = super().listdir(path)
        if path == "iscsi":
            with suppress(RTSLibError):
                for target in list(FabricModule("iscsi", fs=self.inner).targets):
                    target.delete()
        return found


@pytest.mark.parametrize("listing", LISTINGS)
def test_what_is_removed_during_a_listing_is_no_error(listing: str, rich_fake: FakeKernel) -> None:
    LISTINGS[listing](RTSRoot(Removing(rich_fake)))
    # What stands under core only is listed without a look at fabrics.
    assert bool(FabricModule("iscsi").targets) == (listing in ("storage_objects", "alua_tpgs"))


# Every declared attribute


def declared() -> list[tuple[type[Node], str]]:
    """Return every Attr of every class."""
    return [
        (cls, name)
        for cls in node_classes()
        for name, it in cls.declarations().items()
        if isinstance(it, Attr)
    ]


#: What no node of the rich tree lets be written, by attribute and class ('' is any), and why.
UNWRITABLE = {
    ("tg_pt_gp_id", ""): "written once",
    ("lu_gp_id", ""): "written once",
    ("enable", "StorageObject"): "set once",
    ("lba_map", ""): "only a group in state LBA-dependent has one",
    ("dbroot", ""): "fixed once anything is made",
    ("serial", "PSCSIStorageObject"): "the device's own",
    ("alua_lu_gp", "PSCSIStorageObject"): "no ALUA",
    **dict.fromkeys(
        [
            (name, "FileIOStorageObject")
            for name in ("serial", "vendor_id", "product_id", "product_rev", "company_id")
        ],
        "exported",
    ),
}


def unwritable(cls: type[Node], name: str) -> bool:
    """Tell whether an attribute of a class or of one above it is in the table."""
    return any((name, above) in UNWRITABLE for above in ("", *(it.__name__ for it in cls.__mro__)))


@pytest.mark.parametrize(("cls", "name"), [it for it in declared() if it[0] is not StorageObject])
def test_every_attribute_is_read_and_written_back(
    cls: type[Node], name: str, rich_fake: FakeKernel
) -> None:
    attr = cls.declarations()[name]
    assert isinstance(attr, Attr)
    read = written = refused = 0
    nodes = [node for node in RTSRoot().walk() if type(node) is cls]
    assert nodes
    for node in nodes:
        try:
            value = getattr(node, name)
        except RTSLibError:
            continue
        read += 1
        try:
            mode = rich_fake.mode(node.below(attr.file))
        except FileNotFoundError:
            assert value == attr.absent
            continue
        if not mode & 0o222:
            continue
        try:
            setattr(node, name, value)
        except RTSLibError:
            refused += 1
            continue
        written += 1
        again = getattr(node, name)
        # Of a device's own vendor and model the kernel shows the padding.
        assert again == (value.rstrip() if isinstance(value, str) else value)
        assert type(again) is type(value)
    assert read
    assert bool(refused and not written) == unwritable(cls, name)


@pytest.mark.usefixtures("rich_fake")
def test_a_transition_that_would_crash_the_kernel_is_not_made() -> None:
    (group,) = StorageObject("raw").alua_tpgs
    with pytest.raises(RTSLibALUANotSupportedError, match="crash"):
        group.alua_access_state = group.alua_access_state
    with pytest.raises(RTSLibALUANotSupportedError):
        group.update(alua_access_state=2)


# Secrets


class Tell(logging.Handler):
    """Keeps everything that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.told.append(self.format(record))


SECRET_CALLS: dict[str, Callable[[ConfigFS], object]] = {
    "acl": lambda fs: _acl(fs).set_chap(*SECRETS),
    "acl's password": lambda fs: setattr(_acl(fs), "chap_password", SECRETS[1]),
    "acl's mutual password": lambda fs: setattr(_acl(fs), "chap_mutual_password", SECRETS[3]),
    "tpg": lambda fs: _acl(fs).parent_tpg.set_chap(*SECRETS),
    "discovery": lambda fs: FabricModule("iscsi", fs=fs).set_discovery_auth(*SECRETS),
    "group": lambda fs: _group(fs).set_passwords(SECRETS[1]),
    "group's attribute": lambda fs: setattr(_group(fs), "chap_mutual_password", SECRETS[3]),
    "new member": lambda fs: _group(fs).add_acl("iqn.1994-05.com.example:new"),
}


def _acl(fs: ConfigFS) -> NodeACL:
    return next(RTSRoot(fs).node_acls)


def _group(fs: ConfigFS) -> NodeACLGroup:
    return next(RTSRoot(fs).node_acl_groups)


@pytest.mark.parametrize("name", SECRET_CALLS)
@pytest.mark.parametrize("operation", ["write", "read"])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EPERM, errno.ENOENT, errno.EIO])
def test_no_secret_is_told_when_a_call_is_refused(
    name: str, operation: str, number: int, tmp_path: Path
) -> None:
    tree = rich(str(tmp_path))
    handler = Tell()
    logging.getLogger().addHandler(handler)
    try:
        for at in range(1, 9):
            _try_secret(
                SECRET_CALLS[name],
                Faulty(
                    tree,
                    number,
                    at,
                    lambda op, path: (
                        op == operation and "/auth/" in f"/{path}".replace("discovery_auth", "auth")
                    ),
                ),
                handler,
            )
    finally:
        logging.getLogger().removeHandler(handler)


def _try_secret(call: Callable[[ConfigFS], object], tree: Faulty, handler: Tell) -> None:
    """Make a call that may be refused; look for secrets in all that it told."""
    try:
        call(tree)
    except RTSLibError as error:
        told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        told += repr(error) + str(error) + repr(vars(error)) + repr(error.args)
        chain: BaseException | None = error
        while chain is not None:
            told += repr(vars(chain)) + repr(chain.args)
            chain = chain.__cause__ or chain.__context__
        for text in (told, *handler.told):
            for secret in SECRETS:
                assert secret not in text


class Forgetful(Wrapper):
    """A kernel that takes writes and keeps none."""

    def write(self, path: str, text: str) -> None:
        """Do nothing."""


@pytest.mark.parametrize("name", SECRET_CALLS)
def test_no_secret_is_told_when_the_kernel_kept_another(name: str, tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    with suppress(RTSLibError):
        _acl(tree).set_chap("", "")
    _try_secret(SECRET_CALLS[name], Forgetful(tree), Tell())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "secret", ["bad\nsecret", "NULL-secret", "secret" * 50, "half\ud800secret"]
)
def test_no_secret_is_told_when_it_is_refused_by_us(secret: str, rich_fake: FakeKernel) -> None:
    acl = _acl(rich_fake)
    calls: list[Callable[[], object]] = [
        lambda: acl.set_chap("name", secret),
        lambda: setattr(acl, "chap_password", secret),
        lambda: acl.set_chap("name", "other", "name", secret),
    ]
    for call in calls:
        with pytest.raises(RTSLibError) as caught:
            call()
        told = "".join(traceback.format_exception(type(caught.value), caught.value, None))
        assert secret not in told
        assert repr(secret)[1:-1] not in told


@pytest.mark.usefixtures("rich_fake")
def test_no_secret_stands_in_a_node_or_a_drawing() -> None:
    root = RTSRoot()
    told = draw(root) + "".join(repr(node) + node.below("") for node in root.walk())
    told += "".join(map(repr, root.sessions))
    for secret in SECRETS:
        assert secret not in told
