#!/bin/sh
# Installs dlt into a virtual environment: setup.sh FOLDER
set -eu
DLT=1.31.0
DUCKDB=2.0.0
PSYCOPG2=2.9.13
PYARROW=26.0.1

python3 -m venv "$1"
"$1/bin/pip" install --quiet \
  "dlt==$DLT" "duckdb==$DUCKDB" "psycopg2-binary==$PSYCOPG2" "pyarrow==$PYARROW"
