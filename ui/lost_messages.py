"""Messages that Streamlit would drop when its server has just started again."""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import ChatInputValue
from streamlit.runtime.app_session import AppSession

LOST_FILES = "lost_files"
"""Key in the session's state: the message that comes had files that are gone."""


def keep_messages_of_open_pages() -> None:
    """Have a message reach a server that has not drawn its page yet.

    A page that was open while the server started again sends its message as a rerun of one fragment. Until the first
    run of the whole page has come to that fragment, the server does not know it, and Streamlit ignores the request,
    with the text in it (``AppSession.request_rerun``). Such a request becomes a run of the whole page.
    """
    request_rerun = AppSession.request_rerun

    @wraps(request_rerun)
    def request_rerun_or_run(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and _has_message(client_state) and not self.has_fragment(client_state.fragment_id):
            client_state.fragment_id = ""
        if client_state and _lacks_files(self, client_state):
            self.session_state[LOST_FILES] = True
        request_rerun(self, client_state)

    AppSession.request_rerun = request_rerun_or_run  # type: ignore[method-assign]


def _has_message(client_state: ClientState) -> bool:
    return bool(_messages(client_state))


def _messages(client_state: ClientState) -> list[ChatInputValue]:
    widgets = client_state.widget_states.widgets
    return [widget.chat_input_value for widget in widgets if widget.WhichOneof("value") == "chat_input_value"]


def _lacks_files(session: AppSession, client_state: ClientState) -> bool:
    """Whether a message names files that this server does not have."""
    ids = [
        file.file_id for message in _messages(client_state) for file in message.file_uploader_state.uploaded_file_info
    ]
    files = session._uploaded_file_mgr.get_files(session.id, ids) if ids else []  # noqa: SLF001 - Streamlit's own look-up
    return len(files) < len(ids)
