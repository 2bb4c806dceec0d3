#!/bin/sh
# A new primary → the example's tables and rows, in one session: its files share temporary functions.
set -eu
cat "${EXAMPLE:-/example}"/*.sql | psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" --single-transaction -f -
