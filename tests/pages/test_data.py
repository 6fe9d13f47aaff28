"""The page for import and export."""

import io
import json

import pytest
from streamlit.testing.v1 import AppTest

from session_store.exchange import Wishes
from session_store.models import SessionKey
from tests.pages.conftest import choose
from tests.session_store.exchange.foreign_chats import answered, asked, webui_chat
from tests.support.applications import finish, new_session

EVENT = {"author": "user", "id": "e", "timestamp": 1.0, "content": {"role": "user", "parts": [{"text": "Hello"}]}}


@pytest.fixture
def data_page(application):
    def open_page():
        page = AppTest.from_string(SCRIPT, default_timeout=20)
        page.run()
        assert not page.exception
        assert page.title[0].value == "Import and export"
        return page

    return open_page


SCRIPT = """
import runpy
from pathlib import Path
from colloquy.ui import dialogs, state
state.begin_run(state.DATA)
state.show_notice()
import pages
runpy.run_path(str(Path(pages.__file__).parent / "import_export.py"))
dialogs.draw_open_dialog()
"""


def uploaded(application, sessions, name="chats.json", **wishes):
    path = application.imports.receive(name, io.BytesIO(json.dumps(sessions).encode()))
    return application.imports.wait(application.imports.begin_file(path, Wishes(adopt="local", **wishes)).id)


def session(session_id, **fields):
    return {"id": session_id, "appName": "assistant", "userId": "user", "events": [EVENT], **fields}


def texts(elements):
    return " ".join(element.value for element in elements)


def untouched(application, *keys):
    def work(transaction):
        for key in keys:
            transaction.execute(
                "update sessions set created_at = 1, updated_at = 1, seen_at = 1 where id = $1", [key.session_id]
            )

    application.store.log.writer.submit(work).result()


class TestImport:
    def test_the_report_is_also_shown_to_later_visitors(self, application, data_page):
        uploaded(application, [session("one"), session("two")])
        uploaded(application, [session("one")])
        page = data_page()
        assert r"Imported 2 chats \(2 events\)." in texts(page.success)
        assert "Nothing new was imported." in texts(page.info)
        assert "Hello\\: already here" in texts(page.markdown)

    def test_reports_content_that_was_left_out(self, application, data_page):
        uploaded(application, [webui_chat(asked(), answered(followUps=["More?"], **{"*odd* $x": 1}))])
        assert "- Left out: `*odd* $x` (1), `followUps` (1)." in texts(data_page().caption)

    def test_collapses_long_reports(self, application, data_page):
        uploaded(application, [webui_chat(asked(), answered(**{f"field {number}": 1 for number in range(40)}))])
        [folded] = data_page().main.expander[-1:]
        assert folded.label == "Left out or changed: 40 kinds of things"
        assert "`field 39` (1)" in texts(folded.markdown)

    def test_a_failed_import_names_the_place_and_can_be_dismissed(self, application, data_page):
        failed = uploaded(application, {"session_id": "one", "app_name": "..", "user_id": "user", "event": EVENT})
        page = data_page()
        [error] = page.error
        assert error.value.startswith("chats.json was not imported, because 1 place in it is damaged.")
        assert "conversation 'one'" in error.value.replace("\\", "")
        page.button(key=f"dismiss-{failed.id}").click().run()
        assert not page.error
        assert application.imports.all() == []

    def test_names_are_never_rendered_as_markdown(self, application, data_page):
        uploaded(application, [session("one", events=[{**EVENT, "id": ""}])], name="**bold** [x](http:y).json")
        assert "**bold**" not in texts(data_page().markdown).replace("\\", "§")

    def test_a_database_is_imported_by_url_without_storing_the_url(self, application, data_page):
        page = data_page()
        page.text_input(key="import-url").set_value("postgresql://ana:s3cret@127.0.0.1:1/adk")
        page.button(key="import-database").click().run()
        [known] = application.imports.all()
        application.imports.wait(known.id)
        page.run()
        assert "cannot be read" in texts(page.error)
        assert "s3cret" not in texts(page.error) + texts(page.markdown)
        assert page.text_input(key="import-url").value == ""


class TestExport:
    def test_all_chats_are_offered_in_the_chosen_format_with_counts_by_user(self, application, data_page):
        assert links(data_page()) == []
        application.set_saved([new_session(application), new_session(application)][:1], True)
        application.store.sessions.create(SessionKey("assistant", "someone *else*", "theirs"))
        page = data_page()
        assert links(page) == ["./api/v1/exports/file?format=zip&amp;everyone=true"]
        assert r"**3 chats**: 2 of local, 1 of someone \*else\*" in texts(page.markdown)
        page.radio(key="export-all-format").set_value("markdown")
        page.checkbox(key="export-saved").check().run()
        assert links(page) == ["./api/v1/exports/file?format=markdown&amp;everyone=true&amp;saved=true"]
        assert "**1 chat** of local" in texts(page.markdown)
        page.selectbox(key="export-user").set_value("someone *else*").run()
        assert links(page) == []
        page.checkbox(key="export-saved").uncheck().run()
        assert links(page) == ["./api/v1/exports/file?format=markdown&amp;user=someone+%2Aelse%2A"]

    def test_one_chat_is_exported_from_its_menu(self, application, page):
        key = new_session(application)
        finish(application, application.turns.submit(key, "Hello"))
        shown = choose(page(key.session_id), f"menu-{key.session_id}", "Export…")
        assert f"./api/v1/conversations/{key.session_id}/export?format=markdown" in links(shown)
        assert "JSON for adk web" in shown.radio(key="export-format").options

    def test_several_chats_are_exported_from_the_selection(self, application, page):
        keys = [new_session(application) for _ in range(2)]
        shown = page()
        shown.sidebar.button(key="select").click().run()
        for key in keys:
            shown.sidebar.checkbox(key=f"pick-{key.session_id}").check()
        shown.run()
        shown.sidebar.button(key="export-picked").click().run()
        [link] = [link for link in links(shown) if "exports" in link]
        assert all(f"id={key.session_id}" in link for key in keys)
        assert "JSON for adk web" not in shown.radio(key="export-format").options


class TestRetention:
    def test_retention_previews_confirms_removes_and_restores(self, application, data_page):
        old, saved, new = new_session(application), new_session(application), new_session(application)
        application.rename_session(old, "Last year's *plan*")
        application.set_saved([saved], saved=True)
        untouched(application, old, saved)
        page = data_page()
        assert "1 chat will be removed" in texts(page.markdown)
        assert "Last year's \\*plan\\*" in texts(page.markdown)
        page.button(key="remove").click().run()
        assert application.store.sessions.get(old.session_id) is not None
        page.button(key="confirm-remove").click().run()
        assert [key for key in (old, saved, new) if application.store.sessions.get(key.session_id)] == [saved, new]
        assert "No chats will be removed." in texts(page.markdown)
        page.button(key="undo-remove").click().run()
        assert application.store.sessions.get(old.session_id) is not None

    def test_the_page_says_whether_retention_runs_automatically(self, data_page):
        assert "COLLOQUY_RETENTION_DAYS is 0" in texts(data_page().caption)


def links(page):
    found = [element.proto.body for element in page.get("html") if 'class="download"' in element.proto.body]
    return [body.partition('href="')[2].partition('"')[0] for body in found]
