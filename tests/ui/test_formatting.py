"""The display of untrusted texts, times and durations."""

import ast
import re
import time
from pathlib import Path

import pytest

from colloquy.ui.formatting import duration, key_of, label, plain_markdown, relative_time, untrusted_markdown

ROOT = Path(__file__).resolve().parents[2]
NOTICES = {"error", "warning", "toast", "success", "info"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain **bold**", "plain **bold**"),
        ("![cat](http://elsewhere/cat.png)", "[cat](http://elsewhere/cat.png)"),
        ("![cat][1]\n\n[1]: http://elsewhere/cat.png", "[cat][1]\n\n[1]: http://elsewhere/cat.png"),
        ("it costs $5 or $10", r"it costs \$5 or \$10"),
        ("$$x^2$$", "$$x^2$$"),
        (":red[alarm] :material/home:", "\\:red[alarm] :\u2060material/home:"),
        ("`$5 ![x](y)`", "`$5 ![x](y)`"),
        ("```\n$5 ![x](y)\n```\n$5", "```\n$5 ![x](y)\n```\n\\$5"),
        ("```\nnot closed $5", "```\nnot closed $5"),
        ("at 10:30: see", "at 10:30: see"),
        ("~/x and ~/y, 1~2 and 3~4, ~~gone~~", r"\~/x and \~/y, 1\~2 and 3\~4, ~~gone~~"),
        ("so :smile: :+1: a:100:b", "so :\u2060smile: :\u2060+1: a:\u2060100:b"),
        ("https://a.example/~me/Special:all/$x ~", r"https://a.example/~me/Special:all/$x \~"),
        ("[a](https://a.example/~me) costs $5", r"[a](https://a.example/~me) costs \$5"),
    ],
)
def test_untrusted_markdown_loads_nothing_and_shows_its_source(written, shown):
    assert untrusted_markdown(written) == shown


def test_a_label_shows_markdown_characters_literally():
    assert label("a *b* [c](d) :red[e]") == r"a \*b\* \[c\]\(d\) \:red\[e\]"
    assert label("-- why").replace("\u2060", "") == r"\-\- why"
    assert "\\-\\-" not in label("-- why")
    assert label(":material/home:") == "\\:\u2060material/home\\:"


@pytest.mark.parametrize(("seconds", "text"), [(0.84, "0.8 s"), (12.4, "12 s"), (125, "2 min 5 s")])
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"so \(x^2\) is", r"so $x^2$ is"),
        (r"so \[x^2\] is", r"so $$x^2$$ is"),
        ("\\[\nx = 1\n\\]", "$$\nx = 1\n$$"),
        ("1. so\n   \\[ x = 1 \\]", "1. so\n   $$\n   x = 1\n   $$"),
        (r"\(\text{\$5}\)", r"$$\text{\$5}$$"),
        ("$E = mc^2$ and $x$", "$E = mc^2$ and $x$"),
        ("$$x$$", "$$x$$"),
        (r"`\(x\)` and ``\[y\]``", r"`\(x\)` and ``\[y\]``"),
        ("```\n\\[x\\]\n```", "```\n\\[x\\]\n```"),
        (r"\[no\](https://formula.example)", r"\[no\](https://formula.example)"),
    ],
)
def test_formulas_may_use_any_common_notation(written, shown):
    assert untrusted_markdown(written) == shown


@pytest.mark.parametrize(
    "written", ["$5 and $10", "$5+$6=$11", "from $5 to 10$", "US$5/A$6", "$HOME/$USER", "${A}/${B}", "$(a) = $(b)"]
)
def test_amounts_and_variables_are_not_formulas(written):
    assert untrusted_markdown(written) == written.replace("$", r"\$")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no *such* __table__", r"no \*such\* \_\_table\_\_"),
        ("one\n  two", "one  \n\u00a0\u00a0two"),
        ("one\n\ntwo", "one  \n\u00a0  \ntwo"),
        ("1. step", r"1\. step"),
        ("a\n===", "a  \n\\==="),
        ("&lt;b&gt; <b>", r"\&lt;b\&gt; \<b\>"),
    ],
)
def test_an_error_is_plain_text(text, shown):
    assert plain_markdown(text) == shown


def test_no_page_renders_an_error_or_a_notice_as_markdown():
    sources = [*ROOT.glob("colloquy/ui/**/*.py"), *ROOT.glob("pages/*.py")]

    assert [call for source in sources for call in unescaped(source.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "call",
    [
        "st.error(str(error))",
        "st.toast(untrusted_markdown(problem))",
        "st.warning(f'It failed: {problem}')",
        "st.info('No' if well else problem)",
        "st.success(body=report.summary)",
        "tell = st.warning if cut else st.error",
    ],
)
def test_a_notice_rendered_as_markdown_is_found(call):
    assert unescaped(call)


def unescaped(source: str) -> list[str]:
    """Notices in a source file that show more than their own words and are rendered as Markdown."""
    tree = ast.parse(source)
    calls = {id(call.func): call for call in ast.walk(tree) if isinstance(call, ast.Call)}
    notices = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "st"]
    found = []
    for notice in (node for node in notices if node.attr in NOTICES):
        call = calls.get(id(notice))
        if call is None or not call.args or not is_plain(call.args[0]):
            found.append(ast.unparse(call or notice))
    return found


def is_plain(text: ast.expr) -> bool:
    """Whether a text is fixed, numeric, or escaped."""
    match text:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name.isupper()
        case ast.JoinedStr(values=pieces):
            return all(map(is_plain, pieces))
        case ast.FormattedValue(value=value, format_spec=form):
            return form is not None or is_plain(value)
        case ast.Call(func=ast.Name(id=name)):
            return name in {"plain_markdown", "label", "counted", "duration"}
    return False


@pytest.mark.parametrize("name", ["6a1f-Xy_9", "0" * 64])
def test_a_plain_id_is_used_as_key(name):
    assert key_of(name) == name


def test_other_ids_have_unique_keys_that_are_valid_css_names():
    odd = ["zz/b", "zz-b", "zz b", "p{}", "</style>", "", "x" * 65, "\ud83d", "ü", "a.b", 'a"]', "a\nb"]
    keys = [key_of(name) for name in odd]
    assert len(set(keys)) == len(odd)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", key) for key in keys)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1 min ago"),
        (59 * 60, "59 min ago"),
        (3600, "1 h ago"),
        (23.9 * 3600, "23 h ago"),
    ],
)
def test_times_of_today_are_relative(seconds, words):
    assert relative_time(time.time() - seconds) == words
