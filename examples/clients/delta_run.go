// Incremental sync against the Tidemark state service, with nothing but Go's standard library (1.21 or newer).
//
// Copy this file into your project and name its package as yours. Then:
//
//	client, err := FromEnvironment() // TIDEMARK_URL and TIDEMARK_KEY
//	err = client.DeltaRun(ctx, "sap_eu", "suppliers", Options{}, func(ctx context.Context, run *Run) error {
//		since := ResolveSince(run.LowerBoundCursor, "", 7, time.Now())
//		records, watermark, err := fetchSuppliersSince(ctx, since)
//		if err != nil {
//			return err
//		}
//		run.SetNewCursor(watermark) // or run.KeepCursor(): nothing was new, and the cursor stays
//		run.SetRecordsProcessed(len(records))
//		return save(ctx, records)
//	})
//
// Returning nil completes the run. An error, or a panic, fails it, leaves the cursor, and goes on to your caller. Work
// that returns without a cursor is ErrCursorNotSet. Meanwhile heartbeats renew the run's lease.
//
// As a program, this file runs an example:
//
//	TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… go run delta_run.go sap_eu suppliers
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrCursorNotSet is work that returned without saying how far it came.
var ErrCursorNotSet = errors.New("the run ended without SetNewCursor; call KeepCursor where nothing was new")

// Problem is what the service refuses. Decide by Code; Hint says what to do; Details has facts for programs.
type Problem struct {
	Status      int            `json:"status"`
	Code        string         `json:"code"`
	Detail      string         `json:"detail"`
	Hint        string         `json:"hint"`
	Recoverable bool           `json:"recoverable"`
	Details     map[string]any `json:"details"`
	// mayRetry says that the same request may succeed after retryAfter.
	mayRetry   bool
	retryAfter time.Duration
}

func (p *Problem) Error() string { return fmt.Sprintf("%s: %s (%s)", p.Code, p.Detail, p.Hint) }

// HasCode says whether an error is a refusal with that code, such as RUN_ACTIVE or RUN_SUPERSEDED.
func HasCode(err error, code string) bool {
	var problem *Problem
	return errors.As(err, &problem) && problem.Code == code
}

// State is where a stream stands. One that was never begun is idle, without a cursor and with epoch 0.
type State struct {
	Connector        string         `json:"connector"`
	Stream           string         `json:"stream"`
	Status           string         `json:"status"`
	CursorType       *string        `json:"cursor_type"`
	CursorValue      *string        `json:"cursor_value"`
	Epoch            int64          `json:"epoch"`
	RunID            *string        `json:"run_id"`
	StartedAt        *time.Time     `json:"started_at_utc"`
	Lease            *Lease         `json:"lease"`
	LastError        *string        `json:"last_error"`
	RecordsProcessed int64          `json:"records_processed"`
	Metadata         map[string]any `json:"metadata"`
}

// Lease is how long the running run may be silent before another may take over.
type Lease struct {
	Seconds   int       `json:"seconds"`
	ExpiresAt time.Time `json:"expires_at_utc"`
}

// Client is the service at one address. It may be shared by goroutines.
type Client struct {
	URL, Key string
	// GiveUpAfter is how long a request is made again while the service cannot be reached or is busy.
	GiveUpAfter time.Duration
	HTTP        *http.Client
}

// NewClient makes a client that waits 30 s for an answer and gives up after 30 s. Redirects are not followed, so that
// the key goes to no other address.
func NewClient(address, key string) *Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: stay}
	return &Client{URL: strings.TrimRight(address, "/"), Key: key, GiveUpAfter: 30 * time.Second, HTTP: client}
}

// FromEnvironment makes a client of TIDEMARK_URL and TIDEMARK_KEY.
func FromEnvironment() (*Client, error) {
	address, key := os.Getenv("TIDEMARK_URL"), os.Getenv("TIDEMARK_KEY")
	if address == "" || key == "" {
		return nil, errors.New("TIDEMARK_URL and TIDEMARK_KEY have to be set")
	}
	return NewClient(address, key), nil
}

