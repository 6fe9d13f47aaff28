"""What the server sends to the page, observed in the browser."""

from __future__ import annotations

import time
from dataclasses import dataclass

from playwright.sync_api import Page, WebSocket
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to the page: its arrival time (s), its kind, its size in bytes."""

    at: float
    kind: str
    size: int


class Traffic:
    """Listens to the WebSocket over which Streamlit sends elements to a page."""

    def __init__(self, page: Page) -> None:
        self.frames: list[Frame] = []
        page.on("websocket", self._listen)

    def reset(self) -> None:
        """Discards what has arrived so far."""
        self.frames.clear()

    def totals(self) -> dict[str, float]:
        """Returns the messages, kilobytes and script runs since the last reset, and the longest and shortest run's
        duration."""
        runs, began = [], None
        for frame in self.frames:
            if frame.kind == "new_session":
                began = frame.at
            elif frame.kind == "script_finished" and began is not None:
                runs.append((frame.at - began) * 1000)
                began = None
        return {
            "messages": len(self.frames),
            "kilobytes": sum(frame.size for frame in self.frames) / 1000,
            "script runs": len(runs),
            "longest script run, ms": max(runs, default=0.0),
            "shortest script run, ms": min(runs, default=0.0),
        }

    def _listen(self, socket: WebSocket) -> None:
        if "_stcore/stream" in socket.url:
            socket.on("framereceived", self._take)

    def _take(self, payload: str | bytes) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        kind = ForwardMsg.FromString(data).WhichOneof("type") or "none"
        self.frames.append(Frame(time.perf_counter(), kind, len(data)))
