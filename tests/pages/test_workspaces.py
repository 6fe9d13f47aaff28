"""Workspaces: the choice in the sidebar, what a new chat offers in each, and the page to manage them."""

import sqlite3

import pytest

from session_store.models import GENERAL, SAMPLE_SHOP
from tests.pages.conftest import choose, said_in
from tests.support.applications import finish, until

ALL = "all"


@pytest.fixture
def manage(open_page):
    """The page to manage workspaces, with one of them chosen."""

    def open_manager(workspace=GENERAL):
        page = open_page(workspace=workspace)
        page.sidebar.button(key="manage-workspaces").click().run()
        assert not page.exception
        assert page.title[0].value == "Workspaces"
        return page

    return open_manager


@pytest.fixture
def shop_file(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table orders (id integer, total real)")
        connection.execute("insert into orders values (1, 9.5)")
    connection.close()
    return path


def begin(application, text, workspace=GENERAL, agent="assistant"):
    key = application.create_session(agent_id=agent, model="scripted/one", workspace_id=workspace).key
    finish(application, application.turns.submit(key, text))
    return key


def listed(page):
    return [button.label for button in page.sidebar.button if (button.key or "").startswith("open-")]


def menu(page):
    return next(menu for menu in page.sidebar.get("menu_button") if menu.key == "workspace-menu")


def chosen(page):
    return menu(page).label.split(maxsplit=1)[1]


def offered(page):
    return " ".join(page.main.get("button_group")[0].options)


def preselected(page):
    return page.main.get("button_group")[0].value


def buttons(page):
    return [button.label for button in page.main.button]


def nodes(page):
    """The tree on the page to manage workspaces, with the text at the end of each row."""
    names = [button.label for button in page.main.button if (button.key or "").startswith("open-workspace-")]
    counts = [caption.value for caption in page.main.caption if caption.value.endswith(("chat", "chats"))]
    return list(zip(names, counts, strict=True))


def place(kind):
    return "url" if kind == "postgres" else "path"


def until_tested(page):
    """Run the page until the test of a connection is over."""
    for _ in range(1000):
        if "Testing" not in " ".join(info.value for info in page.main.info):
            return page
        page.run()
    raise AssertionError("the test of the connection does not end")


class TestChoice:
    def test_general_and_the_sample_shop_exist_from_the_start(self, open_page):
        page = open_page()
        assert chosen(page) == "General"
        assert [option.replace("*", "") for option in menu(page).options] == [
            ":material/stacks: All workspaces",
            ":material/folder: General",
            ":material/database: Sample shop",
        ]

    def test_nested_workspaces_are_indented(self, application, open_page):
        sales = application.workspaces.create("Sales")
        application.workspaces.create("North", sales.id)
        assert "\u2003:material/folder: North" in menu(open_page()).options

    def test_workspaces_with_the_same_name_can_be_distinguished(self, application, open_page):
        first, second = application.workspaces.create("Twin"), application.workspaces.create("Twin")
        begin(application, "in the first", first.id)
        begin(application, "in the second", second.id)
        page = open_page()
        twins = [option for option in menu(page).options if "Twin" in option]
        seen = [listed(choose(page, "workspace-menu", twin)) for twin in sorted(twins, key=len, reverse=True)]
        assert sorted(seen) == [["in the first"], ["in the second"]]

    def test_choosing_a_workspace_lists_its_sessions(self, application, open_page):
        sales = application.workspaces.create("Sales")
        begin(application, "general")
        begin(application, "about sales", sales.id)
        page = open_page()
        assert listed(page) == ["general"]
        choose(page, "workspace-menu", "Sales")
        assert (chosen(page), listed(page)) == ("Sales", ["about sales"])
        choose(page, "workspace-menu", "All workspaces")
        assert listed(page) == ["about sales", "general"]
        choose(page, "workspace-menu", "General")
        assert listed(page) == ["general"]

    def test_an_empty_workspace_explains_its_purpose(self, open_page):
        page = open_page(workspace=SAMPLE_SHOP)
        assert "Your chats in Sample shop appear here." in [caption.value for caption in page.sidebar.caption]

    def test_the_url_keeps_the_choice(self, application, open_page):
        page = open_page()
        choose(page, "workspace-menu", "Sample shop")
        assert page.query_params["workspace"] == SAMPLE_SHOP
        assert chosen(open_page(workspace=SAMPLE_SHOP)) == "Sample shop"
        choose(page, "workspace-menu", "General")
        assert "workspace" not in page.query_params

    def test_a_session_opened_by_url_selects_its_workspace(self, application, open_page):
        sales = application.workspaces.create("Sales")
        key = begin(application, "about sales", sales.id)
        page = open_page(session=key.session_id)
        assert (chosen(page), listed(page)) == ("Sales", ["about sales"])
        page.sidebar.button(key="new-chat").click().run()
        assert (chosen(page), listed(page)) == ("Sales", ["about sales"])
        assert page.query_params["workspace"] == sales.id

    def test_opening_a_session_from_the_list_of_all_workspaces_keeps_the_list(self, application, open_page):
        sales = application.workspaces.create("Sales")
        begin(application, "general")
        key = begin(application, "about sales", sales.id)
        page = open_page(workspace=ALL)
        page.sidebar.button(key=f"open-{key.session_id}").click().run()
        assert said_in(page.chat_message[0]) == "about sales"
        assert listed(page) == ["about sales", "general"]
        assert listed(open_page(session=key.session_id, workspace=ALL)) == ["about sales", "general"]

    def test_choosing_another_workspace_closes_the_open_session(self, application, open_page):
        key = begin(application, "general")
        page = open_page(session=key.session_id)
        choose(page, "workspace-menu", "Sample shop")
        assert not page.chat_message
        assert "session" not in page.query_params

    def test_choosing_the_workspace_of_the_open_session_keeps_it_open(self, application, open_page):
        key = begin(application, "general")
        page = open_page(session=key.session_id)
        for choice in ("All workspaces", "General"):
            choose(page, "workspace-menu", choice)
            assert page.query_params["session"] == key.session_id

    def test_a_deleted_workspace_is_replaced_by_general(self, open_page):
        assert chosen(open_page(workspace="gone")) == "General"

    def test_deleting_the_open_session_stays_in_its_workspace(self, application, open_page):
        sales = application.workspaces.create("Sales")
        key = begin(application, "about sales", sales.id)
        page = open_page(session=key.session_id)
        choose(page, f"menu-{key.session_id}", "Delete")
        assert (chosen(page), listed(page)) == ("Sales", [])


class TestNewChat:
    def test_a_new_chat_starts_in_the_chosen_workspace(self, application, open_page):
        sales = application.workspaces.create("Sales")
        page = open_page(workspace=sales.id)
        page.chat_input[0].set_value("hello").run()
        [session] = application.store.sessions.list("local").items
        assert session.workspace_id == sales.id
        assert chosen(page.run()) == "Sales"

    def test_a_new_chat_starts_in_general_if_all_workspaces_are_listed(self, application, open_page):
        page = open_page(workspace=ALL)
        page.chat_input[0].set_value("hello").run()
        assert [session.workspace_id for session in application.store.sessions.list("local").items] == [GENERAL]

    def test_with_data_the_data_analyst_is_preselected_and_the_connection_named(self, open_page):
        page = open_page(workspace=SAMPLE_SHOP)
        assert preselected(page) == "data_analyst"
        assert "Revenue by month" in buttons(page)
        lines = [caption.value for caption in page.main.caption]
        assert any("Sample shop" in line and "read-only" in line for line in lines)

    def test_without_data_agents_for_data_are_not_offered(self, open_page):
        page = open_page()
        assert "Data analyst" not in offered(page)
        assert preselected(page) == "assistant"

    def test_the_agent_chosen_in_a_workspace_applies_to_its_new_chats_only(self, application, open_page):
        page = open_page(workspace=SAMPLE_SHOP)
        page.main.get("button_group")[0].set_value("specialist").run()
        choose(page, "workspace-menu", "General")
        assert preselected(page) == "assistant"
        choose(page, "workspace-menu", "Sample shop")
        page.chat_input[0].set_value("hello").run()
        [session] = application.store.sessions.list("local").items
        assert session.key.app_name == "specialist"

    def test_a_suggestion_about_the_shop_works_without_a_model(self, application, open_page):
        page = open_page(workspace=SAMPLE_SHOP)
        next(button for button in page.main.button if button.label == "Revenue by month").click().run()
        [session] = application.store.sessions.list("local", workspace_id=SAMPLE_SHOP).items
        until(application, lambda: not application.turns.live(session.key))
        assert application.store.results.list(session.key).items

    def test_suggestions_about_the_shop_are_not_offered_for_other_data(self, application, open_page, shop_file):
        application.workspaces.set_connection(GENERAL, "sqlite", str(shop_file))
        assert preselected(open_page()) == "data_analyst"
        assert "Revenue by month" not in buttons(open_page())
        assert any("Which tables" in button for button in buttons(open_page()))

    def test_a_link_to_the_sample_shop_is_shown_until_it_was_used(self, application, open_page):
        page = open_page()
        page.button(key="ask-sample-shop").click().run()
        assert chosen(page) == "Sample shop"
        begin(application, "hello", SAMPLE_SHOP)
        assert "ask-sample-shop" not in [button.key for button in open_page().button]


class TestMovingSessions:
    def test_a_session_can_be_moved_from_its_menu(self, application, open_page):
        sales = application.workspaces.create("Sales")
        key = begin(application, "hello")
        page = open_page()
        choose(page, f"menu-{key.session_id}", "Move to…")
        page.selectbox(key="move-target").set_value(sales.id)
        page.button(key="confirm-move").click().run()
        assert listed(page) == []
        assert application.store.sessions.get(key.session_id).workspace_id == sales.id

    def test_the_list_follows_the_open_session(self, application, open_page):
        sales = application.workspaces.create("Sales")
        key = begin(application, "hello")
        page = open_page(session=key.session_id)
        choose(page, f"menu-{key.session_id}", "Move to…")
        page.selectbox(key="move-target").set_value(sales.id)
        page.button(key="confirm-move").click().run()
        assert (chosen(page), listed(page)) == ("Sales", ["hello"])
        assert said_in(page.chat_message[0]) == "hello"

    def test_several_sessions_can_be_moved_at_once(self, application, open_page):
        sales = application.workspaces.create("Sales")
        keys = [begin(application, text) for text in ("a", "b", "c")]
        page = open_page()
        page.sidebar.button(key="select").click().run()
        for key in keys[:2]:
            page.sidebar.checkbox(key=f"pick-{key.session_id}").check().run()
        page.sidebar.button(key="move-picked").click().run()
        page.selectbox(key="move-target").set_value(sales.id)
        page.button(key="confirm-move").click().run()
        assert listed(page) == ["c"]
        assert len(application.store.sessions.list("local", workspace_id=sales.id).items) == 2


class TestManager:
    def test_the_tree_shows_the_number_of_chats(self, application, manage):
        sales = application.workspaces.create("Sales")
        application.workspaces.create("North", sales.id)
        begin(application, "a", sales.id)
        begin(application, "b")
        begin(application, "c")
        assert nodes(manage()) == [
            ("General", "2 chats"),
            ("Sales", "1 chat"),
            ("North", "0 chats"),
            ("Sample shop", "0 chats"),
        ]

    def test_a_workspace_can_be_added_inside_another_and_is_then_chosen(self, application, manage):
        sales = application.workspaces.create("Sales")
        page = manage(sales.id)
        page.button(key="add-workspace").click().run()
        page.text_input(key="new-workspace-name").set_value("North")
        page.button(key="confirm-add").click().run()
        [north] = [workspace for workspace in application.store.workspaces.list() if workspace.name == "North"]
        assert north.parent_id == sales.id
        assert chosen(page) == "North"
        assert "new-workspace-name" not in [field.key for field in page.text_input]

    def test_a_blank_name_is_refused_beside_its_field(self, application, manage):
        page = manage()
        page.button(key="add-workspace").click().run()
        page.button(key="confirm-add").click().run()
        assert page.error
        assert len(application.store.workspaces.list()) == 2

    def test_a_workspace_can_be_renamed_in_place(self, application, manage):
        page = manage(SAMPLE_SHOP)
        page.text_input(key=f"workspace-name-{SAMPLE_SHOP}").set_value("Toy *shop*").run()
        assert application.store.workspaces.get(SAMPLE_SHOP).name == "Toy *shop*"
        assert chosen(page) == r"Toy \*shop\*"

    def test_a_blank_new_name_is_refused_and_the_old_one_restored(self, application, manage):
        page = manage(SAMPLE_SHOP)
        page.text_input(key=f"workspace-name-{SAMPLE_SHOP}").set_value("  ").run()
        assert page.toast
        assert page.text_input(key=f"workspace-name-{SAMPLE_SHOP}").value == "Sample shop"

    def test_a_workspace_can_be_moved_but_not_into_itself(self, application, manage):
        sales = application.workspaces.create("Sales")
        north = application.workspaces.create("North", sales.id)
        inside = manage(sales.id).selectbox(key=f"workspace-parent-{sales.id}")
        assert inside.options == ["None (top level)", "General", "Sample shop"]
        page = manage(north.id)
        page.selectbox(key=f"workspace-parent-{north.id}").set_value(SAMPLE_SHOP).run()
        assert application.store.workspaces.get(north.id).parent_id == SAMPLE_SHOP

    def test_deleting_needs_confirmation_and_lists_what_is_deleted(self, application, manage):
        sales = application.workspaces.create("Sales")
        north = application.workspaces.create("North", sales.id)
        keys = [begin(application, "a", sales.id), begin(application, "b", north.id)]
        page = manage(sales.id)
        page.button(key="delete-workspace").click().run()
        [question] = [text.value for text in page.markdown if text.value.startswith("Delete")]
        assert "“Sales”, 1 workspace inside it and 2 chats" in question
        page.button(key="cancel-delete-workspace").click().run()
        assert application.store.workspaces.get(sales.id)
        page.button(key="delete-workspace").click().run()
        page.button(key="confirm-delete-workspace").click().run()
        assert nodes(page) == [("General", "0 chats"), ("Sample shop", "0 chats")]
        assert not any(application.store.sessions.get(key.session_id) for key in keys)
        assert chosen(page) == "General"

    def test_general_cannot_be_deleted_or_moved(self, manage):
        page = manage()
        assert "delete-workspace" not in [button.key for button in page.button]
        assert not [box for box in page.main.selectbox if box.label == "Parent"]

    def test_chats_of_a_workspace_are_one_click_away(self, application, manage):
        key = begin(application, "hello")
        page = manage()
        page.sidebar.button(key=f"open-{key.session_id}").click().run()
        assert said_in(page.chat_message[0]) == "hello"
        page.sidebar.button(key="manage-workspaces").click().run()
        page.button(key="back").click().run()
        assert said_in(page.chat_message[0]) == "hello"
        page.sidebar.button(key="manage-workspaces").click().run()
        page.sidebar.button(key="new-chat").click().run()
        assert page.chat_input
        assert not page.chat_message


class TestConnection:
    def fill(self, page, workspace, kind, address, *, password=None):
        page.selectbox(key=f"kind-{workspace}").set_value(kind).run()
        page.text_input(key=f"address-{workspace}-{place(kind)}").set_value(str(address))
        if password:
            page.text_input(key=f"password-{workspace}").set_value(password)
        return page

    def test_each_kind_shows_an_example_address(self, manage):
        page = manage()
        examples = []
        for kind in ("duckdb", "sqlite", "folder", "postgres"):
            page.selectbox(key=f"kind-{GENERAL}").set_value(kind).run()
            examples.append(page.text_input(key=f"address-{GENERAL}-{place(kind)}").placeholder)
        assert len(set(examples)) == 4
        assert examples[-1].startswith("postgresql://")

    def test_connecting_data_reports_what_was_found(self, application, manage, shop_file):
        page = self.fill(manage(), GENERAL, "sqlite", shop_file)
        page.button(key="connect").click().run()
        assert "1 table" in until_tested(page).run().success[0].value
        assert application.store.workspaces.get(GENERAL).connection.address == str(shop_file)
        assert str(shop_file) in [code.value for code in page.code]
        page.sidebar.button(key="new-chat").click().run()
        assert preselected(page) == "data_analyst"

    def test_an_address_can_be_tested_without_saving_it(self, application, manage, shop_file, tmp_path):
        page = self.fill(manage(), GENERAL, "sqlite", shop_file)
        page.button(key="try-connection").click().run()
        assert "1 table" in until_tested(page).success[0].value
        page.text_input(key=f"address-{GENERAL}-path").set_value(str(tmp_path / "none.db"))
        page.button(key="try-connection").click().run()
        assert "There is no file" in until_tested(page).error[0].value
        assert application.store.workspaces.get(GENERAL).connection is None

    def test_a_broken_connection_shows_the_reason(self, application, manage, shop_file):
        application.workspaces.set_connection(GENERAL, "sqlite", str(shop_file), "")
        shop_file.unlink()
        page = manage()
        page.button(key="test-connection").click().run()
        assert "There is no file" in until_tested(page).error[0].value

    def test_a_failing_connection_is_saved_only_on_request(self, application, manage, tmp_path):
        page = self.fill(manage(), GENERAL, "sqlite", tmp_path / "none.db")
        page.button(key="connect").click().run()
        assert "There is no file" in until_tested(page).error[0].value
        assert application.store.workspaces.get(GENERAL).connection is None
        page.button(key="save-anyway").click().run()
        assert application.store.workspaces.get(GENERAL).connection.address == str(tmp_path / "none.db")

    def test_missing_data_is_reported_where_it_is_used(self, application, manage, open_page, shop_file):
        application.workspaces.set_connection(GENERAL, "sqlite", str(shop_file), "")
        key = begin(application, "hello")
        assert not open_page(session=key.session_id).warning
        shop_file.unlink()
        for page in (open_page(session=key.session_id), open_page(), manage()):
            assert str(shop_file) in page.main.warning[0].value.replace("\\", "")
            assert ":material/warning: General" in menu(page).options

    def test_an_invalid_address_explains_the_expected_form(self, application, manage):
        page = self.fill(manage(), GENERAL, "postgres", "mysql://somewhere")
        page.button(key="connect").click().run()
        assert r"postgresql\://" in until_tested(page).error[0].value
        assert "save-anyway" not in [button.key for button in page.button]
        assert application.store.workspaces.get(GENERAL).connection is None

    def test_a_password_is_stored_and_never_shown_again(self, application, manage):
        address = "postgresql://reader@127.0.0.1:1/shop"
        page = self.fill(manage(), GENERAL, "postgres", address, password="s3cr/t word")
        page.button(key="connect").click().run()
        until_tested(page).button(key="save-anyway").click().run()
        connection = application.workspaces.connection(application.store.workspaces.get(GENERAL))
        assert connection.address.get_secret_value() == "postgresql://reader:s3cr%2Ft%20word@127.0.0.1:1/shop"
        until_tested(page)
        page.button(key="change-connection").click().run()
        everything = repr(page) + repr(page.session_state)
        assert "s3cr" not in everything
        assert page.text_input(key=f"address-{GENERAL}-url").value == "postgresql://reader:•••@127.0.0.1:1/shop"
        page.text_input(key=f"data-name-{GENERAL}-url").set_value("The shop")
        page.button(key="connect").click().run()
        until_tested(page).button(key="save-anyway").click().run()
        kept = application.workspaces.connection(application.store.workspaces.get(GENERAL))
        assert (kept.name, kept.address) == ("The shop", connection.address)

    def test_the_connection_can_be_removed(self, application, manage):
        page = manage(SAMPLE_SHOP)
        page.button(key="remove-connection").click().run()
        assert application.store.workspaces.get(SAMPLE_SHOP).connection is None
        page.selectbox(key=f"kind-{SAMPLE_SHOP}").set_value("sample").run()
        page.button(key="connect").click().run()
        assert "7 tables" in until_tested(page).success[0].value
