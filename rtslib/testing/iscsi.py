# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of iSCSI: drivers/target/iscsi/iscsi_target_{configfs,tpg,nodeattrib,parameters}.c."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Callable

from rtslib.testing import parsers, sessions
from rtslib.testing.fabric import POLICIES, Policy, enable, tag
from rtslib.testing.parsers import byte_length, c_string, cut, fail
from rtslib.testing.rules import S32, UNBOUNDED, Rule, Rules, integer

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory

__all__ = ["ISCSI"]

IQN_LEN = 224
USER_LEN = 256
VALUE_LEN = 255
DEPTH_MAX = 512
U32_MAX = (1 << 32) - 1


def _check_iqn(_fabric: Directory, name: str) -> None:
    if byte_length(name) >= IQN_LEN:
        fail(errno.EINVAL)


def _target_made(target: Directory) -> None:
    taken = {other.data["index"] for other in target.up.made()}
    target.set(index=next(number for number in range(len(taken) + 1) if number not in taken))


def _acl_made(acl: Directory) -> None:
    attrib = acl.up.up.sub("attrib")
    acl.put("cmdsn_depth", attrib.text("default_cmdsn_depth"))
    acl.sub("attrib").put("default_erl", attrib.text("default_erl"))


def _acl_gone(acl: Directory) -> None:
    sessions.drop(acl.up.up, acl.name)


def _tag(name: str) -> int:
    """Find tpgt_ anywhere, as lio_target_tiqn_addtpg() does: xtpgt_1 is a TPG."""
    return tag(name[max(name.find("tpgt_"), 0) :])


POLICIES["iscsi"] = Policy(
    name=_check_iqn,
    tag=_tag,
    target_made=_target_made,
    acl_made=_acl_made,
    acl_gone=_acl_gone,
)


# The fabric's own directory: what it holds is the module's, and outlives the directory


def _fabric_made(fabric: Directory) -> None:
    kept = fabric.up.data.get("iscsi", {})
    fabric.values.update(kept.get("fabric", {}))
    fabric.sub("discovery_auth").values.update(kept.get("discovery_auth", {}))
    fabric.sub("discovery_auth").touch()


def _fabric_gone(fabric: Directory) -> None:
    auth = fabric.sub("discovery_auth").values
    fabric.up.set(iscsi={"fabric": fabric.values, "discovery_auth": auth})


def _show_cpus(fabric: Directory, name: str) -> str:
    allowed = fabric.values.get(name)
    return allowed or parsers.print_cpus(list(range(fabric.tree.host.cpus))) + "\n"


def _store_cpus(fabric: Directory, name: str, text: str) -> None:
    fabric.put(name, parsers.cpu_list(text, fabric.tree.host.cpus) + "\n")


# CHAP


def _chap(*, long_is_cut: bool) -> Rule:
    """A name or secret: kept with its newline; longer than 255 bytes is cut, or refused."""

    def store(auth: Directory, name: str, text: str) -> None:
        if byte_length(text) >= USER_LEN and not long_is_cut:
            fail(errno.EINVAL)
        auth.put(name, cut(c_string(text), USER_LEN - 1) + "\n")

    return Rule(store=store, secret=True)


def _authenticate_target(auth: Directory, _name: str) -> str:
    """Tell whether both mutual values are set: one that begins with NULL is not."""
    given = (auth.values.get(f"{key}_mutual", "NULL") for key in ("userid", "password"))
    return f"{not any(value.startswith('NULL') for value in given):d}\n"


def _auth(*, long_is_cut: bool) -> dict[str, Rule]:
    names = ("userid", "password", "userid_mutual", "password_mutual")
    return {
        **{name: _chap(long_is_cut=long_is_cut) for name in names},
        "authenticate_target": Rule(show=_authenticate_target, secret=True),
    }


# TPG


def _enable(tpg: Directory, value: bool) -> None:
    if not value:
        sessions.drop(tpg)


def _authentication(attrib: Directory, value: int) -> None:
    """Keep param/AuthMethod in step: iscsit_ta_authentication()."""
    param = attrib.up.sub("param")
    methods = param.text("AuthMethod").rstrip("\n")
    if not value and "None" not in methods:
        param.put("AuthMethod", methods + ",None\n")
    elif value and "None" in methods and methods != "None":
        kept = [method for method in methods.split(",") if method != "None"]
        param.put("AuthMethod", ",".join(kept) + "\n")


def _generate_node_acls(attrib: Directory, value: int) -> None:
    if value:
        attrib.put("cache_dynamic_acls", "1\n")


def _cache_dynamic_acls(attrib: Directory, name: str, text: str) -> None:
    value = parsers.number(text)
    if value > 1:
        fail(errno.EINVAL)
    if value or not attrib.integer("generate_node_acls"):  # else it is silently kept
        attrib.put(name, f"{value}\n")


def _parameter(check: Callable[[str], bool], *, many: bool = False, reject: bool = False) -> Rule:
    """A key of the iSCSI login: iscsi_check_value(), with every error made EINVAL.

    Irrelevant passes for every key, Reject where `reject` says so; commas are for lists.
    """

    def store(param: Directory, name: str, text: str) -> None:
        value = c_string(text)
        if value[-1:].isspace():
            value = value[:-1]
        if value == "NotUnderstood" or (value == "Reject" and not reject):
            fail(errno.EINVAL)
        words = value.split(",")
        good = all(byte_length(word) <= VALUE_LEN and check(word) for word in words)
        if value not in ("Irrelevant", "Reject") and (not good or (len(words) > 1 and not many)):
            fail(errno.EINVAL)
        param.put(name, value + "\n")

    return Rule(store=store)


