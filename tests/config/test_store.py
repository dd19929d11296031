# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The saved file: killed, failed or raced at any system call it is whole, old or new."""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import re
import resource
import shutil
import signal
import stat
import time
from typing import TYPE_CHECKING, Any, Callable

import pytest

from rtslib.config.credentials import join_secrets, split_secrets
from rtslib.config.store import Store
from rtslib.errors import HostError, InvalidValueError, MissingFileError

if TYPE_CHECKING:
    from pathlib import Path

#: What a save may call; the fault and the signal come at each of these calls in turn.
CALLS = (
    *((os, name) for name in ("chmod", "close", "fchmod", "fstat", "fsync", "listdir", "lstat")),
    *((os, name) for name in ("mkdir", "open", "rename", "scandir", "stat", "unlink", "utime")),
    *((os, "write"), (fcntl, "flock")),
)
#: More calls than any save makes.
ENOUGH = 400

CHILD_FAILED = 97


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "saveconfig.json")


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def age(path: str | Path, seconds: float = 7200) -> None:
    """Make a file older."""
    then = os.stat(path).st_mtime - seconds
    os.utime(path, (then, then))


def in_child(act: Callable[[], object]) -> int:
    """Return how a forked child ended: 0 if `act` raised nothing."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        code = CHILD_FAILED
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- reading and saving


def test_what_was_saved_is_read(store: Store) -> None:
    assert store.save(b"one\n")
    assert store.read() == b"one\n"
    assert repr(store) == f"Store({store.path!r})"


def test_a_file_that_is_not_there_is_told_from_one_that_cannot_be_read(store: Store) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store.read()
    assert isinstance(caught.value, MissingFileError)
    assert (caught.value.path, caught.value.errno) == (store.path, errno.ENOENT)
    os.mkdir(store.path)
    with pytest.raises(HostError, match=f"cannot read {store.path}: Is a directory") as other:
        store.read()
    assert not isinstance(other.value, FileNotFoundError)
    with pytest.raises(HostError, match=f"cannot save {store.path}: .*name a file in"):
        store.save(b"x")


def test_a_file_of_others_is_refused_by_its_name(store: Store) -> None:
    store.save(b"x")
    os.chmod(store.path, 0)

    def look() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        for act, operation in ((store.read, "read"), (lambda: store.save(b"y"), "save")):
            with pytest.raises(HostError, match=f"{operation} {store.path}: Permission denied"):
                act()

    assert in_child(look) == 0
    os.chmod(store.path, 0o600)
    assert store.read() == b"x"


def test_the_same_again_writes_nothing(store: Store) -> None:
    store.save(b"one")
    age(store.path)
    before = os.stat(store.path)
    assert not store.save(b"one")
    after = os.stat(store.path)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert store.generations() == []


def test_the_same_again_is_no_longer_readable_by_others(store: Store) -> None:
    store.save(b"one")
    os.chmod(store.path, 0o644)
    assert not store.save(b"one")
    assert mode(store.path) == 0o600


def test_all_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(tmp_path / "etc" / "target" / "saveconfig.json")
        store.save_secrets(b"s")
        store.save(b"one")
        store.save(b"two")
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    modes = {
        os.path.relpath(path, tmp_path): mode(path)
        for at, directories, names in os.walk(tmp_path / "etc")
        for path in (at, *(os.path.join(at, name) for name in [*directories, *names]))
    }
    assert len(modes) == 6
    assert set(modes.values()) == {0o600, 0o700}


def test_a_wider_file_becomes_narrow_and_its_directory_stays(store: Store, tmp_path: Path) -> None:
    (tmp_path / "saveconfig.json").write_bytes(b"theirs")
    (tmp_path / "backup").mkdir(mode=0o755)
    for path in (store.path, tmp_path):
        os.chmod(path, 0o755)
    store.save(b"ours")
    assert mode(store.path) == 0o600
    assert mode(tmp_path) == mode(tmp_path / "backup") == 0o755


def test_a_link_stays_and_its_end_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    os.symlink("../data/first", tmp_path / "etc" / "saveconfig.json")
    (tmp_path / "data").mkdir()
    os.symlink("new/real.json", tmp_path / "data" / "first")
    store = Store(tmp_path / "etc" / "saveconfig.json")
    store.save(b"one")
    store.save(b"two")
    assert os.readlink(store.path) == "../data/first"
    assert os.readlink(tmp_path / "data" / "first") == "new/real.json"
    assert (tmp_path / "data" / "new" / "real.json").read_bytes() == store.read() == b"two"
    assert store.backup_dir == str(tmp_path / "data" / "new" / "backup")
    assert [it.name[:17] for it in store.generations()] == ["real.json.000001."]


def test_a_loop_of_links_is_an_error(store: Store) -> None:
    os.symlink("saveconfig.json", store.path)
    for act in (store.read, lambda: store.save(b"x")):
        with pytest.raises(HostError) as caught:
            act()
        assert caught.value.errno == errno.ELOOP


def test_a_path_is_taken_from_where_the_program_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("file", backup_dir="kept")
    monkeypatch.chdir("/")
    store.save(b"one")
    store.save(b"two")
    assert (tmp_path / "file").read_bytes() == b"two"
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_file_that_grows_too_large_leaves_the_old_one(store: Store) -> None:
    """As on a full disk: the kernel refuses in the middle of a write."""
    store.save(b"old")

    def grow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        with pytest.raises(HostError, match="File too large") as caught:
            store.save(b"x" * 5000)
        assert (caught.value.errno, caught.value.path) == (errno.EFBIG, store.path)

    assert in_child(grow) == 0
    assert store.read() == b"old"
    assert sorted(os.listdir(os.path.dirname(store.path))) == ["backup", "saveconfig.json"]


def test_a_file_that_is_mounted_itself_is_explained(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(b"old")

    def rename(_old: str, _new: str) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(HostError, match="mount its directory instead"):
        Store(store.path, keep=0).save(b"new")
    assert store.read() == b"old"


# --- generations


def texts(store: Store) -> list[bytes]:
    return [store.generation(it.name) for it in store.generations()]


def test_generations_are_kept_newest_first(store: Store) -> None:
    for number in range(5):
        store.save(b"%d" % number)
        age(store.path, 3600 * (10 - number))
    assert texts(store) == [b"3", b"2", b"1", b"0"]
    newest = store.generations()[0]
    assert newest.number == 4
    assert store.generation(4) == store.generation("4") == store.generation(newest.name) == b"3"
    assert gzip.decompress(content(newest.path)) == b"3"
    assert (newest.size, newest.time) == (
        os.path.getsize(newest.path),
        os.path.getmtime(newest.path),
    )


def test_a_generation_has_the_time_at_which_it_was_saved(store: Store) -> None:
    store.save(b"one")
    os.utime(store.path, ns=(0, 1732165486_123456789))
    store.save(b"two")
    (kept,) = store.generations()
    assert kept.name == "saveconfig.json.000001.20241121T050446.123456Z.gz"
    assert kept.time == pytest.approx(1732165486.123456)


@pytest.mark.parametrize(("when", "name"), [(-5, "19700101T000000"), (2**40, "99991231T235959")])
def test_no_time_is_too_odd(store: Store, when: int, name: str) -> None:
    store.save(b"one")
    try:
        os.utime(store.path, (when, when))
    except OverflowError:  # pragma: no cover - a filesystem that cannot have it
        return
    if os.stat(store.path).st_mtime != when:
        # This filesystem knows no such time: what it made of it is a time as any other.
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(os.stat(store.path).st_mtime))
    store.save(b"two")
    assert store.generations()[0].name.startswith(f"saveconfig.json.000001.{name}.")


def test_their_order_does_not_depend_on_the_clock(store: Store) -> None:
    keeper = Store(store.path, keep=2)
    for number in range(5):
        keeper.save(b"%d" % number)
        age(store.path, 3600 * number)
    assert {it.number for it in keeper.generations()} == {3, 4}


def test_an_identical_one_is_not_repeated(store: Store) -> None:
    store.save(b"one")
    store.save(b"two")
    assert texts(store) == [b"one"]
    # As after a kill between the two: the file is the newest generation still.
    with open(store.path, "wb") as file:
        file.write(b"one")
    store.save(b"three")
    assert texts(store) == [b"one"]
    store.save(b"one")
    store.save(b"four")
    assert sorted(texts(store)) == [b"one", b"one", b"three"]


def test_a_change_by_hand_is_kept_too(store: Store) -> None:
    store.save(b"one")
    with open(store.path, "wb") as file:
        file.write(b"by hand")
    store.save(b"two")
    assert texts(store) == [b"by hand"]


def test_an_empty_file_is_no_generation(store: Store) -> None:
    store.save(b"")
    store.save(b"one")
    assert store.generations() == []


def test_none_are_kept_where_none_are_wanted(store: Store) -> None:
    store.save(b"one")
    store.save(b"two")
    none = Store(store.path, keep=0)
    none.save(b"three")
    assert texts(none) == [b"one"]


def test_old_ones_are_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "file", keep=3)
    for number in range(12):
        store.save(b"%d" % number)
    assert sorted(texts(store)) == [b"10", b"8", b"9"]
    assert len(os.listdir(store.backup_dir)) == 3


THEIRS = ("saveconfig-20240101-10:00:00-json.gz", "saveconfig-20230101-10:00:00.json")


@pytest.fixture
def shared(store: Store) -> Store:
    """A store whose directory of backups has another program's, and what is no backup."""
    os.mkdir(store.backup_dir)
    for name, when in zip(THEIRS, (1704103200, 1672567200)):
        path = os.path.join(store.backup_dir, name)
        with (gzip.open if name.endswith("gz") else open)(path, "wb") as file:
            file.write(name.encode())
        os.utime(path, (when, when))
    os.symlink(THEIRS[1], os.path.join(store.backup_dir, "saveconfig-20220101-10:00:00.json"))
    for name in ("notes", "other.json.000001.20240101T100000.000000Z.gz", ".saveconfig.json"):
        open(os.path.join(store.backup_dir, name), "wb").close()
    return store


