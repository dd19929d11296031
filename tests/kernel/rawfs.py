# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Raw configfs helpers: nothing but os.* calls (no rtslib)."""

import os, errno, stat, sys, time

T = "/sys/kernel/config/target"


def wr(path, data, base=T):
    if isinstance(data, str):
        data = data.encode()
    fd = os.open(os.path.join(base, path), os.O_WRONLY)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def rd(path, base=T):
    fd = os.open(os.path.join(base, path), os.O_RDONLY)
    try:
        out = b""
        while True:
            b = os.read(fd, 65536)
            if not b:
                return out
            out += b
    finally:
        os.close(fd)


def mk(path, base=T):
    os.mkdir(os.path.join(base, path))


def rm(path, base=T):
    os.rmdir(os.path.join(base, path))


def ln(target, link, base=T):
    os.symlink(os.path.join(base, target), os.path.join(base, link))


def un(path, base=T):
    os.unlink(os.path.join(base, path))


def en(e):
    return errno.errorcode.get(e.errno, str(e.errno))


def walk(root):
    """yield dicts describing root and all below, sorted, never following links."""

    def one(p):
        st = os.lstat(p)
        r = {
            "path": os.path.relpath(p, os.path.dirname(T)),
            "mode": stat.S_IMODE(st.st_mode),
            "size": st.st_size,
            "nlink": st.st_nlink,
            "uid": st.st_uid,
            "gid": st.st_gid,
            "blocks": st.st_blocks,
        }
        if stat.S_ISLNK(st.st_mode):
            r["type"] = "link"
            r["target"] = os.readlink(p)
            return r, False
        if stat.S_ISDIR(st.st_mode):
            r["type"] = "dir"
            return r, True
        r["type"] = "file"
        try:
            fd = os.open(p, os.O_RDONLY)
        except OSError as e:
            r["open_r"] = en(e)
        else:
            try:
                r["content"] = os.read(fd, 1 << 16).decode("latin-1")
            except OSError as e:
                r["read"] = en(e)
            finally:
                os.close(fd)
        # is it writable as far as open() is concerned (no write is made)
        try:
            os.close(os.open(p, os.O_WRONLY))
            r["open_w"] = "ok"
        except OSError as e:
            r["open_w"] = en(e)
        return r, False

    def rec(p):
        r, isdir = one(p)
        yield r
        if isdir:
            names = sorted(os.listdir(p))
            for n in names:
                yield from rec(os.path.join(p, n))

    yield from rec(root)


def fmt(r):
    m = f"{r['mode']:04o}"
    if r["type"] == "dir":
        return f"D {m} {r['path']}/"
    if r["type"] == "link":
        return f"L {m} {r['path']} -> {r['target']}"
    if "content" in r:
        v = "= " + repr(r["content"])
    elif "open_r" in r:
        v = f"! open(O_RDONLY): {r['open_r']}"
    else:
        v = f"! read: {r['read']}"
    w = (
        ""
        if (r["open_w"] == "ok") == bool(r["mode"] & 0o200)
        else f"   [open(O_WRONLY): {r['open_w']}]"
    )
    return f"F {m} {r['path']} {v}{w}"
