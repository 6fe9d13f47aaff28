"""How untrusted texts, times and durations look."""

import pytest

from ui.formatting import duration, label, untrusted_markdown


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
    ],
)
def test_untrusted_markdown_loads_nothing_and_says_what_was_written(written, shown):
    assert untrusted_markdown(written) == shown


def test_a_label_shows_markdown_signs_as_they_are():
    assert label("a *b* [c](d) :red[e]") == r"a \*b\* \[c\]\(d\) \:red\[e\]"
    assert label("-- why").replace("\u2060", "") == r"\-\- why"
    assert "\\-\\-" not in label("-- why")
    assert label(":material/home:") == "\\:\u2060material/home\\:"


@pytest.mark.parametrize(("seconds", "text"), [(0.84, "0.8 s"), (12.4, "12 s"), (125, "2 min 5 s")])
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
