"""Who may use which route: the one table. A route without an entry stops the start; nothing is open by default."""

from webapp.guards import ANYONE, Rule

# endpoint: rule. In alphabetical order.
ACCESS: dict[str, Rule] = {
    "health.alive": ANYONE,
    "health.ready": ANYONE,
    "start.index": ANYONE,
    "start.language": ANYONE,
}
