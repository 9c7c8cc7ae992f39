"""自分の情報の控え: everything that is held about me, to print or as JSON."""

import datetime as dt
import json
from dataclasses import dataclass

from flask import Blueprint, make_response

from webapp.domain.disclosure.record import Record, record_for
from webapp.domain.self_service.data_export import own_data
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import render

blueprint = Blueprint("me_data", __name__)


@dataclass(frozen=True)
class DataPage:
    """The record to print, as of when."""

    record: Record
    at: dt.datetime


@blueprint.get("/me/data")
def show():
    viewer = looker()
    return render("me/data.html", DataPage(record_for(viewer, viewer.technician_id), now()))


@blueprint.get("/me/data/json")
@recent_authentication
def as_json():
    text = json.dumps(own_data(looker(), now()), ensure_ascii=False, indent=1)
    response = make_response(text)
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response
