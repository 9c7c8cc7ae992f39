"""The rule of `policy.decide` in SQL, for lists, counts, searches and exports.

The expressions speak of `Technician` joined with its current `Affiliation` as `people()` joins them. A test holds them
to the same answers as `decide`.
"""

from peewee import JOIN, SQL, ColumnBase, Expression

from db.models import Affiliation, Technician
from db.models.base import Rows
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.disclosure.policy import BUSINESS_ROLES, MASTER, OPERATOR_ROLES, Group, Viewer
from webapp.domain.disclosure.states import DisclosureState

_NOBODY = SQL("1 = 0")
_EVERYBODY = SQL("1 = 1")


def people() -> "Rows[Technician]":
    """Return a select of technicians, each with the current affiliation or none; filter it with `visible_to`."""
    return Technician.select(Technician, Affiliation).join(
        Affiliation,
        JOIN.LEFT_OUTER,
        on=((Affiliation.technician == Technician.id) & Affiliation.current),
    )


def disclosed(group: Group = Group.PERSON) -> ColumnBase:
    """Return the condition that both sides have opened a group and the affiliation is current.

    The master's part is written with numbers in place, exactly as in the index `affiliation_open`.
    """
    both = Affiliation.technician_keys.bin_and(Affiliation.business_keys)
    master = Expression(both.bin_and(SQL(str(MASTER))), "=", SQL(str(MASTER)))
    if group is Group.PERSON:
        return Affiliation.current & master
    return Affiliation.current & master & (both.bin_and(SQL(str(group.bit))) == SQL(str(group.bit)))


def visible_to(viewer: Viewer, group: Group) -> ColumnBase:
    """Return the condition under which a viewer sees a group of a technician; the same as `decide`.

    Where there is no affiliation it may be NULL instead of false, which a WHERE treats alike.
    """
    if not viewer.active:
        return _NOBODY
    if viewer.kind == AccountKind.OPERATOR and viewer.role in OPERATOR_ROLES:
        return _EVERYBODY
    if viewer.kind == AccountKind.TECHNICIAN and viewer.technician_id is not None:
        return Technician.id == viewer.technician_id
    if viewer.kind == AccountKind.BUSINESS_USER and viewer.role in BUSINESS_ROLES and viewer.business_id is not None:
        own = Affiliation.current & (Affiliation.business == viewer.business_id)
        return own | disclosed(group)
    return _NOBODY


def in_state(state: DisclosureState, group: Group = Group.PERSON) -> ColumnBase:
    """Return the condition that a group of a currently affiliated technician stands in one of the four states."""
    bits = MASTER | group.bit
    technician = Affiliation.technician_keys.bin_and(bits) == bits
    business = Affiliation.business_keys.bin_and(bits) == bits
    keys: dict[DisclosureState, Expression] = {
        DisclosureState.OPEN: technician & business,
        DisclosureState.WAITS_FOR_BUSINESS: technician & ~business,
        DisclosureState.WAITS_FOR_TECHNICIAN: ~technician & business,
        DisclosureState.CLOSED: ~technician & ~business,
    }
    return Affiliation.current & keys[state]
