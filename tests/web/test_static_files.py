import gzip
import hashlib
import re

import brotli
import pytest

from webapp.web import static_files

STYLE_LIMIT = 3 * 1024
SCRIPT_LIMIT = 1024
HTMX_LIMIT = 12_500


def wire(data: bytes) -> int:
    return len(brotli.compress(data, quality=11))


def test_the_stylesheet_and_the_script_are_light():
    files = static_files.build()
    assert wire(files.style.encode()) <= STYLE_LIMIT
    assert wire((static_files.SOURCE / "app.js").read_bytes()) <= SCRIPT_LIMIT
    assert wire((static_files.SOURCE / "vendor/htmx/htmx.min.js").read_bytes()) <= HTMX_LIMIT


def test_the_vendored_file_is_the_one_that_its_version_names():
    folder = static_files.SOURCE / "vendor/htmx"
    digest = hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest()
    assert digest in (folder / "VERSION").read_text()
    assert b'this.version="4.0.1"' in (folder / "htmx.min.js").read_bytes()


@pytest.mark.parametrize("encoding", ["br", "gzip", "identity"])
def test_a_static_file_is_kept_for_ever_and_compressed_ahead_of_time(client, encoding):
    page = client.get("/").text
    address = re.search(r'src="(/static/site\.[0-9a-f]{10}\.js)"', page)[1]
    answer = client.get(address, headers={"Accept-Encoding": encoding})
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}[encoding]
    assert "ETag" not in answer.headers and "Last-Modified" not in answer.headers, "there is nothing to compare"
    text = unpack(answer.data)
    assert b"htmx" in text and b"htmx:after:swap" in text
    assert "Content-Security-Policy" not in answer.headers and "Set-Cookie" not in answer.headers


def test_the_first_page_of_a_visit_brings_its_style_and_the_next_ones_link_to_it(client):
    assert "<style>" in client.get("/").text and "data-style=" in client.get("/").text
    mark = static_files.build().style_mark
    client.set_cookie("style", mark)
    within = {"Sec-Fetch-Site": "same-origin"}
    assert '<link rel="stylesheet"' in client.get("/", headers=within).text
    assert "data-style=" not in client.get("/", headers=within).text
    assert "<style>" not in client.get("/", headers={"Sec-Fetch-Site": "none"}).text, "kept from the visit before"
    client.set_cookie("style", "00000000")
    assert "<style>" in client.get("/", headers=within).text, "another version of the stylesheet"


def test_a_script_of_ours_loses_its_comments_and_blanks_and_no_string():
    source = b'/* a\n b */\n(() => {\n  /* c */\n  f("/* kept */ ");\n\n  g(); /* at the end */\n})();\n'
    assert static_files._shrink("app.js", source) == b'(()=>{f("/* kept */ ");g();})();'
    assert static_files._shrink("vendor/x.js", source) == source


def test_only_pages_of_operators_bring_their_stylesheet(client, ops_viewer):
    assert "desk." not in client.get("/").text
    assert re.search(r'href="/static/desk\.[0-9a-f]{10}\.css"', ops_viewer.get("/ops").text)


def test_shrinking_keeps_selectors_and_media_queries():
    css = b"a :hover , b{ color : red ; }\n/* x */ @media (max-width: 47.99rem) { .c { margin: 0 -1px } }"
    shrunk = static_files._shrink("x.css", css).decode()
    assert shrunk == "a :hover,b{color:red}@media (max-width:47.99rem){.c{margin:0 -1px}}"


def test_building_again_writes_nothing(tmp_path):
    for name in ("style.css", "app.js", "vendor/htmx/htmx.min.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a{}")
    first = static_files.build(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "dist").iterdir()}
    assert static_files.build(tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "dist").iterdir()} == times and times
