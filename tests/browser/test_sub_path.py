"""Colloquy under a path of another server, behind nginx, beside the site's own pages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.servers import Server, free_port

BASE = "/tools/chats"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location {base}/ {{
            proxy_pass http://127.0.0.1:{app};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_buffering off;
        }}
        location = /favicon.ico {{ return 204; }}
        location / {{ return 404 "the site's own page"; }}
    }}
    server {{
        listen 127.0.0.1:{stranger};
        default_type text/html;
        location / {{ return 200 "a page of somebody else"; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The app behind nginx, by its URL."""
    if not NGINX:
        if os.environ.get("COLLOQUY_REQUIRE_BROWSER") == "1":
            pytest.fail("nginx is missing", pytrace=False)
        pytest.skip("nginx is missing")
    folder = tmp_path_factory.mktemp("site")
    server = Server(folder / "data", base=BASE).start()
    port, stranger = free_port(), free_port()
    (folder / "nginx.conf").write_text(
        CONFIGURATION.format(folder=folder, base=BASE, port=port, stranger=stranger, app=server.port)
    )
    log = (folder / "nginx.log").open("w")
    nginx = subprocess.Popen([NGINX, "-e", folder / "error.log", "-c", folder / "nginx.conf"], stdout=log, stderr=log)
    yield SimpleNamespace(url=f"http://127.0.0.1:{port}{BASE}", app=server.url, port=port, stranger=stranger)
    nginx.terminate()
    nginx.wait(10)
    log.close()
    server.close()


@pytest.fixture
def visitor(site, visitors):
    """A visitor who comes through nginx; ``asked`` are the paths of all requests and connections of the browser."""
    person = visitors(site)
    person.asked = set()

    def note(url: str) -> None:
        if urlsplit(url).scheme in ("http", "ws"):
            person.asked.add(urlsplit(url).path)

    person.context.on("request", lambda request: note(request.url))
    person.context.on("page", lambda page: page.on("websocket", lambda socket: note(socket.url)))
    return person


def test_an_answer_streams_and_its_results_can_be_downloaded(visitor):
    chat = visitor.tab().open()
    chat.begin("count 5 every 10 ms")
    expect(chat.answers.last).to_contain_text("w4")
    chat.page.goto(f"{visitor.url}/?workspace=sample-shop")
    chat.send("/sql select count(*) as orders from orders")
    expect(chat.answers.last).to_contain_text("orders")
    with chat.page.expect_download() as waiting:
        chat.page.get_by_role("link", name="CSV").first.click()
    assert waiting.value.path().read_text("utf-8").splitlines() == ['"orders"', "120000"]
    assert_below(visitor)


@pytest.mark.parametrize("page", ["Overview", "History", "Analytics", "SQL", "Import and export", "Workspaces"])
def test_every_page_is_served_under_the_path_even_after_a_click(visitor, page):
    tab = visitor.tab().open()
    tab.page.get_by_role("link", name=page).first.click()
    tab.page.wait_for_url(re.compile(f"{BASE}/[a-z_]+"))
    tab.page.reload()
    expect(tab.page.get_by_test_id("stMain")).to_be_visible()
    expect(tab.page.get_by_test_id("stSkeleton")).to_have_count(0)
    assert_below(visitor)


def test_a_chat_can_be_exported(visitor):
    chat = visitor.tab().open()
    chat.begin("count 3 every 10 ms")
    expect(chat.answers.last).to_contain_text("w2")
    chat.page.goto(f"{visitor.url}/import_export")
    chat.page.get_by_role("link", name="Download").first.wait_for()
    with chat.page.expect_download() as waiting:
        chat.page.get_by_role("link", name="Download").first.click()
    assert waiting.value.path().stat().st_size > 0
    assert_below(visitor)


