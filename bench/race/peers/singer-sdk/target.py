"""The race's targets of the Singer SDK: target.py sqlite-plain|sqlite-tuned|jsonl-tuned|postgres-plain|postgres-tuned …

Plain: for SQLite the SDK's own SQLTarget, with an insert that takes the newer row, since the SDK's appends; for
PostgreSQL the SDK's target of MeltanoLabs; both read messages by msgspec, as the SDK offers it. Tuned goes past
that: SQLite and files are written past SQLAlchemy, and numbers are read as floats in place of decimals.
"""

import os
import sqlite3
import sys

import msgspec
import sqlalchemy as sa
from singer_sdk import BatchSink, SQLConnector, SQLSink, SQLTarget, Target
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecReader

decode = msgspec.json.Decoder().decode


class FloatReader(MsgSpecReader):
    def deserialize_json(self, line):
        return decode(line)


class PlainSqliteConnector(SQLConnector):
    allow_temp_tables = False
    allow_column_alter = False

    def get_sqlalchemy_url(self, config):
        return f"sqlite:///{config['path']}"


class PlainSqliteSink(SQLSink):
    connector_class = PlainSqliteConnector

    def generate_insert_statement(self, full_table_name, schema):
        # The SDK's own takes every column for text, which SQLite's driver refuses decimals for.
        columns = [
            sa.Column(name, sa.Numeric if "number" in prop["type"] else sa.String)
            for name, prop in self.conform_schema(schema)["properties"].items()
        ]
        return sa.Table(self.table_name, sa.MetaData(), *columns).insert().prefix_with("OR REPLACE")


class PlainSqliteTarget(SQLTarget):
    name = "target-race"
    default_sink_class = PlainSqliteSink
    message_reader_class = MsgSpecReader
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


class TunedSqliteSink(BatchSink):
    def setup(self):
        self.columns = list(self.schema["properties"])
        names = ", ".join(self.columns)
        places = ", ".join("?" * len(self.columns))
        updates = ", ".join(f"{column} = excluded.{column}" for column in self.columns[1:])
        self.database = sqlite3.connect(self.config["path"], isolation_level=None, check_same_thread=False)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, updated_at TEXT, name TEXT, email TEXT,"
            " status TEXT, amount REAL, country TEXT, note TEXT, verified INTEGER)"
        )
        self.upsert = f"INSERT INTO records ({names}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {updates}"

    def process_batch(self, context):
        columns = self.columns
        self.database.execute("BEGIN")
        self.database.executemany(
            self.upsert, [tuple(record.get(column) for column in columns) for record in context["records"]]
        )
        self.database.execute("COMMIT")


class TunedFileSink(BatchSink):
    def setup(self):
        self.out = open(self.config["path"], "ab")
        self.encode = msgspec.json.Encoder().encode

    def process_batch(self, context):
        encode = self.encode
        self.out.write(b"\n".join(encode(record) for record in context["records"]) + b"\n")
        self.out.flush()
        os.fsync(self.out.fileno())


class TunedTarget(Target):
    name = "target-race"
    message_reader_class = FloatReader
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


class TunedSqliteTarget(TunedTarget):
    default_sink_class = TunedSqliteSink


class TunedFileTarget(TunedTarget):
    default_sink_class = TunedFileSink


def postgres_target(reader):
    from target_postgres.target import TargetPostgres

    class PostgresTarget(TargetPostgres):
        message_reader_class = reader

    return PostgresTarget


targets = {
    "sqlite-plain": lambda: PlainSqliteTarget,
    "sqlite-tuned": lambda: TunedSqliteTarget,
    "jsonl-tuned": lambda: TunedFileTarget,
    "postgres-plain": lambda: postgres_target(MsgSpecReader),
    "postgres-tuned": lambda: postgres_target(FloatReader),
}

if __name__ == "__main__":
    targets[sys.argv.pop(1)]().cli()