def test_backups_of_targetcli_are_read(shared: Store) -> None:
    shared.save(b"one")
    shared.save(b"two")
    found = shared.generations()
    assert [it.name for it in found[1:]] == list(THEIRS)
    assert [it.number for it in found] == [1, None, None]
    assert [shared.generation(name) for name in THEIRS] == [name.encode() for name in THEIRS]


def test_what_others_put_there_is_never_removed(shared: Store) -> None:
    before = set(os.listdir(shared.backup_dir))
    keeper = Store(shared.path, keep=1)
    for number in range(4):
        keeper.save(b"%d" % number)
    left = set(os.listdir(shared.backup_dir))
    assert before < left
    assert len(left - before) == 1


def test_one_that_is_removed_meanwhile_is_left_out(store: Store) -> None:
    for number in range(4):
        store.save(b"%d" % number)
    looking = store._kept(store.path)
    first = next(looking)
    for kept in store.generations():
        if kept != first:
            os.unlink(kept.path)
    assert list(looking) == []


def test_a_generation_that_is_not_there_is_an_error(shared: Store) -> None:
    shared.save(b"one")
    shared.save(b"two")
    for which in (7, "None", "../saveconfig.json", "", "01"):
        with pytest.raises(MissingFileError, match="no generation"):
            shared.generation(which)


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"one", mtime=0)[:-9]])
def test_a_damaged_generation_is_an_error_and_does_not_stop_a_save(
    store: Store, damage: bytes
) -> None:
    store.save(b"one")
    store.save(b"two")
    (kept,) = store.generations()
    with open(kept.path, "wb") as file:
        file.write(damage)
    if damage:
        with pytest.raises(HostError, match=f"{re.escape(kept.path)}: .*damaged"):
            store.generation(1)
    store.save(b"three")
    assert [it.number for it in store._ours(store.path)] == [2, 1]
    assert store.generation(2) == b"two"


