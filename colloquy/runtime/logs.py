"""Configures what goes to the terminal."""

from __future__ import annotations

import logging
import traceback
from typing import TextIO

import structlog
from structlog.typing import ExcInfo

from session_store.phrases import beginning_of

LONGEST_ERROR = 8_000
LONGEST_TRACEBACK = 40_000
"""Characters. An error may carry all the data that it is about."""


def configure_logs() -> None:
    """Log readable lines, without the values of variables, which may contain messages or keys."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(exception_formatter=short_traceback),
        ]
    )
    # ADK logs each failed call with its whole traceback; the runtime reports a failed turn once.
    logging.getLogger("google_adk").setLevel(logging.CRITICAL)


def short_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback with very long errors cut."""
    lines = traceback.TracebackException(*exc_info).format()
    written = "".join(beginning_of(line.rstrip("\n"), LONGEST_ERROR) + "\n" for line in lines)
    out.write("\n" + beginning_of(written.rstrip("\n"), LONGEST_TRACEBACK))
