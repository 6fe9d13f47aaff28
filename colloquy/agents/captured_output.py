"""Sends what some threads print to the log, without affecting other threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

Listener = Callable[[str], object]


class _Router:
    """A text stream that passes the lines of chosen threads to listeners. Code that holds it may keep writing to it."""

    def __init__(self, original: TextIO) -> None:
        self.original = original
        self.listeners: dict[int, Listener] = {}

    def write(self, text: str) -> int:
        thread = threading.get_ident()
        listener = self.listeners.get(thread)
        if listener is None or thread in _listening:  # a listener's own output, on either stream, is not passed to it
            return self.original.write(text)
        _listening.add(thread)
        try:
            for line in text.splitlines():
                if line.strip():
                    listener(line)
        finally:
            _listening.discard(thread)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.original, name)


@contextmanager
def printed_lines(listener: Listener) -> Iterator[None]:
    """Pass what this thread prints to ``listener``, line by line. Other threads print as usual."""
    routers = {name: _route(name, listener) for name in ("stdout", "stderr")}
    try:
        yield
    finally:
        for name, router in routers.items():
            _restore(name, router)


_lock = threading.Lock()
_listening: set[int] = set()


def _route(name: str, listener: Listener) -> _Router:
    with _lock:
        stream = getattr(sys, name)
        router = stream if isinstance(stream, _Router) else _Router(stream)
        router.listeners[threading.get_ident()] = listener
        setattr(sys, name, cast("TextIO", router))
        return router


def _restore(name: str, router: _Router) -> None:
    with _lock:
        del router.listeners[threading.get_ident()]
        if not router.listeners and getattr(sys, name) is router:
            setattr(sys, name, router.original)
