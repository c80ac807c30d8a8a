"""The database's roles, by the scripts that make them and change their passwords."""

from k8s.secret_store import FOLDER

APP = "app"
"""The role and the database of the application."""
BACKUP = "backup"
"""The role that may have a backup made, and nothing else."""
DUMP = "dump"
"""The role that may read what the application's role makes, and change nothing."""
STANZA = "main"
PGBACKREST = f"pgbackrest --stanza={STANZA}"

_READ = f"""\\set app `cat {FOLDER}/app`
\\set dump `cat {FOLDER}/{DUMP}`
\\set members `cat {FOLDER}/members`"""

# A connection more than one dump has: one that a lost pod left stands for a while.
_DUMP = f"""SELECT 'CREATE ROLE {DUMP}' WHERE NOT EXISTS
    (SELECT FROM pg_roles WHERE rolname = '{DUMP}') \\gexec
ALTER ROLE {DUMP} LOGIN CONNECTION LIMIT 4 PASSWORD :'dump';
ALTER ROLE {DUMP} SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE {APP} TO {DUMP};"""
# Not pg_read_all_data, which reads the hashes of passwords, too.
_DUMP_READS = f"""\\connect {APP}
ALTER DEFAULT PRIVILEGES FOR ROLE {APP} GRANT USAGE ON SCHEMAS TO {DUMP};
ALTER DEFAULT PRIVILEGES FOR ROLE {APP} GRANT SELECT ON TABLES TO {DUMP};
ALTER DEFAULT PRIVILEGES FOR ROLE {APP} GRANT SELECT ON SEQUENCES TO {DUMP};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {DUMP};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {DUMP};"""

# Run on the primary by a person, once the mounted passwords are new: docs/rotate-passwords.md. A
# cluster that is older than the role `dump` gets it so.
PASSWORDS = f"""#!/bin/sh
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres << 'SQL'
-- A statement that fails is logged, and these hold what nobody may read.
SET log_min_error_statement = panic;
{_READ}
BEGIN;
ALTER ROLE {APP} PASSWORD :'app';
ALTER ROLE {BACKUP} PASSWORD :'members';
ALTER ROLE replication PASSWORD :'members';
ALTER ROLE rewind PASSWORD :'members';
{_DUMP}
COMMIT;
{_DUMP_READS}
SQL
"""

# Run once in a cluster's life, by Patroni, with a connection string of the superuser. A repository
# that a cluster before this one left is gone on with, its backups kept.
BOOTSTRAP = f"""#!/bin/sh
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$1" << 'SQL'
-- A statement that fails is logged, and these hold what nobody may read.
SET log_min_error_statement = panic;
{_READ}
CREATE ROLE {APP} LOGIN PASSWORD :'app';
CREATE DATABASE {APP} OWNER {APP};
REVOKE CONNECT ON DATABASE {APP} FROM PUBLIC;
{_DUMP}
CREATE ROLE {BACKUP} LOGIN PASSWORD :'members' CONNECTION LIMIT 1;
CREATE SCHEMA {BACKUP};
CREATE PROCEDURE {BACKUP}.take(kind text) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kind NOT IN ('full', 'diff') THEN
        RAISE 'A backup is full or diff, not %.', kind;
    END IF;
    EXECUTE format('COPY (SELECT) TO PROGRAM %L', '{PGBACKREST} --type=' || kind || ' backup');
END
$$;
REVOKE ALL ON PROCEDURE {BACKUP}.take FROM PUBLIC;
GRANT USAGE ON SCHEMA {BACKUP} TO {BACKUP};
GRANT EXECUTE ON PROCEDURE {BACKUP}.take TO {BACKUP};
{_DUMP_READS}
SQL
{PGBACKREST} stanza-create || {PGBACKREST} stanza-upgrade
"""
