#!/bin/sh
# One sync, as Singer's own docs pipe it: sync.sh VENV plain|tuned DESTINATION ORIGIN FOLDER [POSTGRES_URL]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$1 variant=$2 destination=$3 origin=$4 folder=$5
cd "$folder"
printf '{"origin":"%s"}' "$origin" >tap.json
case $destination in
  sqlite) printf '{"path":"%s/records.db","add_record_metadata":false,"validate_records":false}' "$folder" ;;
  jsonl) printf '{"path":"%s/records.jsonl","add_record_metadata":false,"validate_records":false,"destination_path":"%s","do_timestamp_file":false}' "$folder" "$folder" ;;
  postgres)
    # COPY is what the target's page calls the faster way.
    printf '{"sqlalchemy_url":"%s","default_target_schema":"public","use_copy":true,' "$(echo "$6" | sed 's|^postgres://|postgresql+psycopg://|')"
    printf '"add_record_metadata":false,"activate_version":false,"validate_records":false}'
    ;;
esac >target.json
target="$venv/bin/python $here/target.py $destination-$variant"
[ "$destination-$variant" = jsonl-plain ] && target="$venv/target-jsonl/bin/target-jsonl"
[ -f state.json ] && set -- --state state.json || set --
export LOGLEVEL=WARNING
# The target's words are several on purpose.
# shellcheck disable=SC2086
"$venv/bin/python" "$here/tap.py" "$variant" --config tap.json "$@" | $target --config target.json >states.jsonl
if [ -s states.jsonl ]; then
  tail -n 1 states.jsonl >state.json
  wc -l <states.jsonl >>states.txt
fi
