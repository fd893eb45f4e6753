#!/bin/sh
# The image of PostgreSQL runs this once, when it creates its data folder: the site's account owns
# the database and is not a superuser. The superuser can then log in only inside the container.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
	--set password="$(cat "$POSTGRES_PASSWORD_FILE")" <<'SQL'
CREATE ROLE frontdesk LOGIN PASSWORD :'password';
CREATE DATABASE frontdesk OWNER frontdesk;
ALTER ROLE postgres PASSWORD NULL;
SQL