def _words(*allowed: str) -> Rule:
    return _parameter(lambda word: word in allowed, many=True)


def _between(low: int, high: int) -> Rule:
    return _parameter(lambda value: low <= _leading_number(value) <= high)


def _leading_number(text: str) -> int:
    """Parse as simple_strtoul() into an int: what is no number is 0, what is too big wraps."""
    match = re.match("0x[0-9a-f]+|[0-9]+", text, re.IGNORECASE)
    digits = match[0] if match else "0"
    if digits[0] == "0" and digits[1:2] not in ("x", "X"):
        digits = re.sub("[89].*", "", digits)
        return int(digits, 8)
    value = int(digits, 0) & U32_MAX
    return value - U32_MAX - 1 if value > U32_MAX >> 1 else value


def _text(*, reject: bool = False) -> Rule:
    return _parameter(lambda _value: True, reject=reject)


# ACL


def _cmdsn_depth(acl: Directory, name: str, text: str) -> None:
    value = parsers.number(text)
    if value > DEPTH_MAX:
        fail(errno.EINVAL)
    text = f"{value or 1}\n"
    if acl.text(name) != text:
        acl.put(name, text)
        sessions.drop(acl.up.up, acl.name)


_BIT = range(2)
_YES_NO = _parameter(lambda value: value in ("Yes", "No"))

ISCSI = {
    "fabric.iscsi": Rules(
        {"cpus_allowed_list": Rule(_show_cpus, _store_cpus)},
        {"made": _fabric_made, "gone": _fabric_gone},
    ),
    "fabric.iscsi/discovery_auth": Rules({
        **_auth(long_is_cut=False),
        "enforce_discovery_auth": integer(_BIT, kind=UNBOUNDED),
    }),
    "tpg.iscsi": Rules({
        "enable": enable(_enable),
        "dynamic_sessions": Rule(show=sessions.show_dynamic),
    }),
    "tpg.iscsi/auth": Rules(_auth(long_is_cut=True)),
    "tpg.iscsi/attrib": Rules({
        "authentication": integer(_BIT, then=_authentication),
        "cache_dynamic_acls": Rule(store=_cache_dynamic_acls),
        "default_cmdsn_depth": integer(range(1, DEPTH_MAX + 1)),
        "default_erl": integer(range(3)),
        "demo_mode_discovery": integer(_BIT),
        "demo_mode_write_protect": integer(_BIT),
        "fabric_prot_type": integer((0, 1, 3)),
        "generate_node_acls": integer(_BIT, then=_generate_node_acls),
        "login_keys_workaround": integer(_BIT),
        "login_timeout": integer(range(5, 31)),
        "netif_timeout": integer(range(2, 16)),
        "prod_mode_write_protect": integer(_BIT),
        "t10_pi": integer(_BIT),
        "tpg_enabled_sendtargets": integer(_BIT),
    }),
    "tpg.iscsi/param": Rules({
        "AuthMethod": _words("CHAP", "None", "SRP", "KRB5", "SPKM1", "SPKM2"),
        "HeaderDigest": _words("CRC32C", "None"),
        "DataDigest": _words("CRC32C", "None"),
        "TargetAlias": _text(),
        "IFMarkInt": _text(reject=True),
        "OFMarkInt": _text(reject=True),
        "MaxConnections": _between(1, 65535),
        "MaxRecvDataSegmentLength": _between(512, 16777215),
        "MaxXmitDataSegmentLength": _between(512, 16777215),
        "MaxBurstLength": _between(512, 16777215),
        "FirstBurstLength": _between(512, 16777215),
        "DefaultTime2Wait": _between(0, 3600),
        "DefaultTime2Retain": _between(0, 3600),
        "MaxOutstandingR2T": _between(1, 65535),
        "ErrorRecoveryLevel": _between(0, 2),
        "InitialR2T": _YES_NO,
        "ImmediateData": _YES_NO,
        "DataPDUInOrder": _YES_NO,
        "DataSequenceInOrder": _YES_NO,
        "IFMarker": _YES_NO,
        "OFMarker": _YES_NO,
    }),
    "acl.iscsi": Rules({
        "info": Rule(show=sessions.show_info),
        "cmdsn_depth": Rule(store=_cmdsn_depth),
    }),
    "acl.iscsi/auth": Rules(_auth(long_is_cut=False)),
    "acl.iscsi/attrib": Rules({
        "authentication": integer((-1, 0, 1), kind=S32),
        "dataout_timeout": integer(range(2, 61)),
        "dataout_timeout_retries": integer(range(1, 16)),
        "default_erl": integer(range(3)),
        "nopin_timeout": integer((0, *range(3, 61))),
        "nopin_response_timeout": integer(range(3, 61)),
        "random_datain_pdu_offsets": integer(_BIT),
        "random_datain_seq_offsets": integer(_BIT),
        "random_r2t_offsets": integer(_BIT),
    }),
    "acl.iscsi/param": Rules({
        name: Rule(show=sessions.show_parameter) for name in sessions.PARAMETERS
    }),
}  # fmt: skip
