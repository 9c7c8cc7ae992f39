"""The rule of `policy.decide` in SQL, for lists, counts, searches and exports.

The expressions speak of a technician's current `Affiliation`. A test holds the lists that are made with them to the
same answers as `decide`.
"""

from peewee import SQL, ColumnBase, Expression

from db.models import Affiliation
from webapp.domain.disclosure.policy import MASTER, Group
from webapp.domain.disclosure.states import DisclosureState


def disclosed(group: Group = Group.PERSON) -> ColumnBase:
    """Return the condition that both sides have opened a group and the affiliation is current.

    The master's part is written with numbers in place, exactly as in the index `affiliation_open`.
    """
    both = Affiliation.technician_keys.bin_and(Affiliation.business_keys)
    master = Expression(both.bin_and(SQL(str(MASTER))), "=", SQL(str(MASTER)))
    if group is Group.PERSON:
        return Affiliation.current & master
    return Affiliation.current & master & (both.bin_and(SQL(str(group.bit))) == SQL(str(group.bit)))


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
