"""What the client in Python promises, against a real service.

    TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… python3 -m unittest test_delta_run
"""

import http.server
import json
import logging
import threading
import time
import unittest
import uuid
from datetime import datetime, timedelta, timezone

from delta_run import Client, CursorNotSet, Problem, RunActive, RunSuperseded, delta_run, get_state, resolve_since

FIRST, SECOND = "2026-03-01T08:00:00Z", "2026-03-01T09:00:00.000000001Z"


class Streams(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.WARNING)
        self.stream = ("sap/eu", f"suppliers {uuid.uuid4()}")

    def state(self):
        return get_state(*self.stream)

    def commit(self, cursor):
        with delta_run(*self.stream) as run:
            run.set_new_cursor(cursor)

    def test_a_stream_that_was_never_begun_is_idle(self):
        state = self.state()
        self.assertEqual((state["status"], state["cursor_value"], state["epoch"]), ("idle", None, 0))
        self.assertIsNone(state["started_at_utc"])

    def test_a_block_that_ends_commits_its_cursor_and_what_it_says_of_itself(self):
        with delta_run(*self.stream) as run:
            self.assertIsNone(run.lower_bound_cursor)
            self.assertEqual(self.state()["status"], "running")
            run.set_new_cursor(SECOND)
            run.set_records_processed(2)
            run.set_metadata({"since": None, "id": 12345678901234567890, "__proto__": 1})
        state = self.state()
        self.assertEqual((state["status"], state["cursor_value"], state["records_processed"]), ("completed", SECOND, 2))
        self.assertEqual(state["metadata"], {"since": None, "id": 12345678901234567890, "__proto__": 1})
        with delta_run(*self.stream) as run:
            self.assertEqual(run.lower_bound_cursor, SECOND)
            run.set_new_cursor(None)

    def test_nothing_new_keeps_the_cursor_on_the_first_run_and_later(self):
        for before in (None, FIRST):
            if before is not None:
                self.commit(before)
            with delta_run(*self.stream) as run:
                run.set_new_cursor(None)
            self.assertEqual((self.state()["status"], self.state()["cursor_value"]), ("completed", before))

    def test_a_block_that_says_nothing_fails(self):
        with self.assertRaises(CursorNotSet):
            with delta_run(*self.stream):
                pass
        self.assertEqual(self.state()["status"], "failed")

    def test_an_exception_fails_the_run_with_its_counts_and_goes_on(self):
        self.commit(FIRST)
        with self.assertRaisesRegex(RuntimeError, "502"):
            with delta_run(*self.stream) as run:
                run.set_new_cursor(SECOND)
                run.set_records_processed(7)
                run.set_metadata({"page": 4})
                raise RuntimeError("the source answered 502")
        state = self.state()
        self.assertEqual((state["status"], state["cursor_value"]), ("failed", FIRST))
        self.assertEqual((state["last_error"], state["records_processed"]), ("the source answered 502", 7))
        self.assertEqual(state["metadata"], {"page": 4})

    def test_a_cursor_that_is_refused_fails_the_run(self):
        self.commit(SECOND)
        for cursor, code in ((FIRST, "CURSOR_REGRESSION"), ("banana", "CURSOR_TYPE_MISMATCH"), ("a\0", "INVALID_REQUEST")):
            with self.assertRaises(Problem) as refused:
                self.commit(cursor)
            self.assertEqual(refused.exception.code, code)
            self.assertEqual((self.state()["status"], self.state()["cursor_value"]), ("failed", SECOND))
            self.assertIn(code, self.state()["last_error"])

    def test_a_failure_is_recorded_whatever_its_text(self):
        for text, kept in (
            ("a\0b", "a\ufffdb"),
            ("half \ud800 of a pair", "half \ufffd of a pair"),
            ("", "ValueError"),
            ("two\nlines", "two lines"),
            ("x" * 2_000_000, "x" * 9_999 + "…"),
        ):
            with self.assertRaises(ValueError):
                with delta_run(*self.stream):
                    raise ValueError(text)
            self.assertEqual((self.state()["status"], self.state()["last_error"]), ("failed", kept))

    def test_a_failure_is_recorded_where_what_the_run_says_of_itself_is_refused(self):
        with self.assertRaises(ValueError):
            with delta_run(*self.stream) as run:
                run.set_metadata({"text": "x" * 2_000_000})
                raise ValueError("no")
        self.assertEqual((self.state()["status"], self.state()["last_error"]), ("failed", "no"))

    def test_what_cannot_be_kept_is_refused_where_it_is_said(self):
        with delta_run(*self.stream) as run:
            for wrong in (1.5, True, object()):
                self.assertRaises(TypeError, run.set_new_cursor, wrong)
            self.assertRaises(ValueError, run.set_new_cursor, datetime(2026, 3, 1))
            self.assertRaises(ValueError, run.set_metadata, {"a": float("nan")})
            self.assertRaises(TypeError, run.set_metadata, [1])
            self.assertRaises(ValueError, run.set_records_processed, -1)
            run.set_new_cursor(datetime(2026, 3, 1, 8, tzinfo=timezone.utc))
        self.assertEqual(self.state()["cursor_value"], FIRST)

    def test_integers_keep_every_digit(self):
        with delta_run(*self.stream, "numeric_id") as run:
            run.set_new_cursor(12345678901234567890123)
        self.assertEqual(self.state()["cursor_value"], "12345678901234567890123")

    def test_a_checkpoint_stays_where_the_run_fails_after_it(self):
        with self.assertRaises(ValueError):
            with delta_run(*self.stream) as run:
                run.checkpoint(FIRST)
                run.checkpoint(SECOND)
                raise ValueError("later")
        self.assertEqual((self.state()["status"], self.state()["cursor_value"]), ("failed", SECOND))
        with delta_run(*self.stream) as run:
            run.checkpoint(SECOND)
        self.assertEqual((self.state()["status"], self.state()["cursor_value"]), ("completed", SECOND))

    def test_the_lease_is_renewed_while_the_block_works(self):
        with delta_run(*self.stream, lease_seconds=1) as run:
            granted = self.state()["lease"]["expires_at_utc"]
            deadline = time.monotonic() + 20
            while self.state()["lease"]["expires_at_utc"] == granted and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertGreater(self.state()["lease"]["expires_at_utc"], granted)
            with self.assertRaises(RunActive):
                Client().begin(*self.stream, if_running="refuse")
            run.set_new_cursor(FIRST)

    def test_a_run_that_was_taken_over_commits_nothing_and_says_so(self):
        client = Client()
        with self.assertRaises(RunSuperseded):
            with delta_run(*self.stream, client=client) as run:
                other = client.begin(*self.stream)
                self.assertFalse(run.is_lost)
                self.assertRaises(RunSuperseded, run.heartbeat)
                self.assertTrue(run.is_lost)
                run.set_new_cursor(SECOND)
        other.complete(FIRST)
        self.assertEqual((self.state()["cursor_value"], self.state()["epoch"]), (FIRST, 2))

    def test_a_backfill_runs_beside_and_commits_no_cursor(self):
        self.commit(SECOND)
        with delta_run(*self.stream) as live:
            with delta_run(*self.stream, kind="backfill", if_running="refuse") as backfill:
                self.assertEqual(backfill.lower_bound_cursor, SECOND)
                backfill.checkpoint(FIRST)
                backfill.set_records_processed(3)
            with self.assertRaises(ValueError):
                with delta_run(*self.stream, kind="backfill"):
                    raise ValueError("no")
            live.set_new_cursor(None)
        self.assertEqual((self.state()["status"], self.state()["cursor_value"]), ("completed", SECOND))

    def test_the_bare_calls_end_a_run_by_hand(self):
        client = Client()
        run = client.begin(*self.stream, cursor_type="opaque_token", lease_seconds=30)
        self.assertEqual(run.complete("token", )["cursor_value"], "token")
        self.assertEqual(run.complete("token")["status"], "completed")
        with self.assertRaises(Problem) as refused:
            run.complete("another")
        self.assertEqual((refused.exception.code, refused.exception.status), ("RUN_FINISHED", 409))
        failed = client.begin(*self.stream).fail("by hand")
        self.assertEqual((failed["status"], failed["last_error"]), ("failed", "by hand"))

    def test_since_is_the_override_the_cursor_or_some_days_back(self):
        now = datetime(2026, 3, 8, 1, tzinfo=timezone(timedelta(hours=1)))
        self.assertEqual(resolve_since(FIRST, override="2020-01-01T00:00:00Z"), "2020-01-01T00:00:00Z")
        self.assertEqual(resolve_since(FIRST, override=""), FIRST)
        self.assertEqual(resolve_since(None, lookback_days=7, now=now), "2026-03-01T00:00:00Z")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers each request by the next of a list: a status, headers and a body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.headers["Authorization"])
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("x-length", str(len(body))))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Answered(unittest.TestCase):
    def ask(self, *answers):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        server.answers, server.asked = list(answers), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.server = server
        return Client(f"http://127.0.0.1:{server.server_port}", "tmk_x").ask("GET", "/v1/streams")

    def test_a_request_is_made_again_where_the_service_is_away_busy_or_cut_off(self):
        busy = (503, {"Retry-After": "0"}, json.dumps({"code": "STATE_UNAVAILABLE", "recoverable": True}))
        answers = [(502, {}, "<html>"), busy, (200, {"x-length": "100"}, '{"items": ['), (200, {}, '{"items": []}')]
        self.assertEqual(self.ask(*answers), {"items": []})

    def test_what_another_answers_is_told_as_such(self):
        with self.assertRaises(Problem) as told:
            self.ask((404, {}, "<html>not here</html>"))
        self.assertEqual(told.exception.code, "HTTP_404")

    def test_the_key_does_not_follow_a_redirect(self):
        with self.assertRaises(Problem) as told:
            self.ask((307, {"Location": "/elsewhere"}, ""))
        self.assertEqual((told.exception.code, self.server.asked), ("HTTP_307", ["Bearer tmk_x"]))


if __name__ == "__main__":
    unittest.main()
