"""Incremental sync against the Tidemark state service, with nothing but Python's standard library (3.9 or newer).

Copy this file into your project. Then:

    from delta_run import delta_run, resolve_since

    with delta_run("sap_eu", "suppliers") as run:
        since = resolve_since(run.lower_bound_cursor, lookback_days=7)
        records, watermark = fetch_suppliers_since(since)
        save(records)
        run.set_new_cursor(watermark)  # or None: nothing was new, and the cursor stays
        run.set_records_processed(len(records))
        run.set_metadata({"since": since})

The end of the block completes the run. An exception fails it, leaves the cursor, and goes on to your caller. A block
that ends without `set_new_cursor` raises `CursorNotSet`. While the block works, a thread renews the run's lease.

The address and the key come from TIDEMARK_URL and TIDEMARK_KEY, or from a `Client` of your own. As a program, this
file runs an example:

    TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… python3 delta_run.py sap_eu suppliers
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Optional, Union

CursorValue = Union[str, int, datetime]

log = logging.getLogger("tidemark")
_UNSET: Any = object()
_LONGEST_ERROR = 10_000


class Problem(Exception):
    """What the service refuses. Decide by `code`; `hint` says what to do; `details` has facts for programs."""

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: Optional[float] = None):
        self.status = status
        #: How many seconds to wait before the same request may succeed; None where it will not.
        self.retry_after = retry_after
        self.code = str(document.get("code", f"HTTP_{status}"))
        self.detail = str(document.get("detail", "the answer came from something other than the service"))
        self.hint = str(document.get("hint", "Check TIDEMARK_URL, and proxies between you and the service."))
        self.recoverable = bool(document.get("recoverable", False))
        self.details = document.get("details") or {}
        super().__init__(f"{self.code}: {self.detail} ({self.hint})")


class RunActive(Problem):
    """Another run holds the stream's lease, and the begin asked with `if_running="refuse"`."""


class RunSuperseded(Problem):
    """A newer run, a reset or a rewind has the stream; nothing of this run was accepted since."""


class CursorNotSet(RuntimeError):
    """The block ended without saying how far it came."""