def test_a_corrupt_one_is_an_error(store: Store) -> None:
    store.save(b"one" * 100)
    store.save(b"two")
    (kept,) = store.generations()
    with open(kept.path, "r+b") as file:
        file.seek(12)
        file.write(b"\xff" * 8)
    with pytest.raises(HostError, match="damaged"):
        store.generation(1)


def test_without_room_for_a_generation_nothing_is_saved(store: Store) -> None:
    store.save(b"one")
    open(store.backup_dir, "wb").close()
    with pytest.raises(
        HostError, match=f"keep a generation in {store.backup_dir}: Not a directory"
    ):
        store.save(b"two")
    assert store.read() == b"one"
    assert Store(store.path, keep=0).save(b"two")


def test_what_was_saved_is_saved_even_if_old_ones_cannot_be_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Store(store.path, keep=1)
    keeper.save(b"one")
    keeper.save(b"two")
    unlink = os.unlink

    def refuse(path: str) -> None:
        if path.endswith(".gz"):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        assert keeper.save(b"three")
    assert len(keeper.generations()) == 2
    keeper.save(b"four")
    assert texts(keeper) == [b"three"]


# --- secrets in a file of their own


def configuration(password: str) -> dict[str, Any]:
    return {"targets": [{"wwn": "a", "chap_password": password}], "padding": "x" * 200}


