"""Every route: named in the access table, typed, spelled the same way, and closed to whom it is not for."""

import re

import pytest
from flask import Flask

from db.ids import new_id
from webapp import BLUEPRINTS
from webapp.web import guards
from webapp.web.access_table import ACCESS

# Addresses that people have bookmarked or that stand in mails and letters: they may not vanish.
KEPT = {
    *("/", "/healthz", "/language", "/readyz", "/sign-in", "/sign-in/business", "/sign-in/operators", "/sign-out"),
    *("/first-access", "/first-access/business", "/forgotten", "/forgotten/business"),
}

KEBAB = re.compile(r"(/|(/[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)?|/<[a-z]+(\([^)]*\))?:[a-z_]+>)+)")


def routes(app):
    return sorted(app.url_map.iter_rules(), key=lambda route: route.rule)


def address(app, route) -> str:
    """An address of the route whose objects do not exist."""
    invented = {name: new_id() if "Id" in type(kind).__name__ else "1" for name, kind in route._converters.items()}
    return app.url_map.bind("localhost").build(route.endpoint, invented, method=sorted(route.methods)[0])


def test_each_route_is_in_the_access_table_and_each_entry_is_a_route(app):
    assert {route.endpoint for route in routes(app)} == ACCESS.keys()


def test_the_access_table_and_the_blueprints_are_in_alphabetical_order():
    assert list(ACCESS) == sorted(ACCESS)
    assert list(BLUEPRINTS) == sorted(BLUEPRINTS)


def test_a_route_that_nobody_listed_stops_the_start():
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    with pytest.raises(guards.UnlistedRoute, match="forgotten"):
        guards.check_table(app, {})


def test_an_entry_without_a_route_stops_the_start():
    with pytest.raises(guards.UnlistedRoute, match="gone"):
        guards.check_table(Flask(__name__, static_folder=None), {"gone": guards.ANYONE})


def test_addresses_are_kebab_case_and_their_parameters_typed(app):
    wrong = [route.rule for route in routes(app) if not KEBAB.fullmatch(route.rule)]
    assert not wrong


def test_addresses_do_not_vanish(app):
    assert {route.rule for route in routes(app)} >= KEPT


def test_a_route_that_changes_something_does_not_answer_get(app):
    unsafe = {"POST", "PUT", "PATCH", "DELETE"}
    assert not [route.rule for route in routes(app) if route.methods & unsafe and route.methods & {"GET"}]


def test_who_is_not_signed_in_is_sent_to_sign_in_by_every_closed_route(app, client):
    for route in routes(app):
        if not ACCESS[route.endpoint].signed_in:
            continue
        for htmx in (False, True):
            if "GET" in route.methods:
                answer = client.partial(address(app, route)) if htmx else client.get(address(app, route))
            else:
                answer = client.submit(address(app, route), htmx=htmx)
            target = answer.headers.get("HX-Redirect") if htmx else answer.location
            assert target and target.startswith("/sign-in"), route


def test_each_unsafe_route_refuses_a_form_without_a_token_unless_a_key_takes_its_place(app, ops_admin):
    unsafe = {"POST", "PUT", "PATCH", "DELETE"}
    for route in routes(app):
        for method in route.methods & unsafe:
            if not ACCESS[route.endpoint].by_key:
                assert ops_admin.open(address(app, route), method=method).status_code == 400, route


def test_pages_for_operators_do_not_exist_for_others(app):
    """Nobody but an operator is allowed by a rule of the operators, or may know the page."""

    class Technician:
        kind, role = "technician", "administrator"

    for endpoint, rule in ACCESS.items():
        if endpoint.startswith("ops"):
            assert not rule.allows(Technician) and not rule.knows(Technician), endpoint
