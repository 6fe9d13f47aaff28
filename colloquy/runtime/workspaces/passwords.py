"""The passwords of connections, in a separate file that nothing else reads."""

from __future__ import annotations

import json
import os
import threading
import uuid
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from session_store.errors import ColloquyError, StoreNotWritableError
from session_store.files import BadFileError, read_bytes

FILE = "secrets.json"

Secret = dict[str, str]
"""The secret parts of a connection's address, by name."""

LARGEST: Final = 10_000_000
"""Most bytes of the file."""

_SECRETS: Final = TypeAdapter(dict[str, Secret])


class SecretsError(ColloquyError):
    """The password file cannot be used."""


class SecretsNotSavedError(SecretsError, StoreNotWritableError):
    """The password file cannot be written."""


class Secrets:
    """Secrets by the id of their workspace. Thread-safe; a change is durable when its method returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, workspace_id: str) -> Secret:
        """Return the secrets of a workspace; empty if it has none."""
        with self._lock:
            return self._read().get(workspace_id, {})

    def set(self, workspace_id: str, secret: Secret) -> None:
        """Replace the secrets of a workspace; an empty ``secret`` removes them."""
        with self._lock:
            kept = self._read()
            if kept.get(workspace_id, {}) == secret:
                return
            kept.pop(workspace_id, None)
            if secret:
                kept[workspace_id] = secret
            self._write(kept)

    def _read(self) -> dict[str, Secret]:
        try:
            return _SECRETS.validate_json(read_bytes(self._path, LARGEST))
        except FileNotFoundError:
            return {}
        except BadFileError as error:
            raise SecretsError(
                f"The passwords of connections cannot be read from {self._path}: {error}. Repair the file, or delete"
                " it and enter the passwords again."
            ) from None
        except ValueError:
            # The cause is left out: a message about broken JSON repeats part of the JSON.
            raise SecretsError(
                f"The connection passwords cannot be read from {self._path}. Repair the file, or delete it and enter"
                " the passwords again."
            ) from None

    def _write(self, kept: dict[str, Secret]) -> None:
        unfinished = self._path.with_name(f".{self._path.name}.{uuid.uuid4().hex}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path)
        except OSError as error:
            raise SecretsNotSavedError(
                f"The password could not be saved in {self._path}: {error.strerror}. The connection is unchanged. Free"
                " some space, or give this user write permission, then save it again."
            ) from None
        finally:
            unfinished.unlink(missing_ok=True)
