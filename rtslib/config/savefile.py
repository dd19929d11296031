# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The saved configuration as a file: its data and layout, secrets apart or not, what is missing.

Beside FILE may stand FILE.missing: what the last restore could not set up, and why. A save keeps
what is missing in the file, so that a disk that was late once is not forgotten.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rtslib import paths, root
from rtslib.blockdev import host_error
from rtslib.config import files
from rtslib.config.credentials import join_secrets, split_secrets
from rtslib.config.document import Document, parse
from rtslib.config.layout import text_of
from rtslib.config.store import Store
from rtslib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECRETS", "SaveFile", "default_path", "text_of"]

#: The key that names the file of the secrets.
SECRETS = "secrets"

Data = dict[str, Any]


def default_path() -> str:
    """Return the file that is meant where none is named: a program's choice, else ``paths``'s."""
    chosen = root.default_save_file
    return paths.save_file() if chosen == paths.SAVE_FILE else chosen


class SaveFile:
    """The saved configuration at a path, with its generations and its secrets."""

    def __init__(self, path: str | os.PathLike[str], *, keep: int = paths.KEEP) -> None:
        self.store = Store(path, keep=keep)
        self.path = self.store.path

    def __repr__(self) -> str:
        return f"SaveFile({self.path!r})"

    def load(self) -> Document:
        """Return what is saved, with its secrets. MissingFileError where there is no file."""
        return self._joined(self.store.read(), self.path)

    def load_generation(self, which: int | str) -> Document:
        """Return what a generation has, by its number or its name."""
        return self._joined(self.store.generation(which), f"{self.path} (generation {which})")

    def _joined(self, raw: bytes, name: str) -> Document:
        document = parse(raw, name)
        if not isinstance(document.data, dict) or SECRETS not in document.data:
            return document
        public = dict(document.data)
        named = str(public.pop(SECRETS))
        try:
            secrets = parse(self.store.secrets(named), f"the secrets of {name}").data
        except FileNotFoundError as error:
            # No MissingFileError: there is a configuration, of which a part is lost.
            raise ConfigError(str(error), file=self.path) from error
        if not isinstance(secrets, dict):
            raise ConfigError(f"the secrets of {name} are damaged: no object of secrets")
        return document.with_data(join_secrets(public, secrets))

    def save(self, data: Data, *, secrets_apart: bool | None = None) -> bool:
        """Save data; False where the file has them already.

        With `secrets_apart` the secrets go into a file of their own; None leaves it as it was.
        """
        if secrets_apart is None:
            secrets_apart = self._has_secrets_apart()
        if secrets_apart:
            data, moved = split_secrets(data)
            data = {**data, SECRETS: self.store.save_secrets(json.dumps(moved).encode())}
        return self.store.save(text_of(data).encode())

    def _has_secrets_apart(self) -> bool:
        try:
            raw = self.store.read()
            if SECRETS.encode() not in raw and b"\\u" not in raw and not self.store.has_secrets():
                # Whole or damaged: that key is not in it, and no file of secrets is beside it.
                return False
            data = parse(raw, self.path).data
        except FileNotFoundError:
            return False
        except ConfigError:
            # Damaged: where secrets were kept apart, files of them are beside it.
            return self.store.has_secrets()
        return isinstance(data, dict) and SECRETS in data

    @property
    def _missing_path(self) -> str:
        return f"{os.path.realpath(self.path)}.missing"

    def missing(self) -> dict[str, str]:
        """Return the records that could not be set up when it was restored, and why."""
        try:
            raw = files.read(self._missing_path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise host_error(error, "read", self._missing_path) from error
        found = parse(raw, self._missing_path).data
        if not isinstance(found, dict):
            raise ConfigError(f"{self._missing_path} is not a list of what is missing")
        return {str(name): str(why) for name, why in found.items()}

    def set_missing(self, missing: Mapping[str, str]) -> None:
        """Keep what could not be set up; nothing removes the list. HostError if it cannot."""
        path = self._missing_path
        try:
            if missing:
                files.replace(path, text_of(dict(missing)).encode())
            elif os.path.lexists(path):
                os.unlink(path)
        except OSError as error:
            raise host_error(error, "write", path) from error
