"""What every page must be, whoever fetched it in whatever test: `check_page` and `check_partial`."""

import re
from html.parser import HTMLParser

import html5lib

CONTROLS = {"input", "select", "textarea"}
UNLABELLED = {"hidden", "submit", "button"}
# A fragment may begin with a row of a table, which is an error anywhere else.
CONTAINERS = {"tr": "tbody", "td": "tr", "th": "tr", "tbody": "table", "thead": "table", "li": "ul", "option": "select"}


class PageError(AssertionError):
    """A page that does not keep the rules; the message names the rule."""


class Elements(HTMLParser):
    """Every start tag with its attributes, the text of h1 and title, and inline scripts and styles."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"h1": [], "title": []}
        self.labels: list[set[str]] = []
        self.wrapped: list[dict] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise PageError(f"<{tag}> has an attribute twice: {names}")
        self.tags.append((tag, dict(attrs)))
        if "label" in self._open and tag in CONTROLS:
            self.wrapped.append(dict(attrs))
        self._open.append(tag)
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        for tag in self.texts:
            if tag in self._open:
                self.texts[tag][-1] += data

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def check_page(response) -> None:
    """Raise PageError unless an answer is a page that keeps the rules of docs/pages.md."""
    html = response.get_data(as_text=True)
    _parse(lambda parser: parser.parse(html))
    page = Elements(html)
    headings = [text.strip() for text in page.texts["h1"]]
    _demand(len(headings) == 1, f"one h1, not {headings}")
    _demand(headings[0] != "", "the h1 says what the page is")
    title = "".join(page.texts["title"]).strip()
    _demand(title.startswith(headings[0] + " - "), f"the title {title!r} begins with the h1 {headings[0]!r}")
    _demand(page.of("html")[0].get("lang") in ("ja", "en"), "the page says its language")
    _demand("{{" not in html and "{%" not in html, "no template marks are left")
    policy = response.headers.get("Content-Security-Policy", "")
    _demand("default-src 'none'" in policy and "unsafe" not in policy, f"a strict policy, not {policy!r}")
    _demand(response.headers.get("Cache-Control") == "no-store", "a page is not stored")
    inline = re.findall(r"<style>", html)
    _demand(len(inline) <= 1 and bool(inline) == ("'sha256-" in policy), "an inlined style is in the policy")
    _check_elements(page)


def check_partial(response) -> None:
    """Raise PageError unless an answer to htmx is a well-formed fragment and no page."""
    html = response.get_data(as_text=True)
    first = re.match(r"\s*<([a-z0-9]+)", html)
    _demand(bool(first) or not html.strip(), "a fragment begins with an element")
    if not first:
        return
    container = CONTAINERS.get(first[1], "div")
    _parse(lambda parser: parser.parseFragment(html, container=container))
    page = Elements(html)
    _demand(not page.of("html", "body", "title", "h1", "style", "script"), "a fragment is no page")
    _check_elements(page)


def _parse(parse) -> None:
    parser = html5lib.HTMLParser(strict=False)
    parse(parser)
    if parser.errors:
        (line, column), code, data = parser.errors[0]
        raise PageError(f"not valid HTML at {line}:{column}: {code} {data}")


def _check_elements(page: Elements) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    _demand(len(ids) == len(set(ids)), f"ids are unique: {sorted({i for i in ids if ids.count(i) > 1})}")
    for tag, attributes in page.tags:
        scripted = [name for name in attributes if name == "style" or name.startswith(("on", "hx-on", "hx-vals"))]
        _demand(not scripted, f"<{tag}> has no inline style or script: {scripted}")
        _demand(not any((v or "").startswith(("javascript:", "js:")) for v in attributes.values()), f"<{tag}> no js:")
    _demand(all(a.get("src") and "nonce" not in a for a in page.of("script")), "scripts are files")
    labelled = {a.get("for") for a in page.of("label")}
    for control in page.of(*CONTROLS):
        if control.get("type") in UNLABELLED or control in page.wrapped:
            continue
        named = control.get("id") in labelled or control.get("aria-label") or control.get("aria-labelledby")
        _demand(bool(named), f"a label for {control}")
    for attributes in (a for _, a in page.tags):
        for name in ("aria-describedby", "aria-labelledby", "for"):
            missing = set((attributes.get(name) or "").split()) - set(ids)
            _demand(not missing, f"{name} names what is there: {missing}")
    _demand(all(a.get("data-label", "-") for _, a in page.tags), "a label beside a cell has words")
    for form in page.of("form"):
        _demand((form.get("method") or "get") in ("get", "post"), "a form is sent by get or post")
    unsafe = sum(form.get("method") == "post" for form in page.of("form"))
    tokens = sum(control.get("name") == "csrf_token" for control in page.of("input"))
    _demand(tokens == unsafe, f"each of {unsafe} forms that change something has a token, not {tokens}")


def _demand(kept: bool, rule: str) -> None:
    if not kept:
        raise PageError(rule)
