"""The race's job by dlt: load.py DESTINATION ORIGIN FOLDER [POSTGRES_URL]

Its own rest_api source, incremental by `updated_at`. After its page "Optimizing dlt": pages are yielded whole
(as rest_api does), buffers are larger and files rotate so that two processes can normalize, files are not
compressed, and each destination gets the file format that loads fastest: COPY of CSV for PostgreSQL (ADBC with
Parquet was tried and was no faster), Parquet for DuckDB. The first load appends;
the later ones upsert, since merging into an empty table would only cost it time.
"""

import os
import sys

destination, origin, folder, *rest = sys.argv[1:]

os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "100000",
        "NORMALIZE__WORKERS": "2",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
        "EXTRACT__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
)

import dlt  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

destinations = {
    "duckdb": lambda: (dlt.destinations.duckdb(os.path.join(folder, "records.duckdb")), "parquet"),
    "postgres": lambda: (dlt.destinations.postgres(rest[0]), "csv"),
    "jsonl": lambda: (dlt.destinations.filesystem(os.path.join(folder, "files")), "jsonl"),
}


def main() -> None:
    target, file_format = destinations[destination]()
    pipeline = dlt.pipeline(
        "race", destination=target, dataset_name="race", pipelines_dir=os.path.join(folder, "pipelines")
    )
    appends = destination == "jsonl" or pipeline.first_run
    source = rest_api_source(
        {
            "client": {
                "base_url": origin,
                "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "token"},
            },
            "resources": [
                {
                    "name": "records",
                    "primary_key": "id",
                    "write_disposition": "append"
                    if appends
                    else {"disposition": "merge", "strategy": "upsert"},
                    "endpoint": {
                        "path": "records",
                        "data_selector": "data",
                        "incremental": {
                            "start_param": "updated_after",
                            "cursor_path": "updated_at",
                            "initial_value": "2026-01-01T00:00:00.000Z",
                        },
                    },
                }
            ],
        },
        max_table_nesting=0,
    )
    pipeline.run(source, loader_file_format=file_format).raise_on_failed_jobs()


# The processes that normalize import this file again.
if __name__ == "__main__":
    main()
