"""Messages that Streamlit would drop when its server has just started again."""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession


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
        request_rerun(self, client_state)

    AppSession.request_rerun = request_rerun_or_run  # type: ignore[method-assign]


def _has_message(client_state: ClientState) -> bool:
    return any(widget.WhichOneof("value") == "chat_input_value" for widget in client_state.widget_states.widgets)