// Options of a run; all of them may be left out.
type Options struct {
	// CursorType is timestamp_utc (where it is not given and the stream is new), numeric_id, text, offset or opaque_token.
	CursorType string
	// Kind "backfill" runs beside the live runs and commits no cursor.
	Kind string
	// IfRunning "refuse" is the problem RUN_ACTIVE while another run holds its lease; otherwise the stream is taken over.
	IfRunning string
	// LeaseSeconds is how long the run may be silent before another may take over: 60 unless given.
	LeaseSeconds int
}

// Run is a granted run. DeltaRun begins it and ends it.
type Run struct {
	RunID        string `json:"run_id"`
	Epoch        int64  `json:"epoch"`
	Kind         string `json:"kind"`
	Backfill     string `json:"backfill"`
	LeaseSeconds int    `json:"lease_seconds"`
	// LowerBoundCursor is what the last run committed, to be read from inclusively; nil on the first run.
	LowerBoundCursor *string `json:"lower_bound_cursor"`

	client           *Client
	path             string
	newCursor        *string
	isSaid           bool
	sequence         int64
	recordsProcessed *int
	metadata         map[string]any
	ended            bool
}

// State tells where a stream stands, to decide by before a run begins.
func (c *Client) State(ctx context.Context, connector, stream string) (*State, error) {
	state := &State{}
	err := c.ask(ctx, http.MethodGet, streamPath(connector, stream), nil, state)
	if HasCode(err, "STREAM_NOT_FOUND") {
		return &State{Connector: connector, Stream: stream, Status: "idle"}, nil
	}
	return state, err
}

// Begin begins a run that the caller completes or fails.
func (c *Client) Begin(ctx context.Context, connector, stream string, options Options) (*Run, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	body := map[string]any{"run_id": fmt.Sprintf("%x", id)}
	for name, value := range map[string]string{
		"cursor_type": options.CursorType, "kind": options.Kind, "if_running": options.IfRunning,
	} {
		if value != "" {
			body[name] = value
		}
	}
	if options.LeaseSeconds != 0 {
		body["lease_seconds"] = options.LeaseSeconds
	}
	run := &Run{client: c, path: streamPath(connector, stream)}
	return run, c.ask(ctx, http.MethodPost, run.path+"/begin", body, run)
}

