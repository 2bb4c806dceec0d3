#!/bin/sh
# An empty volume → a copy of the primary; then a server that follows it.
set -eu

# Written at each start, so that a changed password is followed.
passfile=$(dirname "$PGDATA")/passfile
(umask 077 && printf '%s:*:*:replicator:%s\n' "$PRIMARY_HOST" "$(cat "${SECRETS:-/run/secrets}/replicator_password")" >"$passfile")

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # A copy that was broken off is not taken for a whole one.
    rm -rf "$PGDATA" "$PGDATA.new"
    pg_basebackup --pgdata="$PGDATA.new" --wal-method=stream --slot=standby --checkpoint=fast --write-recovery-conf \
        --dbname="host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=replicator passfile=$passfile application_name=standby"
    mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -D "$PGDATA" "$@"
