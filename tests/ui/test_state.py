"""What one tab has open, whatever the browser's URL says meanwhile."""

import pytest
from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize(("opened", "sent"), [("one", None), ("one", "two"), (None, "one")])
def test_a_fragment_that_is_asked_for_with_the_url_from_before_a_click_keeps_the_open_session(opened, sent):
    def script(sent):
        import streamlit as st

        from ui import state

        state.begin_run()
        st.query_params.from_dict({"session": sent} if sent else {})  # as the rerun of a fragment may bring it
        state.must_give_way(state.Part.LIST)
        st.text(f"{state.active_id()}, URL: {st.query_params.get('session')}")

    page = AppTest.from_function(script, args=(sent,))
    if opened:
        page.query_params["session"] = opened
    assert page.run().text[0].value == f"{opened}, URL: {opened}"
