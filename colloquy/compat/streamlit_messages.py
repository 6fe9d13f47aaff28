"""Keeps messages and clicks that Streamlit would drop: after a restart of its server, and in quick succession.

Works with streamlit 1.67; worth reporting, and the tests tell when the fix is no longer needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import ChatInputValue
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
    _coalesce_widget_states,
)

Taken = TypeVar("Taken", bound=ScriptRequest | None)
LOST_FILES = "lost_files"
"""Key in the session's state: the files of the incoming message are gone."""

_later: WeakKeyDictionary[ScriptRequests, deque[RerunData]] = WeakKeyDictionary()
"""Runs with a message that are queued behind the waiting ones, by the request queue of their page."""


def keep_messages_of_open_pages() -> None:
    """Lets a message reach a server that has not drawn its page yet.

    A page that was open while the server restarted sends its message as a rerun of one fragment. Until the first run of
    the whole page reaches that fragment, the server does not know it, and Streamlit ignores the request, including its
    text (``AppSession.request_rerun``). Such a request becomes a run of the whole page.
    """
    request_rerun = AppSession.request_rerun

    @wraps(request_rerun)
    def request_rerun_or_run(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and _messages(client_state.widget_states) and not self.has_fragment(client_state.fragment_id):
            client_state.fragment_id = ""
        if client_state and _lacks_files(self, client_state):
            self.session_state[LOST_FILES] = True
        request_rerun(self, client_state)

    AppSession.request_rerun = request_rerun_or_run  # type: ignore[method-assign]


def keep_every_message() -> None:
    """Delivers each of several messages sent in quick succession, in order.

    While a page is being drawn, Streamlit merges incoming requests into one, which holds only one message of an input:
    the newer one replaces the older (``ScriptRequests``). Here the newer one waits for a run of its own.
    """
    fold = ScriptRequests._request_rerun_locked  # both entry points call it
    if hasattr(fold, "__wrapped__"):
        return

    @wraps(fold)
    def fold_or_wait(self: ScriptRequests, new_data: RerunData) -> bool:
        later = _later.setdefault(self, deque())
        if _messages(new_data.widget_states) and (later or _has_message_before(self)):
            later.append(new_data)
            return True
        return fold(self, new_data)

    def with_the_next(take: Callable[[ScriptRequests], Taken]) -> Callable[[ScriptRequests], Taken]:
        @wraps(take)
        def take_and_request_the_next(self: ScriptRequests) -> Taken:
            taken = take(self)
            if isinstance(taken, ScriptRequest) and taken.type is ScriptRequestType.RERUN:
                with self._lock:
                    if later := _later.get(self):
                        fold(self, later.popleft())
            return taken

        return take_and_request_the_next

    ScriptRequests._request_rerun_locked = fold_or_wait  # type: ignore[method-assign]
    ScriptRequests.on_scriptrunner_ready = with_the_next(ScriptRequests.on_scriptrunner_ready)  # type: ignore[method-assign, assignment]
    ScriptRequests.on_scriptrunner_yield = with_the_next(ScriptRequests.on_scriptrunner_yield)  # type: ignore[method-assign, assignment]
    _keep_what_waits()


def _keep_what_waits() -> None:
    """Lets a run of the whole page include the requests that waited for a fragment to be drawn.

    Such a run aborts the current one (``AppSession.request_rerun``), and a message or click that waited for it to end
    would be lost.
    """
    request_rerun = AppSession.request_rerun

    @wraps(request_rerun)
    def request_rerun_with_what_waits(self: AppSession, client_state: ClientState | None) -> None:
        runner = self._scriptrunner
        waiting = _taken_out(runner._requests) if runner and client_state and not client_state.fragment_id else []
        if not waiting or client_state is None:
            return request_rerun(self, client_state)
        first, *later = waiting
        if _messages(first.widget_states) and _messages(client_state.widget_states):
            later.append(replace(first, fragment_id_queue=[], widget_states=_copied(client_state.widget_states)))
            client_state.widget_states.CopyFrom(first.widget_states or WidgetStates())
        elif together := _coalesce_widget_states(first.widget_states, client_state.widget_states):
            client_state.widget_states.CopyFrom(together)
        request_rerun(self, client_state)
        for data in later:
            if self._scriptrunner:
                self._scriptrunner.request_rerun(data)
        return None

    AppSession.request_rerun = request_rerun_with_what_waits  # type: ignore[method-assign]


def _has_message_before(requests: ScriptRequests) -> bool:
    """Returns whether the next run already has a message."""
    return requests._state is ScriptRequestType.RERUN and bool(_messages(requests._rerun_data.widget_states))


def _taken_out(requests: ScriptRequests) -> list[RerunData]:
    """Removes and returns the runs that were requested and have not started; the caller must run them."""
    with requests._lock:  # the drawing thread shares the queue
        waiting = [requests._rerun_data] if requests._state is ScriptRequestType.RERUN else []
        if waiting:
            requests._state = ScriptRequestType.CONTINUE
        waiting += _later.pop(requests, ())
        return waiting


def _copied(states: WidgetStates) -> WidgetStates:
    copy = WidgetStates()
    copy.CopyFrom(states)
    return copy


def _messages(states: WidgetStates | None) -> list[ChatInputValue]:
    """Returns the messages in a request."""
    widgets = states.widgets if states else ()
    return [
        widget.chat_input_value
        for widget in widgets
        if widget.WhichOneof("value") == "chat_input_value" and widget.chat_input_value.ListFields()
    ]


def _lacks_files(session: AppSession, client_state: ClientState) -> bool:
    """Returns whether a message refers to files that this server does not have."""
    ids = [
        file.file_id
        for message in _messages(client_state.widget_states)
        for file in message.file_uploader_state.uploaded_file_info
    ]
    files = session._uploaded_file_mgr.get_files(session.id, ids) if ids else []  # Streamlit's own lookup
    return len(files) < len(ids)
