"""HTML out of a notebook, made fit to stand inside a page.

Every tag that opens also closes, so that a cell ends where it ends. Nothing runs and nothing is
fetched: scripts, forms, event handlers and addresses of pictures on other hosts are left out.
"""

import re
from collections.abc import Callable, Collection
from html import escape
from html.parser import HTMLParser

TEXT = frozenset(
    "a abbr article aside b bdi bdo blockquote br caption center cite code col colgroup dd del "
    "details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p "
    "pre q rp rt ruby s samp section small span strong sub summary sup table tbody td tfoot th "
    "thead time tr tt u ul var wbr".split()
)
DRAWING = frozenset(
    "svg g path rect circle ellipse line polyline polygon text tspan defs clippath lineargradient "
    "radialgradient stop desc use marker pattern mask symbol".split()
)
VOID = frozenset("br col hr img input wbr".split())
# What stands between these tags is no text for a reader.
UNSEEN = frozenset("script style iframe object embed template noscript title head".split())
REFUSED = frozenset(
    "action accesskey autofocus background contenteditable data formaction id is name nonce ping "
    "poster slot srcdoc srcset tabindex target".split()
)
ADDRESSES = frozenset(("href", "src", "xlink:href"))
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
ELSEWHERE = re.compile(r"url\(\s*['\"]?(?!#)|expression\(|@import", re.IGNORECASE)
PLACED = re.compile(r"\s*(position|z-index|inset|float)\s*:", re.IGNORECASE)

Link = Callable[[str], str | None]


def tidy(html: str, link: Link = lambda address: None, ids: Collection[str] = ()) -> str:
    """Return `html` balanced and harmless; `link` gives where a link leads, None for nowhere.

    Only the ids in `ids` are kept: the others could be those of the page.

    >>> tidy('<b>bold <i onclick="x()">both</b><script>x()</script> & </div>')
    '<b>bold <i>both</i></b> &amp; '
    """
    parser = _Tidy(link, ids)
    parser.feed(html)
    parser.close()
    return parser.ended()


def words(html: str) -> str:
    """Return the text of a piece of HTML, with single spaces.

    >>> words("<h2>A <b>scan</b>\\n&amp; more</h2>")
    'A scan & more'
    """
    parser = _Words()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "li", "td", "th", "tr", "br", "div", "pre"):
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


class _Tidy(HTMLParser):
    def __init__(self, link: Link, ids: Collection[str]) -> None:
        super().__init__()
        self.link, self.ids = link, ids
        self.parts: list[str] = []
        self.open: list[tuple[str, str]] = []  # as it was written, and as it was kept
        self.unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self.unseen.append(tag)
        given = {name: value or "" for name, value in attrs}
        if self.unseen or not self._known(tag, given):
            return
        if tag == "img" and not PICTURE.match(given.get("src", "")):
            self.parts.append(escape(given.get("alt", "")))
            return
        kept, attributes = self._kept(tag, given)
        written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
        self.parts.append(f"<{kept}{written}>")
        if tag not in VOID:
            self.open.append((tag, kept))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNSEEN:
            self.handle_starttag(tag, attrs)
            if tag in DRAWING:
                self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.unseen:
            del self.unseen[self.unseen.index(tag) :]
        elif not self.unseen and tag in (written for written, _ in self.open):
            while self.open:
                written, kept = self.open.pop()
                self.parts.append(f"</{kept}>")
                if written == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(escape(data, quote=False))

    def ended(self) -> str:
        self.parts += [f"</{kept}>" for _, kept in reversed(self.open)]
        self.open.clear()
        return "".join(self.parts)

    def _known(self, tag: str, given: dict[str, str]) -> bool:
        if tag == "input":  # the boxes of a list of tasks
            return given.get("type") == "checkbox"
        return tag in TEXT or tag in DRAWING

    def _kept(self, tag: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
        attributes = {name: value for name, value in given.items() if self._harmless(name, value)}
        if "style" in attributes:
            rules = attributes["style"].split(";")
            attributes["style"] = ";".join(rule for rule in rules if not PLACED.match(rule))
        if tag == "input":
            return tag, {"type": "checkbox", "disabled": ""} | (
                {"checked": ""} if "checked" in given else {}
            )
        if tag == "img":
            attributes = {"alt": ""} | attributes | {"src": given["src"]}
        if tag == "use" and given.get("href", "").startswith("#"):
            attributes["href"] = given["href"]
        if tag != "a":
            return tag, attributes
        address = given.get("href", "")
        leads = self.link(address) if address else None
        if leads is None:
            return "span", attributes | ({"title": address} if address else {})
        far = {"rel": "noreferrer"} if "://" in leads else {}
        return "a", attributes | {"href": leads} | far

    def _harmless(self, name: str, value: str) -> bool:
        if name == "id":
            return value in self.ids
        refused = name in REFUSED or name in ADDRESSES or name.startswith("on")
        plain = re.fullmatch(r"[a-z][a-z0-9:_-]*", name)
        return bool(plain) and not refused and not ELSEWHERE.search(value)
