"""What a notebook's HTML may do to the page around it: nothing."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.lab.site.tidy import UNSEEN, VOID, tidy, words

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<b>a<i>b", "<b>a<i>b</i></b>"),
        ("</div></main>a</b>", "a"),
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("<p>a<br>b<hr/>", "<p>a<br>b<hr></p>"),
        ("a<script>x('</b>')</script>b", "ab"),
        ("a<script>never closed", "a"),
        ("a<style>body{display:none}</style>b", "ab"),
        ("<iframe src='https://x.y'>in</iframe>z", "z"),
        ("<form action='/'>a<button>b</button></form>", "ab"),
        ("<b onclick='x()' style='color:red'>a</b>", '<b style="color:red">a</b>'),
        ("<b style='background:url(https://x.y/z)'>a</b>", "<b>a</b>"),
        ("<b style='position:fixed;color:red'>a</b>", '<b style="color:red">a</b>'),
        ("<b id='search'>a</b>", "<b>a</b>"),
        ("<b id='mine'>a</b>", '<b id="mine">a</b>'),
        ("<a href='here'>a</a>", '<a href="there">a</a>'),
        ("<a href='javascript:x()'>a</a>", '<span title="javascript:x()">a</span>'),
        ("<a name='x'>a</a>", "<span>a</span>"),
        ("<img src='https://x.y/z.png' alt='a < b'>", "a &lt; b"),
        (f"<img src='{PIXEL}'>", f'<img alt="" src="{PIXEL}">'),
        ("<img src='data:text/html,<script>'>", ""),
        ("<image href='https://x.y'/><use href='https://x.y'/>", "<use></use>"),
        ("<svg viewBox='0'><path d='M0'/></svg>", '<svg viewbox="0"><path d="M0"></path></svg>'),
        ("<input type='checkbox' onclick='x()'>", '<input type="checkbox" disabled="">'),
        ("<input type='text'>", ""),
        ("&lt;script&gt; &amp; a < b", "&lt;script&gt; &amp; a &lt; b"),
        ("a<!-- b -->c<!doctype html>", "ac"),
        ("<b class='\"><script>'>a</b>", '<b class="&quot;&gt;&lt;script&gt;">a</b>'),
    ],
)  # fmt: skip
def test_what_is_kept(html: str, kept: str) -> None:
    assert tidy(html, {"here": "there"}.get, {"mine"}) == kept


class Balance(HTMLParser):
    """Fails unless every tag closes in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in UNSEEN
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


PIECES = st.sampled_from(
    ["<b>", "</b>", "<script>", "</script>", "<svg>", "<path/>", "</svg>", "<p a=", '"', "'", ">"]
    + [
        "<a href=x onclick=y>",
        "<img src=z>",
        "</a",
        "<",
        "&",
        "&lt;",
        "text",
        "<!--",
        "-->",
        "<br/>",
    ]
    + ["<title>", "</title>", "<style>", "<td>", "</table>", "<input>", "<textarea>", "<![CDATA["]
)


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.lists(PIECES | st.text(max_size=4)).map("".join))
def test_whatever_comes_in_comes_out_balanced(html: str) -> None:
    balance = Balance()
    balance.feed(tidy(html))
    balance.close()
    assert balance.open == []


def test_words_have_single_spaces() -> None:
    assert words("<p>a</p><p>b  <b>c</b>\n&lt;</p>") == "a b c <"
