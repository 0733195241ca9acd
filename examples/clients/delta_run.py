"""A run of a stream against the Tidemark state service, with nothing but Python's standard library.

    TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… python3 delta_run.py sap_eu suppliers
"""

import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

UNSET = object()


class Problem(Exception):
    """What the service refuses: decide by `code`; `hint` says what to do."""

    def __init__(self, document):
        super().__init__(f"{document['code']}: {document['detail']} ({document['hint']})")
        self.code = document["code"]
        self.recoverable = document["recoverable"]


def ask(path, body=None, attempts=5):
    """One request. All requests of a run may be repeated, so that a lost answer does no harm."""
    request = urllib.request.Request(
        os.environ["TIDEMARK_URL"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["TIDEMARK_KEY"],
            "Content-Type": "application/json",
        },
    )
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code not in (429, 503) or attempt == attempts:
                raise Problem(json.load(refused)) from None
            time.sleep(float(refused.headers.get("Retry-After", attempt)))
        except OSError:
            if attempt == attempts:
                raise
            time.sleep(attempt)


class Run:
    def __init__(self, granted):
        self.lower_bound_cursor = granted["lower_bound_cursor"]
        self.new_cursor = UNSET
        self.records_processed = 0
        self.metadata = {}

    def set_new_cursor(self, value):
        self.new_cursor = value


@contextlib.contextmanager
def delta_run(connector, stream, cursor_type="timestamp_utc"):
    """Completes where the block ends, fails where it raises; the cursor then stays as it was."""
    names = "/".join(urllib.parse.quote(name, safe="") for name in (connector, stream))
    granted = ask(f"/v1/streams/{names}/begin", {"run_id": str(uuid.uuid4()), "cursor_type": cursor_type})
    named = {"run_id": granted["run_id"], "epoch": granted["epoch"]}
    run = Run(granted)
    try:
        yield run
        if run.new_cursor is UNSET:
            raise RuntimeError("the run ended without set_new_cursor()")
    except BaseException as error:
        with contextlib.suppress(Problem, OSError):
            ask(f"/v1/streams/{names}/fail", {**named, "error_summary": str(error) or type(error).__name__})
        raise
    ask(
        f"/v1/streams/{names}/complete",
        {
            **named,
            "new_cursor_value": run.new_cursor,
            "records_processed": run.records_processed,
            "metadata": run.metadata,
        },
    )


def fetch_since(cursor):
    """Stands for the source: everything that changed at or after the cursor, oldest first."""
    records = [
        {"id": 1, "updated_at": "2026-03-01T08:00:00Z"},
        {"id": 2, "updated_at": "2026-03-01T09:00:00.000000001Z"},
    ]
    return [record for record in records if cursor is None or record["updated_at"] >= cursor]


def main(connector, stream):
    with delta_run(connector, stream) as run:
        records = fetch_since(run.lower_bound_cursor)
        print(json.dumps({"lower_bound_cursor": run.lower_bound_cursor, "records": len(records)}))
        if os.environ.get("SOURCE_IS_DOWN"):
            raise RuntimeError("the source answered 502")
        run.records_processed = len(records)
        run.metadata = {"lower_used": run.lower_bound_cursor}
        run.set_new_cursor(records[-1]["updated_at"] if records else run.lower_bound_cursor)


if __name__ == "__main__":
    main(*sys.argv[1:3])
