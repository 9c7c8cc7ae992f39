"""The web application: `create_app()` puts it together; every concern has its own `init_app`."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from flask import Flask

    from webapp.settings import Settings

# "folder.module" of webapp.blueprints, one module a topic, each with a `blueprint`; in alphabetical order.
BLUEPRINTS = (
    "account.exports",
    "account.identity",
    "account.second_factor",
    "business.access_log",
    "business.affiliations",
    "business.applications",
    "business.disclosure",
    "business.look_up",
    "business.own_looks",
    "business.person",
    "business.technicians",
    "business.users",
    "machines.api",
    "machines.health",
    "machines.metrics",
    "me.access_log",
    "me.contact",
    "me.data",
    "me.disclosure",
    "me.home",
    "me.record",
    "me.sign_in",
    "ops.actions",
    "ops.address_letters",
    "ops.addresses",
    "ops.alarms",
    "ops.batches",
    "ops.card_imports",
    "ops.cards",
    "ops.dashboard",
    "ops.holds",
    "ops.home",
    "ops.imports",
    "ops.inquiries",
    "ops.inquiry_list",
    "ops.looks",
    "ops.messages",
    "ops.operators",
    "ops.postcard",
    "ops.postcards",
    "ops.record",
    "ops.registrations",
    "ops.report",
    "ops.returned_mail",
    "ops.returned_postcards",
    "ops.sending",
    "ops.shipments",
    "ops.sign_ins",
    "ops.work_items",
    "public.contact",
    "public.demo_mail",
    "public.first_access",
    "public.not_mine",
    "public.sign_in",
    "public.start",
)


def create_app(settings: "Settings", clock: "Callable[[], dt.datetime] | None" = None) -> "Flask":
    """Return the application for these settings: settings, database, sign-in, blueprints, headers - nothing else."""
    # Imported here: every module of this package is loaded through this file, and `todoke barcode` needs no Flask.
    from flask import Flask

    from webapp import log
    from webapp.pages import frame
    from webapp.web import (
        converters,
        database,
        errors,
        form_submissions,
        guards,
        language,
        readiness,
        rendering,
        saved_forms,
        security,
        session,
        static_files,
    )
    from webapp.web.access_table import ACCESS
    from webapp.web.clock import utc_now

    app = Flask(__name__, static_folder=None)
    app.secret_key = settings.secret_key
    app.testing = settings.mode == "test"
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock or utc_now

    converters.init_app(app)
    static_files.init_app(app)
    language.init_app(app)
    rendering.init_app(app)
    frame.init_app(app)
    errors.init_app(app)
    database.init_app(app)
    readiness.init_app(app)
    log.init_app(app)
    session.init_app(app)
    saved_forms.init_app(app)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(f"webapp.blueprints.{name}").blueprint)
    security.init_app(app)
    guards.init_app(app, ACCESS)
    form_submissions.init_app(app)
    return app
