"""What goes to the terminal."""

from __future__ import annotations

import logging

import structlog


def configure_logs() -> None:
    """Log readable lines, without the values of variables: they may be what somebody said, or a key."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    # ADK logs each failed call with its whole traceback; a failed turn is reported once, by the runtime.
    logging.getLogger("google_adk").setLevel(logging.CRITICAL)
