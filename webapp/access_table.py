"""Who may use which route: the one table. A route without an entry stops the start; nothing is open by default."""

from webapp.domain.accounts import AccountKind, OperatorRole
from webapp.guards import ANYONE, API_KEY, Rule


def _is_operator(user) -> bool:
    return user.kind == AccountKind.OPERATOR


# Operators: every one of them may look; some may act; administrators set up.
OPS_VIEWER = Rule("ops viewer", allows=_is_operator)
OPS_OPERATOR = Rule(
    "ops operator",
    allows=lambda user: _is_operator(user) and user.role in (OperatorRole.OPERATOR, OperatorRole.ADMINISTRATOR),
    knows=_is_operator,
)
OPS_ADMINISTRATOR = Rule(
    "ops administrator",
    allows=lambda user: _is_operator(user) and user.role == OperatorRole.ADMINISTRATOR,
    knows=_is_operator,
)

# endpoint: rule. In alphabetical order.
ACCESS: dict[str, Rule] = {
    "api.document": API_KEY,
    "api.register": API_KEY,
    "api.show": API_KEY,
    "contact.ask": ANYONE,
    "contact.card": ANYONE,
    "contact.index": ANYONE,
    "demo_mail.index": ANYONE,
    "health.alive": ANYONE,
    "health.ready": ANYONE,
    "ops_actions.again": OPS_OPERATOR,
    "ops_actions.again_form": OPS_OPERATOR,
    "ops_actions.cancel": OPS_OPERATOR,
    "ops_actions.cancel_form": OPS_OPERATOR,
    "ops_actions.postcard": OPS_OPERATOR,
    "ops_actions.postcard_form": OPS_OPERATOR,
    "ops_addresses.index": OPS_VIEWER,
    "ops_addresses.restore": OPS_OPERATOR,
    "ops_addresses.restore_form": OPS_OPERATOR,
    "ops_alarms.acknowledge": OPS_OPERATOR,
    "ops_alarms.index": OPS_VIEWER,
    "ops_card_imports.index": OPS_VIEWER,
    "ops_card_imports.labels": OPS_VIEWER,
    "ops_card_imports.map_label": OPS_OPERATOR,
    "ops_card_imports.show": OPS_VIEWER,
    "ops_card_imports.undo": OPS_OPERATOR,
    "ops_card_imports.upload": OPS_OPERATOR,
    "ops_cards.act": OPS_OPERATOR,
    "ops_cards.again": OPS_OPERATOR,
    "ops_cards.index": OPS_VIEWER,
    "ops_cards.manifest": OPS_OPERATOR,
    "ops_cards.show": OPS_VIEWER,
    "ops_home.index": OPS_VIEWER,
    "ops_imports.index": OPS_VIEWER,
    "ops_imports.rejects": OPS_OPERATOR,
    "ops_imports.show": OPS_VIEWER,
    "ops_imports.upload": OPS_OPERATOR,
    "ops_inquiries.answer": OPS_OPERATOR,
    "ops_inquiries.close": OPS_OPERATOR,
    "ops_inquiries.create": OPS_OPERATOR,
    "ops_inquiries.form": OPS_OPERATOR,
    "ops_inquiries.index": OPS_VIEWER,
    "ops_inquiries.link": OPS_OPERATOR,
    "ops_inquiries.note": OPS_OPERATOR,
    "ops_inquiries.reopen": OPS_OPERATOR,
    "ops_inquiries.show": OPS_VIEWER,
    "ops_messages.index": OPS_VIEWER,
    "ops_postcards.index": OPS_VIEWER,
    "ops_record.address_form": OPS_OPERATOR,
    "ops_record.correct": OPS_OPERATOR,
    "ops_record.reason": OPS_VIEWER,
    "ops_record.show": OPS_VIEWER,
    "ops_registrations.index": OPS_VIEWER,
    "ops_registrations.search": OPS_VIEWER,
    "ops_returned_mail.index": OPS_VIEWER,
    "ops_returned_mail.overrule": OPS_OPERATOR,
    "ops_returned_mail.overrule_form": OPS_OPERATOR,
    "ops_returned_mail.show": OPS_VIEWER,
    "ops_sending.index": OPS_VIEWER,
    "ops_sending.reconcile": OPS_OPERATOR,
    "ops_sending.switch": OPS_OPERATOR,
    "ops_work_items.close": OPS_OPERATOR,
    "ops_work_items.correct": OPS_OPERATOR,
    "ops_work_items.index": OPS_VIEWER,
    "ops_work_items.release": OPS_OPERATOR,
    "ops_work_items.show": OPS_VIEWER,
    "sign_in.form": ANYONE,
    "sign_in.out": ANYONE,
    "sign_in.submit": ANYONE,
    "start.index": ANYONE,
    "start.language": ANYONE,
}
