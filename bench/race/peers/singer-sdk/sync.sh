#!/bin/sh
# One sync, as Singer's own docs pipe it: sync.sh VENV DESTINATION ORIGIN FOLDER [POSTGRES_URL]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$1 destination=$2 origin=$3 folder=$4
cd "$folder"
printf '{"origin":"%s"}' "$origin" >tap.json
case $destination in
  sqlite) printf '{"path":"%s/records.db","add_record_metadata":false,"validate_records":false}' "$folder" ;;
  jsonl) printf '{"path":"%s/records.jsonl","add_record_metadata":false,"validate_records":false}' "$folder" ;;
  postgres)
    # psycopg's COPY is what the target's page calls the faster way.
    printf '{"sqlalchemy_url":"%s","default_target_schema":"public","use_copy":true,' "$(echo "$5" | sed 's|^postgres://|postgresql+psycopg://|')"
    printf '"add_record_metadata":false,"activate_version":false,"validate_records":false}'
    ;;
esac >target.json
[ -f state.json ] && set -- --state state.json || set --
LOGLEVEL=WARNING "$venv/bin/python" "$here/tap.py" --config tap.json "$@" |
  LOGLEVEL=WARNING "$venv/bin/python" "$here/target.py" "$destination" --config target.json >states.jsonl
if [ -s states.jsonl ]; then
  tail -n 1 states.jsonl >state.json
  wc -l <states.jsonl >>states.txt
fi
