// What the client in Go promises, against a real service:
//
//	TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… go test delta_run.go delta_run_test.go
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	first  = "2026-03-01T08:00:00Z"
	second = "2026-03-01T09:00:00.000000001Z"
)

var ctx = context.Background()

type bench struct {
	*testing.T
	*Client
	stream string
}

// newBench has a stream of its own, with a name that has to be percent-encoded.
func newBench(t *testing.T) *bench {
	t.Helper()
	client, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, client, fmt.Sprint("suppliers été/", time.Now().UnixNano())}
}

func (b *bench) run(options Options, work func(context.Context, *Run) error) error {
	return b.DeltaRun(ctx, "sap/eu", b.stream, options, work)
}

func (b *bench) commit(cursor string) {
	b.Helper()
	b.must(b.run(Options{}, func(_ context.Context, run *Run) error { run.SetNewCursor(cursor); return nil }))
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// expect compares the stored state with status, cursor and last error; "" is none.
func (b *bench) expect(status, cursor, lastError string) *State {
	b.Helper()
	state, err := b.State(ctx, "sap/eu", b.stream)
	b.must(err)
	found := fmt.Sprint(state.Status, "|", text(state.CursorValue), "|", text(state.LastError))
	if want := fmt.Sprint(status, "|", cursor, "|", lastError); found != want {
		b.Fatalf("found %s, want %s", found, want)
	}
	return state
}

func text(optional *string) string {
	if optional == nil {
		return ""
	}
	return *optional
}

func TestAStreamThatWasNeverBegunIsIdle(t *testing.T) {
	if state := newBench(t).expect("idle", "", ""); state.Epoch != 0 || state.StartedAt != nil || state.Stream == "" {
		t.Fatalf("%+v", state)
	}
}

func TestWorkThatReturnsCommitsItsCursorAndWhatItSaysOfItself(t *testing.T) {
	b := newBench(t)
	b.must(b.run(Options{}, func(_ context.Context, run *Run) error {
		if run.LowerBoundCursor != nil {
			t.Errorf("the first run begins at %s", *run.LowerBoundCursor)
		}
		b.expect("running", "", "")
		run.SetNewCursor(second)
		run.SetRecordsProcessed(2)
		return run.SetMetadata(map[string]any{"since": nil, "id": json.Number("12345678901234567890")})
	}))
	state := b.expect("completed", second, "")
	if state.RecordsProcessed != 2 || fmt.Sprint(state.Metadata["id"]) != "12345678901234567890" {
		t.Fatalf("%+v", state)
	}
	b.must(b.run(Options{}, func(_ context.Context, run *Run) error {
		if text(run.LowerBoundCursor) != second {
			t.Errorf("the next run begins at %s", text(run.LowerBoundCursor))
		}
		run.KeepCursor()
		return nil
	}))
}

func TestNothingNewKeepsTheCursorOnTheFirstRunAndLater(t *testing.T) {
	b := newBench(t)
	keep := func(_ context.Context, run *Run) error { run.KeepCursor(); return nil }
	b.must(b.run(Options{}, keep))
	b.expect("completed", "", "")
	b.commit(first)
	b.must(b.run(Options{}, keep))
	b.expect("completed", first, "")
}

func TestWorkThatSaysNothingFails(t *testing.T) {
	b := newBench(t)
	err := b.run(Options{}, func(context.Context, *Run) error { return nil })
	if !errors.Is(err, ErrCursorNotSet) {
		t.Fatal(err)
	}
	b.expect("failed", "", ErrCursorNotSet.Error())
}

func TestAnErrorFailsTheRunWithItsCountsAndComesBack(t *testing.T) {
	b := newBench(t)
	b.commit(first)
	away := errors.New("the source answered 502")
	err := b.run(Options{}, func(_ context.Context, run *Run) error {
		run.SetNewCursor(second)
		run.SetRecordsProcessed(7)
		b.must(run.SetMetadata(map[string]any{"page": 4}))
		return away
	})
	if !errors.Is(err, away) {
		t.Fatal(err)
	}
	state := b.expect("failed", first, away.Error())
	if state.RecordsProcessed != 7 || fmt.Sprint(state.Metadata) != "map[page:4]" {
		t.Fatalf("%+v", state)
	}
}

func TestAPanicFailsTheRunAndGoesOn(t *testing.T) {
	b := newBench(t)
	defer func() {
		if thrown := recover(); thrown != "no" {
			t.Fatal(thrown)
		}
		b.expect("failed", "", "panic: no")
	}()
	_ = b.run(Options{}, func(context.Context, *Run) error { panic("no") })
}

func TestAWorkThatIsCancelledIsRecordedAsFailed(t *testing.T) {
	b := newBench(t)
	cancelled, cancel := context.WithCancel(ctx)
	err := b.DeltaRun(cancelled, "sap/eu", b.stream, Options{}, func(ctx context.Context, run *Run) error {
		cancel()
		run.SetNewCursor(first)
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	b.expect("failed", "", "context canceled")
}

func TestACursorThatIsRefusedFailsTheRun(t *testing.T) {
	b := newBench(t)
	b.commit(second)
	for cursor, code := range map[string]string{
		first: "CURSOR_REGRESSION", "banana": "CURSOR_TYPE_MISMATCH", "a\x00": "INVALID_REQUEST",
	} {
		err := b.run(Options{}, func(_ context.Context, run *Run) error { run.SetNewCursor(cursor); return nil })
		if !HasCode(err, code) {
			t.Fatal(err)
		}
		state, _ := b.State(ctx, "sap/eu", b.stream)
		if state.Status != "failed" || text(state.CursorValue) != second || !strings.Contains(text(state.LastError), code) {
			t.Fatalf("%+v", state)
		}
	}
}

func TestAFailureIsRecordedWhateverItsText(t *testing.T) {
	b := newBench(t)
	for thrown, kept := range map[string]string{
		"a\x00b":                      "a\ufffdb",
		"half \xed\xa0\x80 of a pair": "half \ufffd of a pair",
		"two\nlines":                  "two lines",
		strings.Repeat("x", 2e6):      strings.Repeat("x", 9_999) + "…",
	} {
		_ = b.run(Options{}, func(context.Context, *Run) error { return errors.New(thrown) })
		b.expect("failed", "", kept)
	}
}

func TestAFailureIsRecordedWhereWhatTheRunSaysOfItselfIsRefused(t *testing.T) {
	b := newBench(t)
	_ = b.run(Options{}, func(_ context.Context, run *Run) error {
		b.must(run.SetMetadata(map[string]any{"text": strings.Repeat("x", 2e6)}))
		return errors.New("no")
	})
	b.expect("failed", "", "no")
}

func TestMetadataThatJSONCannotHoldIsRefusedWhereItIsSaid(t *testing.T) {
	if (&Run{}).SetMetadata(map[string]any{"a": make(chan int)}) == nil {
		t.Fatal("it was taken")
	}
}

func TestACheckpointStaysWhereTheRunFailsAfterIt(t *testing.T) {
	b := newBench(t)
	_ = b.run(Options{}, func(ctx context.Context, run *Run) error {
		b.must(run.Checkpoint(ctx, first))
		b.must(run.Checkpoint(ctx, second))
		return errors.New("later")
	})
	b.expect("failed", second, "later")
	b.must(b.run(Options{}, func(ctx context.Context, run *Run) error { return run.Checkpoint(ctx, second) }))
	b.expect("completed", second, "")
}

func TestTheLeaseIsRenewedWhileTheWorkGoesOn(t *testing.T) {
	b := newBench(t)
	b.must(b.run(Options{LeaseSeconds: 1}, func(ctx context.Context, run *Run) error {
		granted := b.expect("running", "", "").Lease.ExpiresAt
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if b.expect("running", "", "").Lease.ExpiresAt.After(granted) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the lease is what it was")
			}
		}
		if _, err := b.Begin(ctx, "sap/eu", b.stream, Options{IfRunning: "refuse"}); !HasCode(err, "RUN_ACTIVE") {
			t.Error(err)
		}
		run.SetNewCursor(first)
		return nil
	}))
}

func TestARunThatWasTakenOverIsToldCommitsNothingAndSaysSo(t *testing.T) {
	b := newBench(t)
	var other *Run
	err := b.run(Options{LeaseSeconds: 1}, func(working context.Context, run *Run) error {
		var err error
		other, err = b.Begin(ctx, "sap/eu", b.stream, Options{})
		b.must(err)
		run.SetNewCursor(second)
		<-working.Done()
		return working.Err()
	})
	if !HasCode(err, "RUN_SUPERSEDED") || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	other.SetNewCursor(first)
	_, err = other.Complete(ctx)
	b.must(err)
	b.expect("completed", first, "")
}

func TestABackfillRunsBesideAndCommitsNoCursor(t *testing.T) {
	b := newBench(t)
	b.commit(second)
	b.must(b.run(Options{}, func(_ context.Context, live *Run) error {
		options := Options{Kind: "backfill", IfRunning: "refuse"}
		b.must(b.run(options, func(ctx context.Context, backfill *Run) error {
			if text(backfill.LowerBoundCursor) != second {
				t.Error(text(backfill.LowerBoundCursor))
			}
			return backfill.Checkpoint(ctx, first)
		}))
		if b.run(options, func(context.Context, *Run) error { return errors.New("no") }) == nil {
			t.Error("it went well")
		}
		live.KeepCursor()
		return nil
	}))
	b.expect("completed", second, "")
}

func TestTheBareCallsEndARunByHand(t *testing.T) {
	b := newBench(t)
	run, err := b.Begin(ctx, "sap/eu", b.stream, Options{CursorType: "opaque_token", LeaseSeconds: 30})
	b.must(err)
	for _, cursor := range []string{"token", "token"} {
		run.SetNewCursor(cursor)
		_, err = run.Complete(ctx)
		b.must(err)
	}
	run.SetNewCursor("another")
	if _, err = run.Complete(ctx); !HasCode(err, "RUN_FINISHED") {
		t.Fatal(err)
	}
	failing, err := b.Begin(ctx, "sap/eu", b.stream, Options{})
	b.must(err)
	_, err = failing.Fail(ctx, errors.New("by hand"))
	b.must(err)
	b.expect("failed", "token", "by hand")
}

func TestSinceIsTheOverrideTheCursorOrSomeDaysBack(t *testing.T) {
	cursor, now := first, time.Date(2026, 3, 8, 1, 0, 0, 0, time.FixedZone("", 3600))
	for want, found := range map[string]string{
		"2020-01-01T00:00:00Z": ResolveSince(&cursor, "2020-01-01T00:00:00Z", 7, now),
		first:                  ResolveSince(&cursor, "", 7, now),
		"2026-03-01T00:00:00Z": ResolveSince(nil, "", 7, now),
	} {
		if found != want {
			t.Errorf("found %s, want %s", found, want)
		}
	}
}

// answering is a client of a server that answers each request by the next of these.
func answering(t *testing.T, answers ...http.HandlerFunc) *Client {
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next++
		answers[next-1](w, r)
	}))
	t.Cleanup(server.Close)
	return NewClient(server.URL, "tmk_x")
}

func TestARequestIsMadeAgainWhereTheServiceIsAwayBusyOrCutOff(t *testing.T) {
	client := answering(t,
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) },
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"code":"STATE_UNAVAILABLE"}`, 503) },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		},
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"completed"}`)) },
	)
	state, err := client.State(ctx, "a", "b")
	if err != nil || state.Status != "completed" {
		t.Fatal(state, err)
	}
}

func TestWhatAnotherAnswersIsToldAsSuchAndTheKeyFollowsNoRedirect(t *testing.T) {
	for status, code := range map[int]string{404: "HTTP_404", 307: "HTTP_307"} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			http.Error(w, "<html>", status)
		})
		if _, err := client.State(ctx, "a", "b"); !HasCode(err, code) {
			t.Fatal(err)
		}
	}
}
