"""A dialog stays open until the user closes it or leaves its page."""

from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from colloquy.ui import dialogs, state

    @st.dialog("Question", on_dismiss=dialogs.close)
    def ask(what):
        st.markdown(f"Really {what}?")
        if st.button("No", key="no", on_click=dialogs.close):
            state.rerun()

    state.begin_run(st.session_state.get("goes_to", state.HISTORY))
    st.button("Ask", key="ask", on_click=dialogs.show, args=(ask, "everything"))
    dialogs.draw_open_dialog()


def opened():
    tab = AppTest.from_function(page).run()
    assert not asks(tab)
    tab.button(key="ask").click().run()
    assert asks(tab)
    return tab


def asks(tab):
    return "Really everything?" in [text.value for text in tab.markdown]


def test_a_dialog_stays_open_while_the_page_is_redrawn():
    tab = opened()
    assert asks(tab.run())
    assert asks(tab.run())


def test_an_answer_closes_the_dialog():
    tab = opened()
    tab.button(key="no").click().run()
    assert not asks(tab.run())


def test_leaving_the_page_closes_the_dialog():
    tab = opened()
    tab.session_state["goes_to"] = "analytics"
    assert not asks(tab.run())
    tab.session_state["goes_to"] = "history"
    assert not asks(tab.run())
