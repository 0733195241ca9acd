interface ErrorEntry {
  /** What it means, as a sentence for the table in `docs/errors.md`. */
  readonly meaning: string;
  /** What to do next, where the place that throws knows nothing more precise. */
  readonly hint: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly recoverable: boolean;
}

/**
 * The one table of error codes. `docs/errors.md` is generated from it, and the HTTP API, the command
 * and the library all speak these codes.
 */
export const errorCodes = {
  // The pipeline file and the command line
  PIPELINE_INVALID: {
    meaning: "The pipeline file has mistakes; each is listed with its line and column.",
    hint: "Fix the lines that are named, then run `tidemark validate FILE`.",
    recoverable: false,
  },
  PIPELINE_NOT_FOUND: {
    meaning: "No pipeline file is at that path.",
    hint: "Check the path, or write a new pipeline with `tidemark init`.",
    recoverable: false,
  },
  ARGUMENT_INVALID: {
    meaning: "An argument of a call or of the command line cannot be used.",
    hint: "See `tidemark help` or the function's documentation.",
    recoverable: false,
  },
  CONFIG_INCOHERENT: {
    meaning: "Settings that are each valid contradict one another, so that a promise could not be kept.",
    hint: "Change one of the settings that the message names.",
    recoverable: false,
  },
  ENV_MISSING: {
    meaning: "The pipeline names an environment variable that is not set, or a file that cannot be read.",
    hint: "Set the variable, or give a default: ${NAME:-default}. See that the file of a ${file:PATH} can be read.",
    recoverable: false,
  },
  DRIVER_MISSING: {
    meaning: "An optional driver that this pipeline or state URL needs is not installed.",
    hint: "Install the package that the message names.",
    recoverable: false,
  },

  // Cursors
  CURSOR_INVALID: {
    meaning: "A value cannot be read as a cursor of the declared type and format.",
    hint: "Check the value against the declared cursor type and format, and that the cursor's field is the right one.",
    recoverable: false,
  },
  CURSOR_NULL: {
    meaning: "A record has no value in its cursor field.",
    hint: "Declare `onNullCursor: deliver` or `skip`, or choose a field that is always set.",
    recoverable: false,
  },
  FIELD_UNKNOWN: {
    meaning: "The source has no field of the name that the pipeline gives for the cursor or the key.",
    hint: "Correct the field's name in the pipeline; names are compared letter by letter, with their case.",
    recoverable: false,
  },
  CURSOR_NOT_SET: {
    meaning: "A delta run ended well without saying how far it came.",
    hint: 'Call run.setNewCursor(…) before the callback returns, or run.keepCursor() where nothing was new; a run with mode: "backfill" needs neither.',
    recoverable: false,
  },
  CURSOR_REGRESSION: {
    meaning: "The new cursor lies before the committed watermark.",
    hint: "A watermark only moves forward; use `tidemark state reset` or `rewind` to go back on purpose.",
    recoverable: false,
  },
  CURSOR_TYPE_MISMATCH: {
    meaning: "The cursor is of another type than the stream's.",
    hint: "Use the stream's cursor type, or reset the stream to change it.",
    recoverable: false,
  },

  // State and runs
  STREAM_NOT_FOUND: {
    meaning: "No state is stored for that stream.",
    hint: "See `tidemark state list`; a stream appears with its first run.",
    recoverable: false,
  },
  RUN_NOT_FOUND: {
    meaning: "The stream's history has no such run.",
    hint: "See `tidemark state history CONNECTOR STREAM`.",
    recoverable: false,
  },
  RUN_ACTIVE: {
    meaning: "Another run of this stream holds an unexpired lease.",
    hint: "Wait until it ends or its lease runs out, or take over on purpose.",
    recoverable: true,
  },
  RUN_SUPERSEDED: {
    meaning: "A newer run, a reset or a rewind has taken this stream over; nothing of this run was accepted.",
    hint: "Let the newer run go on. If this one paused for longer than its lease, raise `leaseSeconds`.",
    recoverable: false,
  },
  RUN_FINISHED: {
    meaning: "The run has already ended, in another way or with another cursor, so it cannot be changed.",
    hint: "Begin a new run.",
    recoverable: false,
  },
  RUN_CANCELLED: {
    meaning: "The run was asked to stop and did so after its last checkpoint.",
    hint: "Start it again; it goes on from there.",
    recoverable: true,
  },
  DEADLINE_EXCEEDED: {
    meaning: "The run took longer than its pipeline's `deadline`, and was stopped after its last checkpoint.",
    hint: "The next run goes on from there. If runs are that long for good reason, raise `deadline`.",
    recoverable: true,
  },
  CHECKPOINT_OUT_OF_ORDER: {
    meaning: "A checkpoint does not follow the one before it.",
    hint: "Number a run's checkpoints 1, 2, 3 … and send each before the next.",
    recoverable: false,
  },
  STATE_UNREADABLE: {
    meaning: "Stored state exists and cannot be read; it is never treated as no state.",
    hint: "Restore it from a backup. To start over on purpose, move what is stored away first.",
    recoverable: false,
  },
  STATE_EDITED: {
    meaning:
      "The row of a stream, or of one of its partitions, was changed or removed in the state's database outside Tidemark.",
    hint: "Restore the row, or confirm where the stream stands with `tidemark state set`, which is audited.",
    recoverable: false,
  },
  STATE_TOO_NEW: {
    meaning: "The state was written by a newer version of Tidemark.",
    hint: "Upgrade Tidemark; nothing was changed.",
    recoverable: false,
  },
  STATE_UNAVAILABLE: {
    meaning: "The state store cannot be reached or is busy.",
    hint: "Check that the database is up and reachable, then try again.",
    recoverable: true,
  },
  STATE_URL_INVALID: {
    meaning: "The state URL cannot be used.",
    hint: "Use sqlite:./path.db, postgres://user@host/database, file:./folder, https://host, or memory:.",
    recoverable: false,
  },
  AUDIT_BROKEN: {
    meaning: "The audit log's hash chain does not verify: a row was altered, removed or reordered.",
    hint: "Compare with a backup from before the row that the message names.",
    recoverable: false,
  },

  // Sources
  SOURCE_UNAVAILABLE: {
    meaning: "The source did not answer, or answered that it cannot serve now, after every retry.",
    hint: "Try again later; the next run goes on from the last checkpoint.",
    recoverable: true,
  },
  SOURCE_REFUSED: {
    meaning: "The source refused the request.",
    hint: "Check the endpoint, its parameters and the credentials.",
    recoverable: false,
  },
  SOURCE_INVALID: {
    meaning: "The source's answer cannot be read as the pipeline declares it.",
    hint: "Compare `dataField`, `pagination` and the answer that the message describes.",
    recoverable: false,
  },
  SOURCE_REPLACED: {
    meaning:
      "The source is not the one that the stream was read from, or was set back to an earlier state: its cursors mean something else now.",
    hint: "Point the pipeline at the former source, or read everything again with --full-refresh.",
    recoverable: false,
  },
  SOURCE_TRUNCATED: {
    meaning: "The source's answer ended early.",
    hint: "Try again; a run never counts a cut answer as a success.",
    recoverable: true,
  },
  SOURCE_PARTIAL: {
    meaning: "The source's answer says of itself that it failed or is not whole.",
    hint: "See the source's own words in the message. If its records are whole all the same, declare `errorField: null`, or the path where the source does report failures.",
    recoverable: false,
  },
  RESUME_REFUSED: {
    meaning: "The source no longer knows the place at which an unfinished window was to go on.",
    hint: "Nothing: the run reads the window from its start instead.",
    recoverable: true,
  },
  PAGE_REPEATED: {
    meaning: "The source gave the same page or page token twice in one run.",
    hint: "Check the pagination settings: the source may ignore the page parameter.",
    recoverable: false,
  },
  PAGE_CAP_REACHED: {
    meaning: "The run reached its page cap before the source said that it was done.",
    hint: "Raise `maxPages`, or narrow the window.",
    recoverable: false,
  },
  QUERY_FAILED: {
    meaning: "The database refused or broke off a query.",
    hint: "Run the query by hand with the same parameters.",
    recoverable: false,
  },
  CONNECTOR_FAILED: {
    meaning: "A connector in code threw, or yielded something that is neither a record nor a cursor.",
    hint: "Fix the connector; the next run goes on from the last checkpoint.",
    recoverable: false,
  },
  RECORD_INVALID: {
    meaning: "A record is not of the shape that the pipeline needs.",
    hint: "Check the record against the pipeline's `key` and `field` paths, and its values against what they are written to.",
    recoverable: false,
  },

  // Filters and outputs
  FILTER_FAILED: {
    meaning: "A filter threw, or returned nothing or something that is not a record.",
    hint: "Fix the filter, or let it pass over such records with `onError: skip` or `deadLetter`. The run failed before the batch was written.",
    recoverable: false,
  },
  OUTPUT_UNAVAILABLE: {
    meaning: "The output cannot be reached or is busy.",
    hint: "Check that it is up and reachable; the next run goes on from the last checkpoint.",
    recoverable: true,
  },
  OUTPUT_FAILED: {
    meaning: "The output refused a write; the stream's position stays before it.",
    hint: "See the cause; the next run goes on from the last checkpoint.",
    recoverable: false,
  },
  OUTPUT_LOST: {
    meaning:
      "The output does not hold what was committed to it: it holds less, or something else has changed it.",
    hint: "Go back to where it stands with `tidemark state rewind … --to-output FILE`, restore it, or start over with --full-refresh.",
    recoverable: false,
  },
  TOO_MANY_REFUSED: {
    meaning:
      "More records of a run were refused than `maxRefused` allows, or all of them; the position stays at the last checkpoint.",
    hint: "Fix what refuses them: often a credential, a column or a filter that is wrong for all. If a run may end so, declare `maxRefused` under `output`: a number, a share such as `5%`, or `100%` for no limit.",
    recoverable: false,
  },
  ANSWER_SAYS_FAILED: {
    meaning: "The endpoint answered with a 2xx status, and says in its answer that what was sent failed.",
    hint: "Declare under `output.answer` what it means: `refused: errors` (or another expression) where it refuses the record, `retry` where it is to be sent again, `success: always` where such an answer is harmless.",
    recoverable: false,
  },
  ANSWER_UNCLEAR: {
    meaning: "The endpoint's answer is not of the kind that the pipeline declares under `output.answer`.",
    hint: "Compare `output.answer` with the answer that the message describes.",
    recoverable: false,
  },
  ANSWER_UNREADABLE: {
    meaning:
      "The endpoint took a request, and the answer that says what became of the records cannot be read. They may have arrived.",
    hint: "See with the endpoint what keeps its answers from being read, or declare `answer.unreadable: success` where a 2xx status is enough.",
    recoverable: false,
  },
  // The service and its keys
  INVALID_REQUEST: {
    meaning: "The request is not of the form that the service takes.",
    hint: "Fix the field named in `detail`. The service's `/docs` show every request's form.",
    recoverable: false,
  },
  UNAUTHORIZED: {
    meaning: "The request carries no API key, or one that is unknown, expired or revoked.",
    hint: "Send `Authorization: Bearer KEY` with a key made by `tidemark keys create`.",
    recoverable: false,
  },
  FORBIDDEN: {
    meaning: "The API key does not allow this.",
    hint: "Use a key of the scope, and bound to the connector, that the detail names.",
    recoverable: false,
  },
  ROUTE_NOT_FOUND: {
    meaning: "The service has nothing at that address.",
    hint: "See the service's `/docs`; an older service may lack what a newer client asks for.",
    recoverable: false,
  },
  METHOD_NOT_ALLOWED: {
    meaning: "The address exists and does not take that method.",
    hint: "Use one of the methods in the `Allow` header.",
    recoverable: false,
  },
  BODY_TOO_LARGE: {
    meaning: "The request's body is larger than the service takes.",
    hint: "Send less; metadata is for small facts about a run.",
    recoverable: false,
  },
  MEDIA_TYPE_UNSUPPORTED: {
    meaning: "The request's body is not JSON by its `Content-Type`.",
    hint: "Send `Content-Type: application/json`.",
    recoverable: false,
  },
  REQUEST_TIMEOUT: {
    meaning: "The request did not arrive whole in time.",
    hint: "Send it again.",
    recoverable: true,
  },
  RATE_LIMITED: {
    meaning: "Too many requests by this key, or too many failed attempts from this address.",
    hint: "Wait for as long as the `Retry-After` header says.",
    recoverable: true,
  },
  PARTITION_NOT_FOUND: {
    meaning: "Nothing is known of that partition of the stream.",
    hint: "List the stream's partitions; one appears with the first checkpoint that moves it.",
    recoverable: false,
  },
  SERVICE_INCOMPATIBLE: {
    meaning:
      "The state service is of another version and does not understand, or is not understood by, this one.",
    hint: "Upgrade the service first, then its clients.",
    recoverable: false,
  },
  KEY_NOT_FOUND: {
    meaning: "No API key has that id.",
    hint: "See `tidemark keys list`.",
    recoverable: false,
  },
  INTERNAL: {
    meaning: "Tidemark came to a state that it believed impossible.",
    hint: "Please report it with the message and the version.",
    recoverable: false,
  },
} as const satisfies Record<string, ErrorEntry>;

/** One of the codes of the table `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes;
