"""Static files under names that carry their content's hash, compressed ahead of time.

`build()` turns `static/` into `static/dist/`: `style.css` becomes `style.<hash>.css` with `.br` and `.gz` beside it, so
that a browser may keep it for ever. Run as `python -m webapp.web.static_files` when installing; an application checks
at its start that nothing is missing, which costs a few milliseconds when nothing changed.
"""

import base64
import gzip
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import brotli
import rcssmin
import rjsmin
from flask import Flask
from whitenoise import WhiteNoise

SOURCE = Path(__file__).parents[2] / "static"
PREFIX = "/static/"
SERVED = {".css", ".js", ".svg", ".json", ".txt"}

# One file on the wire for the script of every page: each request costs half a second on a slow line.
BUNDLES = {"site.js": ("vendor/htmx/htmx.min.js", "app.js")}


@dataclass(frozen=True)
class StaticFiles:
    """What one start of the application serves."""

    names: dict[str, str]  # "style.css" -> "style.1a2b3c4d5e.css"
    style: str  # the text of style.css as served, for inlining
    style_hash: str  # "sha256-…" as a Content-Security-Policy wants it
    style_mark: str  # a short word for "this visitor has this stylesheet"

    def url(self, name: str) -> str:
        """Return the address of a static file by its name in `static/`; KeyError when there is none."""
        return PREFIX + self.names[name]


def build(source: Path = SOURCE) -> StaticFiles:
    """Write what is missing in `dist/` below `source` and return the table of names.

    Several processes may do this at once: every file is written aside and moved into place.
    """
    contents = {name: _shrink(name, data) for name, data in _sources(source).items()}
    names = {}
    for name, data in contents.items():
        stem, suffix = name.rsplit(".", 1)
        names[name] = f"{stem}.{hashlib.sha256(data).hexdigest()[:10]}.{suffix}"
        target = source / "dist" / names[name]
        _write(target, lambda data=data: data)
        _write(target.with_name(target.name + ".br"), lambda data=data: brotli.compress(data, quality=11))
        _write(target.with_name(target.name + ".gz"), lambda data=data: gzip.compress(data, 9, mtime=0))
    style = contents["style.css"]
    digest = hashlib.sha256(style).digest()
    return StaticFiles(
        names=names,
        style=style.decode(),
        style_hash="sha256-" + base64.b64encode(digest).decode(),
        style_mark=digest.hex()[:8],
    )


def _sources(source: Path) -> dict[str, bytes]:
    """Return name -> content of every file to serve: bundles, and all files that are no part of one."""
    parts = {part for bundle in BUNDLES.values() for part in bundle}
    contents = {
        name: b";\n".join(_shrink(part, (source / part).read_bytes()).rstrip() for part in bundle)
        for name, bundle in BUNDLES.items()
    }
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_file() and path.suffix in SERVED and not name.startswith("dist/") and name not in parts:
            contents[name] = path.read_bytes()
    return contents


def _shrink(name: str, data: bytes) -> bytes:
    """Take comments and needless blanks out of our own files; what is another's stays as it came, and so do bundles."""
    if name.startswith("vendor/") or name in BUNDLES:
        return data
    if name.endswith(".js"):
        return rjsmin.jsmin(data, keep_bang_comments=True)
    return rcssmin.cssmin(data, keep_bang_comments=True) if name.endswith(".css") else data


def _write(target: Path, make) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".new")
    with os.fdopen(handle, "wb") as file:
        file.write(make())
    os.chmod(aside, 0o644)
    # WhiteNoise sends no date and no ETag of a file without a date: what never changes under its name is never
    # compared, and each answer is 76 bytes lighter.
    os.utime(aside, (0, 0))
    os.replace(aside, target)


def _headers(headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def init_app(app: Flask) -> None:
    """Serve `dist/` in front of the application and give templates `static_url('style.css')`."""
    files = build()
    app.extensions["static_files"] = files
    app.jinja_env.globals["static_url"] = files.url
    app.wsgi_app = WhiteNoise(
        app.wsgi_app,
        root=SOURCE / "dist",
        prefix=PREFIX,
        immutable_file_test=lambda path, url: True,
        allow_all_origins=False,
        add_headers_function=_headers,
    )


if __name__ == "__main__":
    build()
