"""Takes the messages that the CDK emits to where the race counts: sink.py DESTINATION FOLDER [POSTGRES_URL]

The CDK itself writes nothing but messages, so this stands in for a destination, as small and fast as one can
be: orjson, batches of 10,000 records, one transaction a batch. The last state message is kept once everything
before it is committed.
"""

import os
import sqlite3
import sys

import orjson

destination, folder, *rest = sys.argv[1:]
columns = ["id", "updated_at", "name", "email", "status", "amount", "country", "note", "verified"]
names = ", ".join(columns)
updates = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
batch_size = 10_000


def rows_of(records):
    return [tuple(record.get(column) for column in columns) for record in records]


def sqlite_writer():
    database = sqlite3.connect(os.path.join(folder, "records.db"), isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, updated_at TEXT, name TEXT, email TEXT,"
        " status TEXT, amount REAL, country TEXT, note TEXT, verified INTEGER)"
    )
    places = ", ".join("?" * len(columns))
    upsert = f"INSERT INTO records ({names}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {updates}"

    def write(records):
        database.execute("BEGIN")
        database.executemany(upsert, rows_of(records))
        database.execute("COMMIT")

    return write


def postgres_writer():
    import psycopg

    connection = psycopg.connect(rest[0], autocommit=True)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS records (id bigint PRIMARY KEY, updated_at timestamptz, name text, email text,"
        " status text, amount double precision, country text, note text, verified boolean)"
    )
    connection.execute("CREATE TEMP TABLE incoming (LIKE records)")

    def write(records):
        with connection.transaction():
            with connection.cursor().copy(f"COPY incoming ({names}) FROM STDIN") as copy:
                for row in rows_of(records):
                    copy.write_row(row)
            connection.execute(
                f"INSERT INTO records ({names}) SELECT {names} FROM incoming ON CONFLICT (id) DO UPDATE SET {updates}"
            )
            connection.execute("TRUNCATE incoming")

    return write


def file_writer():
    out = open(os.path.join(folder, "records.jsonl"), "ab")

    def write(records):
        out.write(b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records))
        out.flush()
        os.fsync(out.fileno())

    return write


write = {"sqlite": sqlite_writer, "postgres": postgres_writer, "jsonl": file_writer}[destination]()
batch = []
states = 0
for line in sys.stdin.buffer:
    message = orjson.loads(line)
    kind = message["type"]
    if kind == "RECORD":
        batch.append(message["record"]["data"])
        if len(batch) == batch_size:
            write(batch)
            batch = []
    elif kind == "STATE":
        if batch:
            write(batch)
            batch = []
        states += 1
        with open(os.path.join(folder, "state.json"), "wb") as file:
            file.write(orjson.dumps([message["state"]]))
    elif kind == "TRACE" and message["trace"]["type"] == "ERROR":
        sys.stderr.write(message["trace"]["error"]["message"] + "\n")
if batch:
    write(batch)
with open(os.path.join(folder, "states.txt"), "a") as file:
    file.write(f"{states}\n")
