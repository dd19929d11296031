# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""World wide names: validate, normalise, compare, spell for a fabric, generate.

Knows the text of names and the standards that rule it; knows no file system, no configfs and no
fabric. Names are validated when something is made, never when something is read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rtslib.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "HEX_DIGITS",
    "SPELLINGS",
    "WWN_TYPES",
    "canonical",
    "colonize",
    "generate_wwn",
    "naa_of_serial",
    "normalise",
    "normalize_wwn",
    "same",
    "spell",
    "unspell",
    "validate",
]

#: RFC 7143 4.2.7.1: an iSCSI name has at most 223 bytes of UTF-8.
ISCSI_NAME_BYTES = 223

#: NAME_MAX, of which configfs lets a directory name have all.
DIRECTORY_NAME_BYTES = 255

#: The company identifier that the kernel has for its own devices, and generated names carry.
LINUX_IO = 0x001405

#: How many hexadecimal digits a name of this type has after its prefix.
HEX_DIGITS = {"naa": (16, 32), "eui": (16,), "ib": (32,)}

#: NAA formats of 64 bits: 1 and 2 IEEE 48-bit and extended, 3 locally assigned, 5 IEEE registered,
#: c to f EUI-64 mapped (what NPIV ports have). Format 6, IEEE registered extended, has 128 bits.
_NAA_64 = "1235cdef"

#: RFC 3722 leaves an iSCSI name these ASCII characters beside letters and digits. It forbids '_'
#: too, but initiators in the field carry it from host names, and nothing chokes on it.
_IQN_PUNCTUATION = "-.:_"

