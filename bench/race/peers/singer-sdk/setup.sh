#!/bin/sh
# Installs the Singer SDK and the SDK's PostgreSQL target into a virtual environment: setup.sh FOLDER
set -eu
SINGER_SDK=0.54.9
TARGET_POSTGRES=0.8.1

python3 -m venv "$1"
"$1/bin/pip" install --quiet "singer-sdk[msgspec]==$SINGER_SDK" "meltanolabs-target-postgres==$TARGET_POSTGRES"