_PROBLEMS = {"RUN_ACTIVE": RunActive, "RUN_SUPERSEDED": RunSuperseded}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key must not follow a redirect to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """The service at one address. May be shared by threads."""

    def __init__(
        self,
        url: Optional[str] = None,
        key: Optional[str] = None,
        *,
        timeout_seconds: float = 30,
        give_up_after_seconds: float = 30,
    ):
        self._url = (url or _environment("TIDEMARK_URL")).rstrip("/")
        self._key = key or _environment("TIDEMARK_KEY")
        self._timeout = timeout_seconds
        self._give_up_after = give_up_after_seconds
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get_state(self, connector: str, stream: str) -> dict:
        """Where the stream stands. One that was never begun is `idle`, without a cursor and with epoch 0."""
        try:
            return self.ask("GET", _path(connector, stream))
        except Problem as problem:
            if problem.code != "STREAM_NOT_FOUND":
                raise
            return _never_begun(connector, stream)

    def begin(self, connector: str, stream: str, **options: Any) -> Run:
        """Begins a run; the options are those of `delta_run`. The caller completes or fails it."""
        options.setdefault("run_id", str(uuid.uuid4()))
        given = {name: value for name, value in options.items() if value is not None}
        return Run(self, self.ask("POST", _path(connector, stream) + "/begin", given))

    def ask(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> dict:
        """One request, made again while the service cannot be reached or is busy.

        Every request of a run may be repeated, so a lost answer does no harm.
        """
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        deadline = time.monotonic() + self._give_up_after
        pause = 0.2
        failure: Exception
        while True:
            try:
                return self._ask_once(method, path, data)
            except Problem as problem:
                if problem.retry_after is None:
                    raise
                failure, wait = problem, max(problem.retry_after, pause)
            except (OSError, http.client.HTTPException) as error:
                failure, wait = error, pause
            if time.monotonic() + wait > deadline:
                raise failure
            time.sleep(wait)
            pause = min(pause * 2, 5)

    def _ask_once(self, method: str, path: str, data: Optional[bytes]) -> dict:
        headers = {"Authorization": "Bearer " + self._key, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise _problem_of(refused) from None
        except ValueError as error:
            raise Problem(200, {"detail": f"the answer is not JSON: {error}"}) from None


class Run:
    """A granted run. `delta_run` begins it and ends it."""

    def __init__(self, client: Client, granted: Mapping[str, Any]):
        self._client = client
        self._path = _path(granted["connector"], granted["stream"])
        self._named = {name: granted[name] for name in ("run_id", "epoch", "kind", "backfill") if name in granted}
        self._new_cursor: Any = _UNSET
        self._sequence = 0
        self._lost = threading.Event()
        self.run_id: str = granted["run_id"]
        self.epoch: int = granted["epoch"]
        self.kind: str = granted["kind"]
        self.lease_seconds: int = granted["lease_seconds"]
        #: The watermark that the last run committed, to be read from inclusively; None on the first run.
        self.lower_bound_cursor: Optional[str] = granted["lower_bound_cursor"]
        self._records_processed: Optional[int] = None
        self._metadata: Optional[Mapping[str, Any]] = None
        #: "completed" or "failed" once the run has ended.
        self.status = "running"

    @property
    def is_lost(self) -> bool:
        """Whether another run has the stream. Stop then: nothing more of this run is accepted."""
        return self._lost.is_set()

    def set_new_cursor(self, value: Optional[CursorValue]) -> None:
        """Says how far the run came. `None` leaves the cursor where it is, on purpose: nothing was new."""
        self._new_cursor = _cursor(value)

    @property
    def records_processed(self) -> Optional[int]:
        return self._records_processed

    @records_processed.setter
    def records_processed(self, count: int) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"records_processed is {count!r}; it is a whole number from 0")
        self._records_processed = count

    def set_records_processed(self, count: int) -> None:
        self.records_processed = count

    @property
    def metadata(self) -> Optional[Mapping[str, Any]]:
        """A JSON object to keep with the run, also where it fails."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        if not isinstance(metadata, Mapping):
            raise TypeError(f"metadata is a mapping, not {type(metadata).__name__}")
        self._metadata = json.loads(json.dumps(dict(metadata), allow_nan=False))

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata

    def checkpoint(self, value: CursorValue) -> None:
        """Moves the watermark now: what fails afterwards leaves it there. Call it when all before it is saved.

        It stands for `set_new_cursor`. A backfill only renews its lease.
        """
        if self.kind == "backfill":
            return self.heartbeat()
        body = {"sequence": self._sequence + 1, "new_cursor_value": _cursor(value), **self._counts(metadata=False)}
        try:
            self._post("checkpoint", body)
        except Problem as problem:
            # The answer to an earlier one was lost, and so whether it was stored.
            if problem.code != "CHECKPOINT_OUT_OF_ORDER":
                raise
            body["sequence"] = problem.details["last_sequence"] + 1
            self._post("checkpoint", body)
        self._sequence = body["sequence"]
        self._new_cursor = None

    def heartbeat(self) -> None:
        """Renews the lease. `delta_run` does this by itself."""
        self._post("heartbeat", {})

    def complete(self, new_cursor_value: Optional[CursorValue] = _UNSET) -> dict:
        """Commits the cursor, and answers the stream's state. Inside `delta_run` the block's end does this."""
        if new_cursor_value is not _UNSET:
            self.set_new_cursor(new_cursor_value)
        if self._new_cursor is _UNSET and self.kind != "backfill":
            raise CursorNotSet("the run ended without set_new_cursor(); give it None where nothing was new")
        cursor = None if self.kind == "backfill" else self._new_cursor
        state = self._post("complete", {"new_cursor_value": cursor, **self._counts()})
        self.status = "completed"
        return state

    def fail(self, error: object) -> dict:
        """Records that the run failed; the watermark stays at its last checkpoint."""
        summary = {"error_summary": _summary(error)}
        try:
            state = self._post("fail", {**summary, **self._counts()})
        except Problem as problem:
            if problem.status not in (413, 422):
                raise
            # What the run says of itself is refused; that it failed is recorded all the same.
            state = self._post("fail", summary)
        self.status = "failed"
        return state

    def _counts(self, metadata: bool = True) -> dict:
        counts = {"records_processed": self.records_processed, "metadata": self.metadata if metadata else None}
        return {name: value for name, value in counts.items() if value is not None}

    def _post(self, step: str, body: Mapping[str, Any]) -> dict:
        try:
            return self._client.ask("POST", f"{self._path}/{step}", {**self._named, **body})
        except RunSuperseded:
            self._lost.set()
            raise


class delta_run:
    """Begin, work, complete or fail: a context manager whose value is the `Run`.

    `cursor_type` is `timestamp_utc` (also where it is not given and the stream is new), `numeric_id`, `text`, `offset`
    or `opaque_token`. `if_running="refuse"` raises `RunActive` while another run holds its lease; without it the
    stream is taken over. `kind="backfill"` runs beside the live runs and commits no cursor. `lease_seconds` is how
    long the run may be silent before another may take over: 60 unless given.
    """

    def __init__(
        self,
        connector: str,
        stream: str,
        cursor_type: Optional[str] = None,
        *,
        kind: Optional[str] = None,
        if_running: Optional[str] = None,
        lease_seconds: Optional[int] = None,
        client: Optional[Client] = None,
    ):
        self._client = client
        self._stream = (connector, stream)
        options = {"cursor_type": cursor_type, "kind": kind, "if_running": if_running, "lease_seconds": lease_seconds}
        self._options = options

    def __enter__(self) -> Run:
        client = self._client or Client()
        self._run = client.begin(*self._stream, **self._options)
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="tidemark heartbeat", daemon=True)
        self._heart.start()
        return self._run

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        self._ended.set()
        self._heart.join()
        run = self._run
        if run.status != "running":
            return
        if error is not None:
            return self._fail(error)
        try:
            run.complete()
        except BaseException as refused:
            self._fail(refused)
            raise

    def _fail(self, error: BaseException) -> None:
        """What failed the run is what the caller is to see, also where recording it fails."""
        try:
            self._run.fail(error)
        except (Problem, OSError, http.client.HTTPException) as refused:
            log.warning("the failure of run %s was not recorded: %s", self._run.run_id, refused)

    def _beat(self) -> None:
        while not self._ended.wait(self._run.lease_seconds / 3):
            try:
                self._run.heartbeat()
            except Problem as problem:
                log.warning("run %s: %s", self._run.run_id, problem)
                if self._run.is_lost or problem.code == "RUN_FINISHED":
                    return
            except (OSError, http.client.HTTPException) as error:
                log.warning("the lease of run %s was not renewed: %s", self._run.run_id, error)


def get_state(connector: str, stream: str, client: Optional[Client] = None) -> dict:
    """Where a stream stands, to decide by before a run begins; `idle` where it was never begun."""
    return (client or Client()).get_state(connector, stream)


def resolve_since(
    lower_bound_cursor: Optional[str],
    *,
    override: Optional[str] = None,
    lookback_days: int = 7,
    now: Optional[datetime] = None,
) -> str:
    """Where to read from: the operator's override, else the cursor, else so many days back."""
    if override:
        return override
    if lower_bound_cursor is not None:
        return lower_bound_cursor
    start = (now or datetime.now(timezone.utc)) - timedelta(days=lookback_days)
    return start.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} is not set; set it, or give it to Client(…)")
    return value


