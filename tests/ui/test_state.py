"""What one tab has open, whatever the browser's URL says meanwhile."""

import pytest
from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize(("opened", "sent"), [("one", None), ("one", "two"), (None, "one")])
def test_a_fragment_run_with_an_outdated_url_keeps_the_open_session(opened, sent):
    def script(sent):
        import streamlit as st

        from colloquy.ui import state

        state.begin_run()
        st.query_params.from_dict({"session": sent} if sent else {})  # as a fragment rerun may send it
        state.must_give_way(state.Part.LIST)
        st.text(f"{state.active_id()}, URL: {st.query_params.get('session')}")

    page = AppTest.from_function(script, args=(sent,))
    if opened:
        page.query_params["session"] = opened
    assert page.run().text[0].value == f"{opened}, URL: {opened}"


@pytest.mark.parametrize(("opened", "sent"), [("one", None), ("one", "two"), (None, "one")])
def test_a_page_redrawn_after_a_click_keeps_what_the_click_opened(opened, sent):
    """Requests that the browser sends between the click and the run have the URL from before."""

    def script(opened, sent):
        import streamlit as st

        from colloquy.ui import state

        state.begin_run()
        if not st.session_state.get("clicked"):
            st.session_state.update(clicked=True, open_session=opened)
            st.query_params.from_dict({"session": sent} if sent else {})
            state.rerun()
        st.text(f"{state.active_id()}, URL: {st.query_params.get('session')}")

    page = AppTest.from_function(script, args=(opened, sent)).run()
    assert page.text[0].value == f"{opened}, URL: {opened}"


def test_links_and_the_back_button_open_their_target():
    def script():
        import streamlit as st

        from colloquy.ui import state

        state.begin_run()
        if st.button("Draw") and not st.session_state.get("drawn"):
            st.session_state.drawn = True
            state.rerun()
        st.text(f"{state.active_id()}")

    page = AppTest.from_function(script)
    page.query_params["session"] = "one"
    page.run().button[0].click().run()
    page.query_params["session"] = "two"
    assert page.run().text[0].value == "two"
