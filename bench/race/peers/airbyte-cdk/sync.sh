#!/bin/sh
# One sync: sync.sh VENV DESTINATION ORIGIN FOLDER [POSTGRES_URL]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$1 destination=$2 origin=$3 folder=$4
shift 4
printf '{"origin":"%s"}' "$origin" >"$folder/config.json"
[ -f "$folder/state.json" ] || echo '[]' >"$folder/state.json"
cp "$folder/state.json" "$folder/state-before.json"
"$venv/bin/source-declarative-manifest" read --manifest-path "$here/manifest.yaml" --config "$folder/config.json" \
  --catalog "$here/catalog.json" --state "$folder/state-before.json" |
  "$venv/bin/python" "$here/sink.py" "$destination" "$folder" "$@"
