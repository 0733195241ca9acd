#!/bin/sh
# Installs the Singer SDK and its targets into virtual environments: setup.sh FOLDER
set -eu
SINGER_SDK=0.54.9
TARGET_POSTGRES=0.8.1
TARGET_JSONL=0.1.4

python3 -m venv "$1"
"$1/bin/pip" install --quiet "singer-sdk[msgspec]==$SINGER_SDK" "meltanolabs-target-postgres==$TARGET_POSTGRES"
# Older than the SDK, with requirements that the SDK does not bear beside its own.
python3 -m venv "$1/target-jsonl"
"$1/target-jsonl/bin/pip" install --quiet "target-jsonl==$TARGET_JSONL"
