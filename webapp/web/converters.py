"""Typed parts of our addresses."""

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from db import ids


class IdConverter(BaseConverter):
    """An internal id as 13 characters of Crockford base32: `<oid:notice>` gives an int, `url_for` takes one.

    Only the one canonical spelling is an address; every other spelling answers 404, so that no page has two addresses.
    """

    regex = "[0-7][0-9A-HJKMNP-TV-Z]{12}"

    def to_python(self, value: str) -> int:
        try:
            return ids.decode(value)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: int) -> str:
        return ids.encode(value)


def init_app(app: Flask) -> None:
    """Make `<oid:…>` known to the routes; call it before any blueprint is registered."""
    app.url_map.converters["oid"] = IdConverter
    # A path with two slashes is no page. Merging them answers with a redirect to whatever host the request names.
    app.url_map.merge_slashes = False
