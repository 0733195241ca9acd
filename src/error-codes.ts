interface ErrorEntry {
  /** What it means, as a sentence for the table in `docs/errors.md`. */
  readonly meaning: string;
  /** What to do next. An error that knows more gives its own hint instead. */
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
    meaning: "The pipeline file has errors. Each is listed with its line and column.",
    hint: "Fix the lines that are named, then run `tidemark validate FILE`.",
    recoverable: false,
  },
  PIPELINE_NOT_FOUND: {
    meaning: "No pipeline file is at that path, or it cannot be read.",
    hint: "Check the path, or write a new pipeline with `tidemark init`.",
    recoverable: false,
  },
  ARGUMENT_INVALID: {
    meaning: "An argument of a function call or of the command line cannot be used.",
    hint: "See `tidemark help` or the function's documentation.",
    recoverable: false,
  },
  CONFIG_INCOHERENT: {
    meaning: "Settings that are each valid contradict one another, so a promise could not be kept.",
    hint: "Change one of the settings that the message names.",
    recoverable: false,
  },
  ENV_MISSING: {
    meaning: "The pipeline names an environment variable that is not set, or a file that cannot be read.",
    hint: "Set the variable, or give a default: ${NAME:-default}. For ${file:PATH}, check that the file exists and can be read.",
    recoverable: false,
  },
  DRIVER_MISSING: {
    meaning: "The pipeline or the state URL needs a database driver that is not installed.",
    hint: "Install the package that the message names.",
    recoverable: false,
  },

  // Cursors
  CURSOR_INVALID: {
    meaning: "A value cannot be read as a cursor of the declared type and format.",
    hint: "Check the declared cursor type and format, and that the cursor's field is the right one.",
    recoverable: false,
  },
  CURSOR_NULL: {
    meaning: "A record has no value in its cursor field.",
    hint: "Declare `onNullCursor: deliver` or `skip`, or choose a field that always has a value.",
    recoverable: false,
  },
  FIELD_UNKNOWN: {
    meaning: "The source has no field with the name that the pipeline gives for the cursor or the key.",
    hint: "Correct the field's name in the pipeline. Upper and lower case matter.",
    recoverable: false,
  },
  CURSOR_NOT_SET: {
    meaning: "The callback of a delta run returned without setting a new cursor.",
    hint: 'Call run.setNewCursor(…) before the callback returns, or run.keepCursor() if nothing was new. A run with mode: "backfill" needs neither.',
    recoverable: false,
  },
  CURSOR_REGRESSION: {
    meaning: "The new cursor is below the committed watermark.",
    hint: "A watermark only moves forward. To go back on purpose, use `tidemark state set` or `state rewind`; to start over, `state reset`.",
    recoverable: false,
  },
  CURSOR_TYPE_MISMATCH: {
    meaning: "The cursor has another type than the stream.",
    hint: "Use the stream's cursor type. To change the type, reset the stream.",
    recoverable: false,
  },

  // State and runs
  STREAM_NOT_FOUND: {
    meaning: "No state is stored for that stream.",
    hint: "List the streams with `tidemark state list`. A stream is created by its first run.",
    recoverable: false,
  },
  RUN_NOT_FOUND: {
    meaning: "The stream's history has no run with that id.",
    hint: "List the runs with `tidemark state history CONNECTOR STREAM`.",
    recoverable: false,
  },
  RUN_ACTIVE: {
    meaning: "Another run of this stream is at work and holds the lease.",
    hint: "Wait until it ends or its lease runs out, or take over on purpose.",
    recoverable: true,
  },
  RUN_SUPERSEDED: {
    meaning:
      "A newer run, a reset or a rewind has taken over this stream. Nothing of this run was accepted since then.",
    hint: "Let the newer run go on. If this run paused for longer than its lease, raise `leaseSeconds`.",
    recoverable: false,
  },
  RUN_FINISHED: {
    meaning: "The run has already ended in another way or with another cursor, so it cannot be changed.",
    hint: "Begin a new run.",
    recoverable: false,
  },
  RUN_CANCELLED: {
    meaning: "The run was asked to stop, and stopped after its last checkpoint.",
    hint: "Start it again. It goes on from there.",
    recoverable: true,
  },
  RUN_STOPPED: {
    meaning: "Somebody asked the run to stop with `tidemark stop`, and it stopped after its last checkpoint.",
    hint: "Nothing is lost. The next run goes on from there; the message says who asked and why.",
    recoverable: false,
  },
  DEADLINE_EXCEEDED: {
    meaning: "The run took longer than its pipeline's `deadline`, and was stopped after its last checkpoint.",
    hint: "The next run goes on from there. If runs need more time, raise `deadline`.",
    recoverable: true,
  },
  CHECKPOINT_OUT_OF_ORDER: {
    meaning: "The checkpoint's number does not follow the number of the one before.",
    hint: "Number a run's checkpoints 1, 2, 3 … and send each before the next.",
    recoverable: false,
  },
  STATE_UNREADABLE: {
    meaning: "State is stored but cannot be read. It is never treated as no state.",
    hint: "Restore it from a backup. To start over on purpose, first move the stored state away.",
    recoverable: false,
  },
  STATE_EDITED: {
    meaning:
      "The row of a stream, or of one of its partitions, was changed or removed in the state's database outside Tidemark.",
    hint: "Restore the row, or confirm the stream's position with `tidemark state set`, which is audited.",
    recoverable: false,
  },
  STATE_TOO_NEW: {
    meaning: "The state was written by a newer version of Tidemark. Nothing was changed.",
    hint: "Upgrade Tidemark.",
    recoverable: false,
  },
  STATE_UNAVAILABLE: {
    meaning: "The state store cannot be reached, or it is busy.",
    hint: "Check that the database is running and can be reached, then try again.",
    recoverable: true,
  },
  STATE_URL_INVALID: {
    meaning: "The state URL cannot be used.",
    hint: "Use sqlite:./path.db, postgres://user@host/database, file:./folder, https://host, or memory:.",
    recoverable: false,
  },
  AUDIT_BROKEN: {
    meaning: "The audit log cannot be verified: a row was altered, removed or reordered.",
    hint: "Compare it with a backup from before the row that the message names.",
    recoverable: false,
  },

  // Sources
  SOURCE_UNAVAILABLE: {
    meaning: "After every retry the source gave no answer, or answered that it cannot serve requests now.",
    hint: "Try again later. The next run goes on from the last checkpoint.",
    recoverable: true,
  },
  SOURCE_REFUSED: {
    meaning: "The source refused the request.",
    hint: "Check the endpoint, its parameters and the credentials.",
    recoverable: false,
  },
  SOURCE_INVALID: {
    meaning: "The source's answer does not fit the pipeline's settings.",
    hint: "Compare `dataField` and `pagination` with the answer that the message describes.",
    recoverable: false,
  },
  SOURCE_REPLACED: {
    meaning:
      "The source is not the one that the stream was read from, or it was restored to an earlier state. Its cursors have another meaning now.",
    hint: "Point the pipeline at the former source, or read everything again with --full-refresh.",
    recoverable: false,
  },
  SOURCE_TRUNCATED: {
    meaning: "The source's answer ended too early.",
    hint: "Try again. A run never counts a cut answer as a success.",
    recoverable: true,
  },
  SOURCE_PARTIAL: {
    meaning: "The source's answer says that it failed or that it is incomplete.",
    hint: "Read the source's own words in the message. If the answer is complete all the same, declare `errorField: null`, or set `errorField` to the path where the source really reports failures.",
    recoverable: false,
  },
  RESUME_REFUSED: {
    meaning: "The source no longer knows the place where an unfinished window was to continue.",
    hint: "You need to do nothing: the run reads the window from its start.",
    recoverable: true,
  },
  PAGE_REPEATED: {
    meaning: "The source gave the same page or page token twice in one run.",
    hint: "Check the pagination settings. The source may ignore the page parameter.",
    recoverable: false,
  },
  PAGE_CAP_REACHED: {
    meaning: "The run reached `maxPages` before the source said that there is no more.",
    hint: "Raise `maxPages`, or narrow the window.",
    recoverable: false,
  },
  QUERY_FAILED: {
    meaning: "The database refused or aborted a query.",
    hint: "Run the query by hand with the same parameters.",
    recoverable: false,
  },
  CONNECTOR_FAILED: {
    meaning:
      "A connector in code threw an error, or yielded something that is neither a record nor a cursor.",
    hint: "Fix the connector. The next run goes on from the last checkpoint.",
    recoverable: false,
  },
  RECORD_INVALID: {
    meaning: "A record does not have the form that the pipeline needs.",
    hint: "Check the record against the pipeline's `key` and `field` paths, and its values against the columns that they are written to.",
    recoverable: false,
  },

  // Filters and outputs
  FILTER_FAILED: {
    meaning: "A filter threw an error, or returned something that is not a record.",
    hint: "Fix the filter. To go on without the records that it cannot take, declare `onError: skip` or `deadLetter`. The batch was not written.",
    recoverable: false,
  },
  OUTPUT_UNAVAILABLE: {
    meaning: "The output cannot be reached, or it is busy.",
    hint: "Check that it is running and can be reached. The next run goes on from the last checkpoint.",
    recoverable: true,
  },
  OUTPUT_FAILED: {
    meaning: "The output refused a write. The stream's position stays before it.",
    hint: "See the cause. The next run goes on from the last checkpoint.",
    recoverable: false,
  },
  OUTPUT_LOST: {
    meaning:
      "The output does not hold what was committed to it: something is missing, or somebody else has changed it.",
    hint: "Go back to the position that the output holds with `tidemark state rewind … --to-output FILE`, restore the output, or start over with --full-refresh.",
    recoverable: false,
  },
  TOO_MANY_REFUSED: {
    meaning:
      "More records of a run were refused than `maxRefused` allows, or all of them were refused. The position stays at the last checkpoint.",
    hint: "Fix what refuses them. Often a credential, a column or a filter is wrong for all records. If a run may refuse so many, declare `maxRefused` under `output`: a number, a share such as `5%`, or `100%` for no limit.",
    recoverable: false,
  },
  ANSWER_SAYS_FAILED: {
    meaning: "The endpoint answered with a 2xx status, but its answer says that the request failed.",
    hint: "Declare under `output.answer` what it means: `refused: errors` (or another expression) if it refuses the record, `retry` if the record has to be sent again, `success: always` if this answer is harmless.",
    recoverable: false,
  },
  ANSWER_UNCLEAR: {
    meaning: "The endpoint's answer does not fit what the pipeline declares under `output.answer`.",
    hint: "Compare `output.answer` with the answer that the message describes.",
    recoverable: false,
  },
  ANSWER_UNREADABLE: {
    meaning:
      "The endpoint accepted a request, but its answer, which says what happened to the records, cannot be read. The records may have arrived.",
    hint: "Find out at the endpoint why its answers cannot be read. If a 2xx status is enough, declare `answer.unreadable: success`.",
    recoverable: false,
  },
  // The service and its keys
  INVALID_REQUEST: {
    meaning: "The request does not have the form that the service expects.",
    hint: "Fix the field named in `detail`. The service's `/docs` show the form of every request.",
    recoverable: false,
  },
  UNAUTHORIZED: {
    meaning: "The request has no API key, or its key is unknown, expired or revoked.",
    hint: "Send `Authorization: Bearer KEY` with a key made by `tidemark keys create`.",
    recoverable: false,
  },
  FORBIDDEN: {
    meaning: "The API key does not allow this request.",
    hint: "Use a key with the scope that the detail names, and that is bound to this connector or to none.",
    recoverable: false,
  },
  ROUTE_NOT_FOUND: {
    meaning: "The service has nothing at that address.",
    hint: "See the service's `/docs`. An older service may lack an address that a newer client uses.",
    recoverable: false,
  },
  METHOD_NOT_ALLOWED: {
    meaning: "The address exists, but does not accept that method.",
    hint: "Use one of the methods in the `Allow` header.",
    recoverable: false,
  },
  BODY_TOO_LARGE: {
    meaning: "The request's body is larger than the service accepts.",
    hint: "Send less. Metadata is meant for small facts about a run.",
    recoverable: false,
  },
  MEDIA_TYPE_UNSUPPORTED: {
    meaning: "The `Content-Type` of the request's body is not JSON.",
    hint: "Send `Content-Type: application/json`.",
    recoverable: false,
  },
  REQUEST_TIMEOUT: {
    meaning: "The request did not arrive completely in time.",
    hint: "Send it again.",
    recoverable: true,
  },
  RATE_LIMITED: {
    meaning: "This key sent too many requests, or this address made too many attempts with wrong keys.",
    hint: "Wait as long as the `Retry-After` header says.",
    recoverable: true,
  },
  PARTITION_NOT_FOUND: {
    meaning: "No state is stored for that partition of the stream.",
    hint: "List the stream's partitions. A partition is created by the first checkpoint that names it.",
    recoverable: false,
  },
  SERVICE_INCOMPATIBLE: {
    meaning: "The versions of this client and of the state service do not fit together.",
    hint: "Upgrade the service first, then its clients.",
    recoverable: false,
  },
  KEY_NOT_FOUND: {
    meaning: "No API key has that id.",
    hint: "List the keys with `tidemark keys list`.",
    recoverable: false,
  },
  INTERNAL: {
    meaning: "Tidemark reached a state that should be impossible.",
    hint: "Please report it with the message and the version.",
    recoverable: false,
  },
} as const satisfies Record<string, ErrorEntry>;

/** One of the codes of the table `errorCodes`. */
export type ErrorCode = keyof typeof errorCodes;
