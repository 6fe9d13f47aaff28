"""What a model learns about a database before it writes a query."""

import pytest

from colloquy.agents.data.errors import QueryBoundError, QueryStoppedError
from colloquy.agents.data.schema import schema_of
from tests.agents.data.shops import COUNTRIES


class Wrapped:
    """A database that counts its queries and fails those chosen by a test."""

    def __init__(self, database, error=None):
        self.database, self.error = database, error
        self.name, self.dialect = database.name, database.dialect
        self.asked = 0

    def tables(self):
        self.asked += 1
        return self.database.tables()

    def query(self, sql, bounds=None, cancellation=None):
        self.asked += 1
        if self.error:
            raise self.error
        return self.database.query(sql, bounds, cancellation)


def test_it_has_the_tables_and_the_values_of_columns_with_few_distinct_ones(shop):
    schema = schema_of(shop.database)
    assert "orders" in {table.name for table in schema.tables}
    assert set(schema.values["orders"]["country"]) == set(COUNTRIES)


def test_the_schema_is_cached_for_a_while(shop):
    database = Wrapped(shop.database)
    schema = schema_of(database)
    asked = database.asked
    assert schema_of(database) is schema
    assert database.asked == asked


def test_an_unreadable_table_is_described_by_its_columns(shop):
    schema = schema_of(Wrapped(shop.database, QueryBoundError("too slow")))
    assert schema.tables
    assert schema.values == {}


def test_a_stop_ends_the_inspection(shop):
    with pytest.raises(QueryStoppedError):
        schema_of(Wrapped(shop.database, QueryStoppedError("stopped")))