def _path(connector: str, stream: str) -> str:
    names = [urllib.parse.quote(name, safe="") for name in (connector, stream)]
    # A name of dots alone would be taken for a step in the path.
    return "/v1/streams/" + "/".join(name.replace(".", "%2E") if name in (".", "..") else name for name in names)


def _never_begun(connector: str, stream: str) -> dict:
    unknown = ("cursor_type", "cursor_value", "run_id", "started_at_utc", "lease", "last_error", "metadata")
    numbers = {"epoch": 0, "sequence": 0, "records_processed": 0}
    nothing = {name: None for name in (*unknown, "updated_at_utc")}
    return {"connector": connector, "stream": stream, "status": "idle", **numbers, **nothing}


def _cursor(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a cursor needs a time zone: datetime.now(timezone.utc), not datetime.now()")
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"a cursor is text, an int or a datetime, not {type(value).__name__}; a float has lost digits")


def _summary(error: object) -> str:
    """One line that every database can store: no U+0000, no half of a surrogate pair, at most 10,000 characters."""
    text = " ".join((str(error) or type(error).__name__).split())
    text = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _problem_of(refused: urllib.error.HTTPError) -> Problem:
    try:
        document = json.load(refused)
    except (ValueError, OSError, http.client.HTTPException):
        document = None
    known = document if isinstance(document, dict) else {}
    retry_after = None
    if refused.code in (429, 502, 503, 504):
        wait = refused.headers.get("Retry-After", "")
        retry_after = float(wait) if wait.isdigit() else 0
    return _PROBLEMS.get(str(known.get("code")), Problem)(refused.code, known, retry_after)


# ---- the example ----


def fetch_since(cursor: Optional[str]) -> list:
    """Stands for the source: everything that changed at or after the cursor, oldest first."""
    records = [
        {"id": 1, "updated_at": "2026-03-01T08:00:00Z"},
        {"id": 2, "updated_at": "2026-03-01T09:00:00.000000001Z"},
    ]
    return [record for record in records if cursor is None or record["updated_at"] >= cursor]


def main(connector: str, stream: str) -> None:
    with delta_run(connector, stream) as run:
        records = fetch_since(run.lower_bound_cursor)
        print(json.dumps({"lower_bound_cursor": run.lower_bound_cursor, "records": len(records)}))
        run.set_records_processed(len(records))
        run.set_metadata({"lower_used": run.lower_bound_cursor})
        if os.environ.get("SOURCE_IS_DOWN"):
            raise RuntimeError("the source answered 502")
        run.set_new_cursor(records[-1]["updated_at"] if records else None)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: delta_run.py CONNECTOR STREAM")
    main(*sys.argv[1:])
