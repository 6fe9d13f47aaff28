"""Import and export in a browser: a history is imported with a report, a selection is exported as a file."""

import json
import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.test_looks import PHONE, assert_readable
from tests.browser.test_session_list import begin

EVENT = {"author": "user", "id": "e", "timestamp": 1.0, "content": {"role": "user", "parts": [{"text": "From afar"}]}}


@pytest.fixture
def data_page(app, visitors):
    """Opens the page in a separate browser."""

    def open_page(**options):
        visitor = visitors(app, **options)
        tab = visitor.tab()
        tab.page.goto(f"{app.url}/import_export")
        expect(tab.page.get_by_role("radiogroup", name="Format")).to_be_visible()
        return tab

    return open_page


def upload(page, *paths):
    page.locator('input[type="file"]').set_input_files(paths)
    page.get_by_role("button", name="Import" if len(paths) == 1 else f"Import {len(paths)} files", exact=True).click()


def test_the_import_report_survives_a_reload_and_leads_to_the_chats(data_page, app, tmp_path):
    page = data_page().page
    history = tmp_path / "afar.json"
    whole = {"id": "afar", "appName": "assistant", "userId": "user", "events": [EVENT]}
    history.write_text(json.dumps(whole), "utf-8")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(json.dumps({"session_id": "afar", "app_name": "..", "user_id": "user", "event": EVENT}), "utf-8")
    upload(page, history, damaged)
    expect(page.get_by_text("Imported 1 chat (1 event).")).to_be_visible()
    expect(page.get_by_text("conversation 'afar': the application's name")).to_be_visible()
    upload(page, history)
    expect(page.get_by_text("1 skipped")).to_be_visible()
    page.reload()
    page.get_by_text("1 skipped").click()
    expect(page.get_by_text("From afar: already here")).to_be_visible()
    page.goto(f"{app.url}/?session=afar")
    expect(page.get_by_test_id("stChatMessage").get_by_text("From afar")).to_be_visible()


def test_a_selection_can_be_exported_and_imported_again(chat, tmp_path):
    ids = [begin(chat, "First of two"), begin(chat, "Second of two")]
    chat.sidebar.get_by_role("button", name="Select several").click()
    for session_id in ids:
        chat.row(session_id).get_by_role("checkbox").check(force=True)
    chat.sidebar.get_by_role("button", name="Export", exact=True).click()
    dialog = chat.page.get_by_role("dialog")
    dialog.get_by_text("ZIP", exact=True).click()
    link = dialog.get_by_role("link", name="Download")
    expect(link).to_have_attribute("href", re.compile("format=zip"))
    with chat.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "conversations.zip"
    path = tmp_path / "conversations.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        sessions = [json.loads(archive.read(name)) for name in archive.namelist() if name.startswith("conversations/")]
    assert {session["id"] for session in sessions} == set(ids)


@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark", **PHONE}])
def test_all_text_is_readable(data_page, options):
    assert_readable(data_page(**options))