def save_apart(store: Store, data: dict[str, Any]) -> None:
    """Save as a program does whose secrets are in a file of their own."""
    public, moved = split_secrets(data)
    public["secrets"] = store.save_secrets(json.dumps(moved).encode())
    store.save(json.dumps(public).encode())


def joined(store: Store, text: bytes) -> dict[str, Any]:
    """Return the whole of what was saved."""
    public: dict[str, Any] = json.loads(text)
    moved = json.loads(store.secrets(public.pop("secrets")))
    whole: dict[str, Any] = join_secrets(public, moved)
    return whole


def files_of_secrets(store: Store) -> list[str]:
    directory = os.path.dirname(os.path.realpath(store.path))
    return [os.path.join(directory, name) for name in os.listdir(directory) if "secrets" in name]


def test_secrets_are_in_a_file_of_their_own(store: Store) -> None:
    save_apart(store, configuration("hidden"))
    assert joined(store, store.read()) == configuration("hidden")
    assert b"hidden" not in store.read()
    (path,) = files_of_secrets(store)
    assert b"hidden" in content(path)
    assert re.fullmatch(r"saveconfig\.json\.secrets-[0-9a-f]{32}", os.path.basename(path))


def test_equal_secrets_are_not_written_again(store: Store) -> None:
    save_apart(store, configuration("hidden"))
    (path,) = files_of_secrets(store)
    os.chmod(path, 0o644)
    age(path)
    before = store.read()
    save_apart(store, configuration("hidden"))
    assert (store.read(), files_of_secrets(store)) == (before, [path])
    assert mode(path) == 0o600
    assert os.stat(path).st_mtime > time.time() - 60
    assert store.generations() == []


def test_a_name_does_not_tell_the_secret(tmp_path: Path) -> None:
    names = {Store(tmp_path / f"file{number}").save_secrets(b"same") for number in range(3)}
    assert len(names) == 3


def test_secrets_last_as_long_as_a_generation_that_has_them(store: Store) -> None:
    keeper = Store(store.path, keep=2)
    for number in range(6):
        save_apart(keeper, configuration(f"hidden {number}"))
        for path in files_of_secrets(keeper):
            age(path)
    assert len(files_of_secrets(keeper)) == 3
    found = [joined(keeper, text) for text in texts(keeper)]
    assert [it["targets"][0]["chap_password"] for it in found] == ["hidden 4", "hidden 3"]


def test_secrets_of_a_save_that_goes_on_are_left(store: Store) -> None:
    name = store.save_secrets(b"of another process, which is to save them in a moment")
    store.save(b"one")
    assert store.secrets(name)
    age(files_of_secrets(store)[0])
    store.save(b"two")
    with pytest.raises(MissingFileError, match="read the secrets of"):
        store.secrets(name)


def test_secrets_are_not_removed_while_a_generation_cannot_be_read(store: Store) -> None:
    save_apart(store, configuration("hidden"))
    store.save(b"one")
    (kept,) = store.generations()
    (path,) = files_of_secrets(store)
    age(path)
    with open(kept.path, "wb") as file:
        file.write(b"damaged")
    store.save(b"two")
    assert os.path.exists(path)


@pytest.mark.parametrize("name", ["", "../../etc/shadow", "0" * 31, "0" * 33, "G" * 32])
def test_only_names_of_secrets_are_looked_up(store: Store, name: str) -> None:
    with pytest.raises(InvalidValueError, match="names no secrets"):
        store.secrets(name)


# --- killed, refused, raced


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process gave to the kernel outlives it: to wait for the disk shows nothing here."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


OLD, NEW = configuration("old"), configuration("new")


class Interruption:
    """Counts the calls of `CALLS` and does something at one of them."""

    def __init__(self, at: int, act: Callable[[str], None]) -> None:
        self.left = at
        self.act = act

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module, name in CALLS:
            monkeypatch.setattr(module, name, self.counted(name, getattr(module, name)))

    def counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if name == "write":
                    # In the middle of it.
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                elif name == "close":
                    # Linux closes even where it returns an error.
                    real(*arguments)
                self.act(name)
            return real(*arguments, **keywords)

        return call


def fresh(top: Path) -> Store:
    """Return a store of which nothing is there, not even its directory."""
    top.mkdir()
    return Store(top / "etc" / "saveconfig.json", keep=1)


def used(top: Path) -> Store:
    """Return a store that has a link, a generation too many and secrets that nothing names."""
    (top / "real").mkdir(parents=True)
    os.symlink("real/saveconfig.json", top / "saveconfig.json")
    store = Store(top / "saveconfig.json", keep=1)
    save_apart(store, configuration("oldest"))
    save_apart(store, configuration("older"))
    save_apart(store, OLD)
    for path in files_of_secrets(store):
        age(path)
    return store


