#!/bin/sh
# A new primary → the roles that serve and replicate, and the slot that keeps WAL for the standby.
set -eu

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
    -v app="$(cat "${SECRETS:-/run/secrets}/app_password")" -v replicator="$(cat "${SECRETS:-/run/secrets}/replicator_password")" <<'SQL'
-- Serves: reads what it is granted, and owns nothing.
CREATE ROLE app LOGIN PASSWORD :'app';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app;
SELECT pg_create_physical_replication_slot('standby');
SQL
echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