// DeltaRun puts begin, work, complete or fail around a function. The context that the work is given is cancelled when
// another run takes the stream over; context.Cause then says so.
func (c *Client) DeltaRun(
	ctx context.Context, connector, stream string, options Options, work func(context.Context, *Run) error,
) (err error) {
	run, err := c.Begin(ctx, connector, stream, options)
	if err != nil {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	heart := make(chan struct{})
	go func() {
		defer close(heart)
		run.beat(working, stop)
	}()
	rest := func() { stop(context.Canceled); <-heart }
	defer func() {
		if thrown := recover(); thrown != nil {
			rest()
			run.recordFailure(ctx, fmt.Errorf("panic: %v", thrown))
			panic(thrown)
		}
	}()
	err = work(working, run)
	rest()
	if run.ended {
		return err
	}
	if err == nil {
		if _, err = run.Complete(ctx); err == nil {
			return nil
		}
	}
	if lost := context.Cause(working); HasCode(lost, "RUN_SUPERSEDED") && !HasCode(err, "RUN_SUPERSEDED") {
		return errors.Join(lost, err)
	}
	run.recordFailure(ctx, err)
	return err
}

// SetNewCursor says how far the run came; completing commits it. Numbers are given as their digits.
func (r *Run) SetNewCursor(cursor string) { r.newCursor, r.isSaid = &cursor, true }

// KeepCursor says that nothing was new: the cursor stays where it is, on purpose.
func (r *Run) KeepCursor() { r.newCursor, r.isSaid = nil, true }

// SetRecordsProcessed says how many records the run has processed so far.
func (r *Run) SetRecordsProcessed(count int) { r.recordsProcessed = &count }

// SetMetadata keeps a JSON object with the run, also where it fails. It is an error where JSON cannot hold it.
func (r *Run) SetMetadata(metadata map[string]any) error {
	if _, err := json.Marshal(metadata); err != nil {
		return err
	}
	r.metadata = metadata
	return nil
}

// Checkpoint moves the watermark now: what fails afterwards leaves it there. Call it when all before it is saved. It
// stands for SetNewCursor. A backfill only renews its lease.
func (r *Run) Checkpoint(ctx context.Context, cursor string) error {
	if r.Kind == "backfill" {
		return r.Heartbeat(ctx)
	}
	body := map[string]any{"sequence": r.sequence + 1, "new_cursor_value": cursor}
	if r.recordsProcessed != nil {
		body["records_processed"] = *r.recordsProcessed
	}
	err := r.post(ctx, "checkpoint", body, nil)
	var problem *Problem
	if errors.As(err, &problem) && problem.Code == "CHECKPOINT_OUT_OF_ORDER" {
		// The answer to an earlier one was lost, and so whether it was stored.
		if last, ok := problem.Details["last_sequence"].(float64); ok {
			body["sequence"] = int64(last) + 1
			err = r.post(ctx, "checkpoint", body, nil)
		}
	}
	if err == nil {
		r.sequence = body["sequence"].(int64)
		r.KeepCursor()
	}
	return err
}

// Heartbeat renews the lease. DeltaRun does this by itself.
func (r *Run) Heartbeat(ctx context.Context) error {
	return r.post(ctx, "heartbeat", map[string]any{}, nil)
}

// Complete commits the cursor. At the end of DeltaRun this is done already.
func (r *Run) Complete(ctx context.Context) (*State, error) {
	isBackfill := r.Kind == "backfill"
	if !r.isSaid && !isBackfill {
		return nil, ErrCursorNotSet
	}
	body := map[string]any{"new_cursor_value": r.newCursor}
	if isBackfill {
		body["new_cursor_value"] = nil
	}
	state := &State{}
	err := r.post(ctx, "complete", r.withCounts(body), state)
	r.ended = r.ended || err == nil
	return state, err
}

// Fail records that the run failed; the watermark stays at its last checkpoint.
func (r *Run) Fail(ctx context.Context, failure error) (*State, error) {
	summary := func() map[string]any { return map[string]any{"error_summary": summaryOf(failure)} }
	state := &State{}
	err := r.post(ctx, "fail", r.withCounts(summary()), state)
	var problem *Problem
	if errors.As(err, &problem) && (problem.Status == 413 || problem.Status == 422) {
		// What the run says of itself is refused; that it failed is recorded all the same.
		err = r.post(ctx, "fail", summary(), state)
	}
	r.ended = r.ended || err == nil
	return state, err
}

// recordFailure never hides what failed the run, and is made although the caller's context may have ended.
func (r *Run) recordFailure(ctx context.Context, failure error) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.client.GiveUpAfter)
	defer cancel()
	if _, err := r.Fail(own, failure); err != nil {
		slog.Warn("tidemark: the failure of the run was not recorded", "run", r.RunID, "error", err)
	}
}