SCENARIOS = {"fresh": fresh, "used": used}


@pytest.fixture(params=sorted(SCENARIOS))
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Make a scenario again and again: the first time by saving, then by copying."""
    model = tmp_path / "model"
    name = os.path.relpath(SCENARIOS[request.param](model).path, model)

    def make() -> Store:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(model, tmp_path / "copy", symlinks=True)
        return Store(tmp_path / "copy" / name, keep=1)

    return make


def assert_whole(store: Store) -> dict[str, Any] | None:
    """Return what was saved, None for nothing, having looked at all that is there."""
    for it in store.generations():
        joined(store, store.generation(it.name))
        assert mode(it.path) == 0o600
    for path in files_of_secrets(store):
        assert mode(path) == 0o600
    try:
        text = store.read()
    except MissingFileError:
        return None
    assert mode(store.path) == 0o600
    return joined(store, text)


def leftovers(store: Store) -> list[str]:
    top = os.path.dirname(store.path)
    return [name for _, _, names in os.walk(top) for name in names if name.endswith(".tmp")]


@pytest.mark.usefixtures("_quick")
def test_killed_at_any_call_the_file_is_whole(again: Callable[[], Store]) -> None:
    before = again()
    saved = assert_whole(before) if os.path.isdir(os.path.dirname(before.path)) else None
    seen: set[bool] = set()
    left = 0
    for at in range(1, ENOUGH):
        store = again()

        def save(store: Store = store, at: int = at) -> None:  # pragma: no cover - a child
            kill = Interruption(at, lambda _name: os.kill(os.getpid(), signal.SIGKILL))
            kill.install(pytest.MonkeyPatch())
            save_apart(store, NEW)

        ended = in_child(save)
        found = assert_whole(store) if os.path.isdir(os.path.dirname(store.path)) else None
        assert found in (saved, NEW)
        seen.add(found == NEW)
        left += len(leftovers(store))
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        save_apart(store, configuration("next"))
        assert assert_whole(store) == configuration("next")
        assert not leftovers(store)
    else:
        pytest.fail("the save did not come to its end")
    assert seen == {False, True}
    assert at > 20
    assert left > 3, "no temporary file was ever left behind: the kills came at wrong places"


@pytest.mark.usefixtures("_quick")
def test_refused_at_any_call_the_file_is_whole(again: Callable[[], Store]) -> None:
    before = again()
    saved = assert_whole(before) if os.path.isdir(os.path.dirname(before.path)) else None
    failed = 0
    for at in range(1, ENOUGH):
        store = again()
        refused: list[str] = []

        def refuse(name: str, refused: list[str] = refused) -> None:
            refused.append(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.MonkeyPatch.context() as patched:
            Interruption(at, refuse).install(patched)
            try:
                save_apart(store, NEW)
                error = None
            except HostError as raised:
                error = raised
        if error is None:
            assert assert_whole(store) == NEW
            if not refused:
                break
        else:
            failed += 1
            # A link that cannot be looked at counts as the file itself, and is refused as that.
            assert error.errno in (errno.ENOSPC, errno.ELOOP), refused
            assert error.path
            if os.path.isdir(os.path.dirname(store.path)):
                assert assert_whole(store) in (saved, NEW)
        assert refused == ["unlink"] or not leftovers(store)
        save_apart(store, configuration("next"))
        assert assert_whole(store) == configuration("next")
        assert not leftovers(store)
    else:
        pytest.fail("the save did not come to its end")
    assert failed > 10


@pytest.mark.usefixtures("_quick")
def test_many_processes_may_save_at_once(store: Store) -> None:
    """Without any lock: each file is one of theirs, whole, with its secrets."""
    everything = [configuration(f"of process {number}") for number in range(8)]
    ours, theirs = os.pipe()

    def save(data: dict[str, Any]) -> None:  # pragma: no cover - a child
        os.close(theirs)
        os.read(ours, 1)
        for _ in range(5):
            save_apart(store, data)
            assert joined(store, store.read()) in everything

    children = []
    for data in everything:
        pid = os.fork()
        if pid == 0:  # pragma: no cover - a child
            code = CHILD_FAILED
            try:
                save(data)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    os.close(ours)
    os.close(theirs)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
    assert assert_whole(store) in everything
    assert not leftovers(store)