def test_the_api_returns_urls_under_the_path_and_answers_nowhere_else(site):
    url = site.url
    with httpx.Client(trust_env=False) as client:
        made = client.post(f"{url}/api/v1/workspaces", json={"name": "Below"})
        assert urlsplit(made.headers["Location"]).path.startswith(f"{BASE}/api/v1/workspaces/")
        assert client.get(httpx.URL(url).join(made.headers["Location"])).json()["name"] == "Below"
        assert client.get(f"{url}/api/openapi.json").json()["servers"] == [{"url": BASE}]
        docs = client.get(f"{url}/api/docs").text
        assert set(re.findall(r"""["'](/[^"']*(?:openapi\.json|\.js|\.css))["']""", docs)) >= {
            f"{BASE}/api/openapi.json"
        }
        assert client.get(f"{url}/adk/list-apps").status_code == 200
        assert client.get(httpx.URL(url).join("/api/v1/health")).text == "the site's own page"


ATTEMPTS = """
async (app) => {
    const connects = (path) => new Promise((told) => {
        const socket = new WebSocket(app.replace("http", "ws") + path);
        socket.onopen = () => told(`connected to ${path}`);
        socket.onerror = () => told("");
    });
    const reads = (path, options) => fetch(app + path, options).then(
        (answer) => answer.type === "opaque" ? "" : `read ${path}: ${answer.status}`, () => "");
    const shows = (path) => new Promise((told) => {
        const script = document.createElement("script");
        script.onload = () => told(`loaded ${path}`);
        script.onerror = () => told("");
        script.src = app + path;
        document.head.append(script);
    });
    const body = JSON.stringify({name: "Of a stranger"});
    const json = {"Content-Type": "application/json"};
    const paths = ["/", "/_stcore/health", "/_stcore/host-config", "/api/v1/workspaces",
        "/api/v1/exports/file?format=json", "/adk/list-apps", "/sessions/assistant", "/media/x.csv"];
    return (await Promise.all([
        ...["/_stcore/stream", "/api/live", "/adk/run_live"].map(connects),
        ...paths.flatMap((path) => [reads(path), reads(path, {mode: "no-cors", credentials: "include"})]),
        shows("/api/v1/workspaces"), shows("/api/docs/assets/swagger-ui-bundle.js"),
        reads("/api/v1/workspaces", {method: "POST", body, headers: json}),
        reads("/api/v1/workspaces", {method: "POST", body, mode: "no-cors"}),
        reads("/adk/apps/assistant/users/local/sessions", {method: "POST", body: "{}", mode: "no-cors"}),
        reads("/_stcore/upload_file/a/b", {method: "PUT", body}),
    ])).filter((done) => done);
}
"""


def test_a_page_on_another_port_can_read_and_change_nothing(site, chromium):
    with chromium.new_page() as page, httpx.Client(base_url=site.app, trust_env=False) as client:
        before = [client.get(path).json() for path in ("/api/v1/workspaces", "/sessions/assistant")]
        for host in ("127.0.0.1", "localhost"):
            page.goto(f"http://{host}:{site.stranger}/")
            for app in (site.app, site.app.replace("127.0.0.1", "localhost"), site.url):
                assert page.evaluate(ATTEMPTS, app) == [], (host, app)
        assert [client.get(path).json() for path in ("/api/v1/workspaces", "/sessions/assistant")] == before


@pytest.mark.parametrize("path", ["/_stcore/health", "/api/v1/health", "/adk/list-apps", "/sessions/assistant"])
def test_foreign_hosts_and_origins_are_refused_behind_the_proxy(site, path):
    own = f"http://127.0.0.1:{site.port}"
    asked = [
        ({}, 200),
        ({"Origin": own}, 200),
        ({"Origin": own, "X-Forwarded-Host": "evil.example"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": f"http://127.0.0.1:{site.stranger}"}, 403),
        ({"Origin": own, "Host": "evil.example"}, 421),
        ({"Host": "evil.example", "X-Forwarded-Host": f"127.0.0.1:{site.port}"}, 421),
    ]
    with httpx.Client(trust_env=False) as client:
        told = [client.get(f"{site.url}{path}", headers=headers).status_code for headers, _ in asked]
    assert told == [status for _, status in asked]


def assert_below(visitor) -> None:
    assert {path for path in visitor.asked if not f"{path}/".startswith(f"{BASE}/")} == set()
    assert f"{BASE}/api/live" in visitor.asked
