"""The whole history is downloaded from a page and read by another process, while a chat streams."""

import json
import subprocess
import sys

from playwright.sync_api import expect

ENDLESS = "count 100000 every 300 ms"
LOOK = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    texts = connection.sql("select text from history.messages where role = 'user'").df()["text"].tolist()
    statuses = connection.sql("select status from history.turns").df()["status"].tolist()
print(json.dumps([texts, statuses]))
"""


def words(chat):
    """The number of words in the answer so far."""
    return len(chat.texts.last.text_content().split())


def test_another_process_reads_a_snapshot_while_a_chat_streams(own_app, visitors, tmp_path):
    visitor = visitors(own_app.start())
    chat = visitor.tab().open()
    chat.begin(ENDLESS)
    chat.wait_for_words(2)

    page = visitor.tab().page
    page.goto(f"{own_app.url}/analytics")
    page.get_by_role("button", name="Snapshot").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_text("Exported 1 chat (")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="history-").click()
    taken = tmp_path / "taken.duckdb"
    download.value.save_as(taken)

    said = words(chat)
    done = subprocess.run([sys.executable, "-c", LOOK, str(taken)], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == [[ENDLESS], ["running"]], done.stderr
    chat.wait_for_words(said + 2)
    chat.stop.click()
    expect(chat.stop).to_have_count(0)

    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("link", name="history-")).to_have_count(0)
    assert not list((own_app.data_dir / "snapshots").iterdir())
