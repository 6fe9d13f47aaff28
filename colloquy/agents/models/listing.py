"""Lists the models of an OpenAI-compatible server, requested in the background."""

from __future__ import annotations

import json
import threading
import time

import httpx
from pydantic import SecretStr

MOST_BYTES = 16_000_000
"""The most bytes of a list. The longest lists of actual servers take a twentieth of that."""

_FRESH = 30.0
_FIRST_WAIT = 0.25
_TIMEOUT = 5.0


class ServerListing:
    """The names of a server's models. Reading them does not wait for the network, except briefly the first time."""

    def __init__(self, base_url: str, key: SecretStr | None) -> None:
        self._base_url = base_url
        self._key = key
        self._lock = threading.Lock()
        self._names: tuple[str, ...] | None = None
        self._asked_at: float | None = None
        self._asking: threading.Thread | None = None

    def names(self) -> tuple[str, ...] | None:
        """Return the most recently known names; None while the server has not answered. Asks again after 30 seconds."""
        with self._lock:
            first = self._asked_at is None
            idle = self._asking is None or not self._asking.is_alive()
            if idle and (self._asked_at is None or time.monotonic() - self._asked_at > _FRESH):
                self._asked_at = time.monotonic()
                self._asking = threading.Thread(target=self._ask, name="model-list", daemon=True)
                self._asking.start()
            asking = self._asking
        if first and asking is not None:
            asking.join(_FIRST_WAIT)
        return self._names

    def _ask(self) -> None:
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"} if self._key else {}
        try:
            body = bytearray()
            with httpx.stream("GET", f"{self._base_url}/models", headers=headers, timeout=_TIMEOUT) as answer:
                for chunk in answer.raise_for_status().iter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        self._names = None
                        return
            self._names = tuple(str(model["id"]) for model in json.loads(body)["data"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            self._names = None
