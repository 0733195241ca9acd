// A run of a stream against the Tidemark state service, with nothing but Go's standard library.
//
//	TIDEMARK_URL=http://127.0.0.1:7733 TIDEMARK_KEY=tmk_… go run delta_run.go sap_eu suppliers
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// Problem is what the service refuses: decide by Code; Hint says what to do.
type Problem struct {
	Code, Detail, Hint string
	Recoverable        bool
}

func (p Problem) Error() string { return fmt.Sprintf("%s: %s (%s)", p.Code, p.Detail, p.Hint) }

// Run is a granted run. Its work says how far it came by setting NewCursor.
type Run struct {
	RunID            string  `json:"run_id"`
	Epoch            int64   `json:"epoch"`
	LowerBoundCursor *string `json:"lower_bound_cursor"`
	NewCursor        *string `json:"-"`
	RecordsProcessed int     `json:"-"`
}

var client = http.Client{Timeout: 30 * time.Second}

// ask makes one request. All requests of a run may be repeated, so that a lost answer does no harm.
func ask(path string, body any, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		wait, err := try(path, text, answer)
		if err == nil || wait == 0 || attempt == 5 {
			return err
		}
		time.Sleep(wait)
	}
}

// try also tells how long to wait before it is tried again; 0 where that would not help.
func try(path string, text []byte, answer any) (time.Duration, error) {
	request, err := http.NewRequest("POST", os.Getenv("TIDEMARK_URL")+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TIDEMARK_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return time.Second, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return 0, json.NewDecoder(response.Body).Decode(answer)
	}
	var problem Problem
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
		return 0, err
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, problem
}

// DeltaRun completes where the work returns well, and fails where it does not; the cursor then stays.
func DeltaRun(connector, stream, cursorType string, work func(*Run) error) error {
	path := "/v1/streams/" + url.PathEscape(connector) + "/" + url.PathEscape(stream)
	var run Run
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	begin := map[string]any{"run_id": fmt.Sprintf("%x", id), "cursor_type": cursorType}
	if err := ask(path+"/begin", begin, &run); err != nil {
		return err
	}
	err := work(&run)
	if err == nil && run.NewCursor == nil {
		err = errors.New("the run ended without a new cursor")
	}
	body := map[string]any{"run_id": run.RunID, "epoch": run.Epoch, "records_processed": run.RecordsProcessed}
	var state map[string]any
	if err != nil {
		body["error_summary"] = err.Error()
		return errors.Join(err, ask(path+"/fail", body, &state))
	}
	body["new_cursor_value"] = run.NewCursor
	return ask(path+"/complete", body, &state)
}

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

func main() {
	err := DeltaRun(os.Args[1], os.Args[2], "timestamp_utc", func(run *Run) error {
		records := fetchSince(run.LowerBoundCursor)
		told, _ := json.Marshal(map[string]any{"lower_bound_cursor": run.LowerBoundCursor, "records": len(records)})
		fmt.Println(string(told))
		if os.Getenv("SOURCE_IS_DOWN") != "" {
			return errors.New("the source answered 502")
		}
		run.RecordsProcessed = len(records)
		run.NewCursor = run.LowerBoundCursor
		if len(records) > 0 {
			run.NewCursor = &records[len(records)-1]
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
