"""What the chart of destinations walks: where something failed, and then those domains alone.

Most domains are a business's own and took what was sent; of tens of thousands only a few hundred fail in a quarter. The
counts themselves stand in no index: a counter that goes up writes none.
"""

from db.schema import execute_script

# The condition must be written as `webapp.domain.destinations` does. The figure begins both indexes: without, SQLite
# takes the primary key, by figure and day, and walks every domain of the period. The second has no condition on it:
# what a condition says already, PostgreSQL does not look up, and could not use the index.
INDEXES = """
CREATE INDEX counter_failing ON counter (figure, c, day, a, b)
    WHERE figure = 'notices_by_destination' AND c IN ('dead', 'refused', 'temporary', 'ours');
CREATE INDEX counter_destination ON counter (figure, b, day, a);
"""

BEFORE = """
DROP INDEX counter_destination;
DROP INDEX counter_failing;
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    execute_script(db, BEFORE)
