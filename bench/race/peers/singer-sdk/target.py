"""The race's SQLite and JSON lines targets, of the Singer SDK: target.py sqlite|jsonl|postgres …

PyPI has older targets for SQLite and JSON lines, made before the SDK; these use the SDK's own classes and its
batches of 10,000, and write a batch as fast as Python can. PostgreSQL is the SDK's target of MeltanoLabs, with
the same reader of messages.
"""

import os
import sqlite3
import sys

import msgspec
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th
from singer_sdk.singerlib.encoding.simple import SimpleSingerReader


class Decoder:
    """What the SDK's msgspec reader does, but keeping floats as floats: decimals only cost time here."""

    decode = staticmethod(msgspec.json.Decoder().decode)


class Reader(SimpleSingerReader):
    def deserialize_json(self, line):
        return Decoder.decode(line)


class SqliteSink(BatchSink):
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


class FileSink(BatchSink):
    def setup(self):
        self.out = open(self.config["path"], "ab")
        self.encode = msgspec.json.Encoder().encode

    def process_batch(self, context):
        encode = self.encode
        self.out.write(b"\n".join(encode(record) for record in context["records"]) + b"\n")
        self.out.flush()
        os.fsync(self.out.fileno())


class RaceTarget(Target):
    name = "target-race"
    message_reader_class = Reader
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


class SqliteTarget(RaceTarget):
    default_sink_class = SqliteSink


class FileTarget(RaceTarget):
    default_sink_class = FileSink


def postgres_target():
    from target_postgres.target import TargetPostgres

    class PostgresTarget(TargetPostgres):
        message_reader_class = Reader

    return PostgresTarget


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    {"sqlite": lambda: SqliteTarget, "jsonl": lambda: FileTarget, "postgres": postgres_target}[kind]().cli()