_IQN = re.compile(r"iqn\.([0-9]{4})-([0-9]{2})\.([^:]*)(:.*)?", re.IGNORECASE | re.DOTALL)
_PREFIXED = re.compile(r"(naa|eui|ib)\.([0-9a-f:-]+)")
_FC_PORT = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){7}")
_GID = re.compile(r"0x[0-9a-f]{32}|[0-9a-f]{4}(?::[0-9a-f]{4}){7}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _refuse(wwn: str, rule: str) -> InvalidValueError:
    return InvalidValueError(f"{wwn!r} is not a valid name: {rule}", value=wwn)


def _directory_name(wwn: str) -> str:
    if wwn in {"", ".", ".."} or "/" in wwn or "\0" in wwn:
        raise _refuse(wwn, "it must do as the name of a directory")
    if len(os.fsencode(wwn)) > DIRECTORY_NAME_BYTES:
        raise _refuse(wwn, f"it has more than {DIRECTORY_NAME_BYTES} bytes")
    return wwn


def _iqn(wwn: str) -> str:
    parts = _IQN.fullmatch(wwn)
    if not parts:
        raise _refuse(wwn, "an iqn is iqn.YYYY-MM.reversed-domain[:anything] (RFC 7143, 4.2.7.4)")
    _year, month, authority, _rest = parts.groups()
    if not "01" <= month <= "12":
        raise _refuse(wwn, f"{month} is not a month")
    if not all(authority.split(".")):
        raise _refuse(wwn, "the part after the date is a domain name, reversed: com.example")
    bad = sorted({char for char in wwn if not _iqn_char(char)})
    if bad:
        shown = " ".join(map(repr, bad))
        raise _refuse(wwn, f"an iqn cannot have {shown} (RFC 3722, 6)")
    if len(os.fsencode(wwn)) > ISCSI_NAME_BYTES:
        raise _refuse(wwn, f"it has more than {ISCSI_NAME_BYTES} bytes (RFC 7143, 4.2.7.1)")
    return wwn


def _iqn_char(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _IQN_PUNCTUATION
    return char.isprintable() and not char.isspace()


def _digits(wwn_type: str, wwn: str) -> str:
    """Return the hexadecimal digits of a name without prefix and separators, in their own case."""
    text = wwn
    for prefix in (f"{wwn_type}.", "0x"):
        if text.lower().startswith(prefix):
            text = text[len(prefix) :]
    text = text.replace(":", "").replace("-", "")
    lengths = HEX_DIGITS[wwn_type]
    if len(text) not in lengths or not re.fullmatch("[0-9a-fA-F]+", text):
        count = " or ".join(map(str, lengths))
        raise _refuse(wwn, f"it must be '{wwn_type}.' and {count} hexadecimal digits")
    return text


def _naa(wwn: str) -> str:
    digits = _digits("naa", wwn)
    bits, formats = (64, _NAA_64) if len(digits) == 16 else (128, "6")  # noqa: PLR2004 digits of 64 bits
    if digits[0].lower() not in formats:
        shown = ", ".join(formats)
        raise _refuse(wwn, f"a name of {bits} bits begins with NAA {shown}, not {digits[0]}")
    return f"naa.{digits}"


def _eui(wwn: str) -> str:
    return f"eui.{_digits('eui', wwn)}"


def _ib(wwn: str) -> str:
    return f"ib.{_digits('ib', wwn)}"


def _unit_serial(wwn: str) -> str:
    if not _UUID.fullmatch(wwn):
        raise _refuse(wwn, "a unit serial is a UUID: 8-4-4-4-12 hexadecimal digits")
    return wwn


_VALIDATE: dict[str, Callable[[str], str]] = {
    "iqn": _iqn,
    "naa": _naa,
    "eui": _eui,
    "ib": _ib,
    "unit_serial": _unit_serial,
    "free": _directory_name,
}

#: Every type that a fabric may name.
WWN_TYPES = tuple(_VALIDATE)


def _known(wwn_type: str) -> str:
    if wwn_type not in _VALIDATE:
        raise InvalidValueError(
            f"{wwn_type!r} is not a type of name: {', '.join(WWN_TYPES)}", value=wwn_type
        )
    return wwn_type


def validate(wwn_type: str, wwn: str) -> str:
    """Return the normal form of a name of this type; InvalidValueError names the rule it breaks.

    Hexadecimal names get their prefix and lose separators; the case of everything else is kept.
    """
    return _VALIDATE[_known(wwn_type)](wwn.strip())


def normalise(wwn_types: Iterable[str], wwn: str) -> tuple[str, str]:
    """Return the normal form of a name, in its own case, and the first of the types that it fits.

    >>> normalise(["iqn", "naa"], "0x500140500000000A")
    ('naa.500140500000000A', 'naa')
    """
    refusals: dict[str, InvalidValueError] = {}
    for wwn_type in wwn_types:
        try:
            return validate(wwn_type, wwn), wwn_type
        except InvalidValueError as refusal:
            refusals[wwn_type] = refusal
    # The rule of the type that the name claims by its prefix says most; else that of the first.
    claimed = wwn.strip().partition(".")[0].lower()
    chosen = refusals.get(claimed) or next(iter(refusals.values()), None)
    raise _refuse(wwn, "no type of name is allowed here") if chosen is None else chosen


def normalize_wwn(wwn_types: Iterable[str], wwn: str) -> tuple[str, str]:
    """Return (name, type) as rtslib-fb does: in lower case."""
    normal, wwn_type = normalise(wwn_types, wwn)
    return normal.lower(), wwn_type


def canonical(wwn: str) -> str:
    """Return one text for all spellings of a name: for comparing only. Any text will do.

    >>> canonical("21:00:00:24:FF:31:4C:48")
    'naa.21000024ff314c48'
    """
    text = wwn.strip().lower()
    prefixed = _PREFIXED.fullmatch(text)
    if prefixed:
        return f"{prefixed[1]}.{prefixed[2].replace(':', '').replace('-', '')}"
    if _FC_PORT.fullmatch(text):
        return f"naa.{text.replace(':', '')}"
    if _GID.fullmatch(text):
        return f"ib.{text.replace(':', '')[-32:]}"
    return text


def same(one: str, other: str) -> bool:
    """Tell whether two texts spell one name."""
    return canonical(one) == canonical(other)


def colonize(string: str) -> str:
    """Put a colon after each two characters.

    >>> colonize("21000024")
    '21:00:00:24'
    """
    return ":".join(string[at : at + 2] for at in range(0, len(string), 2))


#: How a fabric's directories spell the digits of a name; None where the name stands as it is.
SPELLINGS: dict[str, Callable[[str], str] | None] = {
    "plain": None,
    "bare": str,
    "colons": colonize,
    "0x": "0x{}".format,
}


def spell(wwn: str, spelling: str, wwn_type: str) -> str:
    """Return a normal name as the fabric's directory spells it; what is no such name stays.

    Kernel drivers want lower case here: tcm_fc and tcm_qla2xxx refuse any other.

    >>> spell("naa.21000024FF314C48", "colons", "naa")
    '21:00:00:24:ff:31:4c:48'
    """
    write = SPELLINGS[spelling]
    text = wwn.lower()
    prefix, _, digits = text.partition(".")
    lengths = HEX_DIGITS.get(wwn_type, ())
    if not write or prefix != wwn_type or len(digits) not in lengths or not _is_hex(digits):
        return wwn
    return write(digits)


def unspell(name: str, spelling: str, wwn_type: str) -> str:
    """Return the normal form of a fabric's directory name: the inverse of `spell`.

    Never raises; a name that `spell` would not have written comes back as it is.
    """
    if not SPELLINGS[spelling]:
        return name
    digits = name[2:] if name.startswith("0x") else name.replace(":", "")
    wwn = f"{wwn_type}.{digits}"
    return wwn if spell(wwn, spelling, wwn_type) == name else name


def _is_hex(text: str) -> bool:
    return all(char in "0123456789abcdef" for char in text)


def _random(digits: int) -> str:
    """Return random hexadecimal digits."""
    # Here, not above: few programs make names up, and hmac and base64 come with it.
    import secrets

    return secrets.token_hex(digits)[:digits]


def _generate_iqn() -> str:
    machine = os.uname()
    host, arch = (
        re.sub("[^a-z0-9-]", "", name.lower())
        for name in (machine.nodename.partition(".")[0], machine.machine)
    )
    authority = ".".join(filter(None, ("org.linux-iscsi", host, arch)))
    return f"iqn.2003-01.{authority}:sn.{_random(12)}"


def _generate_uuid() -> str:
    import uuid  # as slow to import as `secrets`

    return str(uuid.uuid4())


_GENERATE: dict[str, Callable[[], str]] = {
    "iqn": _generate_iqn,
    "naa": lambda: f"naa.5{LINUX_IO:06x}{_random(9)}",
    "eui": lambda: f"eui.{LINUX_IO:06x}{_random(10)}",
    "unit_serial": _generate_uuid,
    "free": _generate_uuid,
}


def generate_wwn(wwn_type: str) -> str:
    """Return a new random name of this type; there are none of type ib: GIDs are hardware's."""
    generate = _GENERATE.get(_known(wwn_type.lower()))
    if not generate:
        raise InvalidValueError(
            f"names of type {wwn_type} cannot be made up: they are hardware's", value=wwn_type
        )
    return generate()


def naa_of_serial(serial: str, company_id: int = LINUX_IO) -> str:
    """Return the NAA identifier that the kernel shows initiators in VPD page 0x83.

    Only the serial's first 25 hexadecimal digits count: everything else is skipped, and a short
    serial is filled with zeros, so serials that differ may have one identifier.
    (drivers/target/target_core_spc.c, spc_gen_naa_6h_vendor_specific)

    >>> naa_of_serial("a1b2c3d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d")
    'naa.6001405a1b2c3d45e6f4a7b8c9d0e1f2'
    """
    if not 0 <= company_id <= 0xFFFFFF:  # noqa: PLR2004 24 bits
        raise InvalidValueError(f"a company id has 24 bits: {company_id:#x}", value=str(company_id))
    digits = "".join(char for char in serial.lower() if char in "0123456789abcdef")
    return f"naa.6{company_id:06x}{digits[:25]:0<25}"
