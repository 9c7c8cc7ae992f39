"""The headers and cookies of every answer, and the bounds of every request."""

from flask import Flask, Response, current_app, g, request
from flask_compress import Compress
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.web import csrf
from webapp.web.negotiation import OneCoding

# What a form may weigh, in bytes, and how many fields it may have. Routes that take more stand in LARGER_BODIES.
LARGEST_FORM = 1024 * 1024
MOST_FIELDS = 2_000
# endpoint: the setting that says how much it takes
LARGER_BODIES: dict[str, str] = {
    "api.register": "api_bytes",
    "ops_card_imports.upload": "import_bytes",
    "ops_imports.upload": "import_bytes",
}

# Only what a page needs: own files, own forms. A style is inlined with its hash on the first page of a visit.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self' data:{pictures}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What concerns a document; a partial, a JSON answer or a file is none and saves the bytes.
DOCUMENT_HEADERS = {
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TWO_YEARS = 2 * 365 * 24 * 3600


class CompressErrorsToo(Compress):
    """Flask-Compress, which by itself leaves a form that comes back with errors three times as heavy as it was."""

    def after_request(self, response: Response) -> Response:
        status = response.status_code
        if status < 400:
            return super().after_request(response)
        response.status_code = 200
        response = super().after_request(response)
        response.status_code = status
        return response


def bound_body() -> None:
    """Let a route that takes files or batches take what its setting says; every other one takes a form."""
    if request.endpoint in LARGER_BODIES:
        request.max_content_length = getattr(current_app.extensions["settings"], LARGER_BODIES[request.endpoint])


def largest_body(app: Flask, path: str) -> int:
    """Return how many bytes of a body are read at all for a path, before anything is known of who sends it."""
    settings = app.extensions["settings"]
    try:
        endpoint, _ = app.url_map.bind("").match(path, "POST")
    except HTTPException:
        endpoint = ""
    return getattr(settings, LARGER_BODIES[endpoint]) if endpoint in LARGER_BODIES else LARGEST_FORM


def is_document(response: Response) -> bool:
    """Return whether an answer becomes a page of its own in the browser."""
    return response.mimetype == "text/html" and request.headers.get("HX-Request") != "true"


def allow_own_pictures() -> None:
    """Let the page at hand show pictures that its own script makes (`blob:`): a chart is saved that way."""
    g.makes_pictures = True


def inlines_style() -> bool:
    """Return whether this page brings the stylesheet with it instead of linking to it.

    It does while the browser has not said that it keeps the stylesheet: a second request costs half a second and more
    on a slow line, before anything can be painted. From the browser's own store it costs nothing.
    """
    return not has_style(request_static_files().style_mark)


def has_style(mark: str) -> bool:
    """Return whether the visitor's cookie says that this version of the stylesheet is in its cache."""
    return request.cookies.get("style") == mark


def request_static_files():
    """Return the table of static files of the running application."""
    return current_app.extensions["static_files"]


def add_headers(response: Response) -> Response:
    """Set what every answer needs, and on documents what concerns documents."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Cache-Control", "no-store")
    if is_document(response):
        style = f" '{request_static_files().style_hash}'" if g.get("style_inlined") else ""
        pictures = " blob:" if g.get("makes_pictures") else ""
        headers.setdefault("Content-Security-Policy", POLICY.format(style=style, pictures=pictures))
        for name, value in DOCUMENT_HEADERS.items():
            headers.setdefault(name, value)
        if request.is_secure:
            headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains")
        headers["X-Request-Id"] = g.get("request_id", "-")
    return response


def init_app(app: Flask) -> None:
    """Set bounds, cookies, headers, compression and the proxies that may be believed."""
    settings = app.extensions["settings"]
    secure = settings.mode == "production"
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=MOST_FIELDS,
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=7,  # 0.15 ms more than 5 for 63 KB and 110 bytes less: 0.02 s on a slow line
        COMPRESS_LEVEL=6,
        COMPRESS_MIN_SIZE=400,
        COMPRESS_STREAMS=False,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    app.wsgi_app = OneCoding(app.wsgi_app)
    csrf.init_app(app)
    CompressErrorsToo(app)
    app.after_request(add_headers)

    @app.context_processor
    def style() -> dict:
        def inlined() -> bool:
            g.style_inlined = inlines_style()
            return g.style_inlined

        return {"inlines_style": inlined, "static_files": app.extensions["static_files"], "has_style": has_style}
