"""The web application: `create_app()` puts it together; every concern has its own `init_app`."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from flask import Flask

    from webapp.settings import Settings

# One module of webapp.blueprints a topic, each with a `blueprint`; one line each, in alphabetical order.
BLUEPRINTS = (
    "api",
    "business_access_log",
    "business_affiliations",
    "business_applications",
    "business_disclosure",
    "business_person",
    "business_technicians",
    "business_users",
    "contact",
    "demo_mail",
    "exports",
    "first_access",
    "health",
    "identity",
    "look_up",
    "me_access_log",
    "me_contact",
    "me_data",
    "me_disclosure",
    "me_home",
    "me_record",
    "me_sign_in",
    "metrics",
    "ops_actions",
    "ops_address_letters",
    "ops_addresses",
    "ops_alarms",
    "ops_batches",
    "ops_card_imports",
    "ops_cards",
    "ops_dashboard",
    "ops_holds",
    "ops_home",
    "ops_imports",
    "ops_inquiries",
    "ops_inquiry_list",
    "ops_messages",
    "ops_operators",
    "ops_postcard",
    "ops_postcards",
    "ops_record",
    "ops_registrations",
    "ops_report",
    "ops_returned_mail",
    "ops_returned_postcards",
    "ops_sending",
    "ops_shipments",
    "ops_sign_ins",
    "ops_work_items",
    "second_factor",
    "sign_in",
    "start",
)


def create_app(settings: "Settings", clock: "Callable[[], dt.datetime] | None" = None) -> "Flask":
    """Return the application for these settings: settings, database, sign-in, blueprints, headers - nothing else."""
    # Imported here: every module of this package is loaded through this file, and `todoke barcode` needs no Flask.
    from flask import Flask

    from webapp import (
        connection,
        converters,
        errors,
        frame,
        guards,
        kept_forms,
        language,
        log,
        readiness,
        rendering,
        security,
        sign_in,
        static_files,
    )
    from webapp.access_table import ACCESS
    from webapp.clock import utc_now

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
    connection.init_app(app)
    readiness.init_app(app)
    log.init_app(app)
    sign_in.init_app(app)
    kept_forms.init_app(app)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(f"webapp.blueprints.{name}").blueprint)
    security.init_app(app)
    guards.init_app(app, ACCESS)
    return app
