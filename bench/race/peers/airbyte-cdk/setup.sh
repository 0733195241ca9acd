#!/bin/sh
# Installs the Airbyte Python CDK into a virtual environment: setup.sh FOLDER
set -eu
AIRBYTE_CDK=7.39.1
PSYCOPG=3.3.6

python3 -m venv "$1"
"$1/bin/pip" install --quiet "airbyte-cdk==$AIRBYTE_CDK" "psycopg[binary]==$PSYCOPG"