func (r *Run) beat(ctx context.Context, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(time.Duration(r.LeaseSeconds) * time.Second / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := r.Heartbeat(ctx)
		if HasCode(err, "RUN_SUPERSEDED") {
			stop(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("tidemark: the lease was not renewed", "run", r.RunID, "error", err)
		}
	}
}

func (r *Run) withCounts(body map[string]any) map[string]any {
	if r.recordsProcessed != nil {
		body["records_processed"] = *r.recordsProcessed
	}
	if r.metadata != nil {
		body["metadata"] = r.metadata
	}
	return body
}

func (r *Run) post(ctx context.Context, step string, body map[string]any, answer any) error {
	body["run_id"], body["epoch"], body["kind"] = r.RunID, r.Epoch, r.Kind
	if r.Backfill != "" {
		body["backfill"] = r.Backfill
	}
	return r.client.ask(ctx, http.MethodPost, r.path+"/"+step, body, answer)
}

// ResolveSince tells where to read from: the operator's override, else the cursor, else so many days back.
func ResolveSince(lowerBoundCursor *string, override string, lookbackDays int, now time.Time) string {
	if override != "" {
		return override
	}
	if lowerBoundCursor != nil {
		return *lowerBoundCursor
	}
	return now.UTC().AddDate(0, 0, -lookbackDays).Format("2006-01-02T15:04:05Z")
}

// ask makes one request, and makes it again while the service cannot be reached or is busy. Every request of a run may
// be repeated, so that a lost answer does no harm.
func (c *Client) ask(ctx context.Context, method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(c.GiveUpAfter)
	for pause := 200 * time.Millisecond; ; pause = min(pause*2, 5*time.Second) {
		wait := pause
		err := c.try(ctx, method, path, text, answer)
		var problem *Problem
		if errors.As(err, &problem) {
			if !problem.mayRetry {
				return err
			}
			wait = max(pause, problem.retryAfter)
		}
		if err == nil || ctx.Err() != nil || time.Now().Add(wait).After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (c *Client) try(ctx context.Context, method, path string, text []byte, answer any) error {
	var sent io.Reader
	if method != http.MethodGet {
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return problemOf(response, received)
	}
	if answer == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(received))
	decoder.UseNumber() // metadata keeps every digit
	return decoder.Decode(answer)
}

func problemOf(response *http.Response, received []byte) *Problem {
	status := response.StatusCode
	problem := &Problem{
		Code:   fmt.Sprintf("HTTP_%d", status),
		Detail: "the answer came from something other than the service",
		Hint:   "Check TIDEMARK_URL, and proxies between you and the service.",
	}
	// What is no JSON leaves the words above.
	_ = json.Unmarshal(received, problem)
	problem.Status = status
	problem.mayRetry = status == 429 || status >= 502 && status <= 504
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	problem.retryAfter = time.Duration(seconds) * time.Second
	return problem
}

const longestError = 10_000

// summaryOf is the error as one line that every database can store.
func summaryOf(err error) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", "\ufffd"), "\ufffd")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestError {
		return string(runes[:longestError-1]) + "…"
	}
	return text
}

func streamPath(connector, stream string) string {
	return "/v1/streams/" + segment(connector) + "/" + segment(stream)
}

// segment is a name as one step of a path; a name of dots alone would be taken for a step upwards.
func segment(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// ---- the example ----

// fetchSince stands for the source: everything that changed at or after the cursor, oldest first.
func fetchSince(cursor *string) []string {
	var found []string
	for _, updatedAt := range []string{"2026-03-01T08:00:00Z", "2026-03-01T09:00:00.000000001Z"} {
		if cursor == nil || updatedAt >= *cursor {
			found = append(found, updatedAt)
		}
	}
	return found
}

func example(ctx context.Context, connector, stream string) error {
	client, err := FromEnvironment()
	if err != nil {
		return err
	}
	return client.DeltaRun(ctx, connector, stream, Options{}, func(_ context.Context, run *Run) error {
		records := fetchSince(run.LowerBoundCursor)
		told, _ := json.Marshal(map[string]any{"lower_bound_cursor": run.LowerBoundCursor, "records": len(records)})
		fmt.Println(string(told))
		run.SetRecordsProcessed(len(records))
		if err := run.SetMetadata(map[string]any{"lower_used": run.LowerBoundCursor}); err != nil {
			return err
		}
		if os.Getenv("SOURCE_IS_DOWN") != "" {
			return errors.New("the source answered 502")
		}
		run.KeepCursor()
		if len(records) > 0 {
			run.SetNewCursor(records[len(records)-1])
		}
		return nil
	})
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: delta_run CONNECTOR STREAM")
		os.Exit(2)
	}
	if err := example(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
