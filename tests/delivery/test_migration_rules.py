import pytest

from delivery.migration_rules import findings


def rules(sql: str) -> set[str]:
    return {one.rule for one in findings(sql)}


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE notes SET body = body", "changes-rows"),
        ("update\n  notes set body = ''", "changes-rows"),
        ("DELETE FROM notes", "changes-rows"),
        ("TRUNCATE notes", "changes-rows"),
        ("MERGE INTO notes USING n2 ON true WHEN MATCHED THEN DELETE", "changes-rows"),
        ("INSERT INTO n2 SELECT * FROM notes", "changes-rows"),
        ("WITH gone AS (DELETE FROM notes RETURNING *) SELECT * FROM gone", "changes-rows"),
        ("CREATE TABLE n2 AS SELECT * FROM notes", "changes-rows"),
        ("SELECT * INTO n2 FROM notes", "changes-rows"),
        ("LOCK TABLE notes", "locks-table"),
        ("CLUSTER notes USING notes_pkey", "rewrites-table"),
        ("VACUUM (FULL) notes", "rewrites-table"),
        ("VACUUM FULL notes", "rewrites-table"),
        ("REFRESH MATERIALIZED VIEW titles", "rewrites-table"),
        ("ALTER TABLE notes SET UNLOGGED", "rewrites-table"),
        ("ALTER TABLE notes SET TABLESPACE fast", "rewrites-table"),
        ("ALTER TABLE notes ATTACH PARTITION n2 DEFAULT", "rewrites-table"),
        ("ALTER TABLE notes DETACH PARTITION n2", "rewrites-table"),
        ("REVOKE INSERT ON notes FROM app", "takes-rights"),
        ("ALTER TABLE notes OWNER TO somebody", "takes-rights"),
        ("ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "takes-rights"),
        ("SET lock_timeout = 0", "waits-for-locks"),
        ("SET LOCAL lock_timeout TO '1h'", "waits-for-locks"),
        ("RESET lock_timeout", "waits-for-locks"),
        ("DISCARD ALL", "waits-for-locks"),
        ("SELECT set_config('lock_timeout', '0', false)", "waits-for-locks"),
        ("ALTER TABLE notes DISABLE TRIGGER ALL", "turns-off-checks"),
        ("SET session_replication_role = replica", "turns-off-checks"),
        ("DO $$ BEGIN DROP TABLE notes; END $$", "hides"),
        ("CALL fill()", "hides"),
        ("SELECT fill()", "hides"),
        ("SELECT * FROM fill ('notes')", "hides"),
        ('SELECT app."fill"(1)', "hides"),
        ("WITH one AS (SELECT 1) SELECT fill(1) FROM one", "hides"),
        ("-- squawk-ignore-file", "silences"),
    ],
)
def test_a_statement_is_refused_wherever_it_stands(statement: str, rule: str) -> None:
    assert rules(statement) == {rule}
    before = "ALTER TABLE notes ADD COLUMN owner text; -- the owner's; see above\n"
    assert rules(f"{before}/* two; */ {statement};\n{before}") == {rule}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alembic_version (version_num) VALUES ('0002')",
        "UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001'",
        "INSERT INTO kinds (name) VALUES ('UPDATE notes'), ('; LOCK TABLE notes;')",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $x$ UPDATE notes SET body = ''; $x$",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM notes; SELECT 1'",
        "CREATE TABLE n2 (id uuid, g text GENERATED ALWAYS AS (upper('a')) STORED)",
        "ALTER TABLE notes ADD FOREIGN KEY (a) REFERENCES b ON UPDATE CASCADE ON DELETE CASCADE",
        "CREATE TRIGGER t AFTER UPDATE OR DELETE ON notes EXECUTE FUNCTION f()",
        "ALTER TABLE notes DETACH PARTITION n2 CONCURRENTLY",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY titles",
        "SET statement_timeout = '1h'",
        "GRANT SELECT ON notes TO app",
        "VACUUM notes",
        "SELECT 1",
        "COMMENT ON TABLE notes IS 'it''s; LOCK notes'",
    ],
)
def test_what_locks_nobody_out_is_let_through(statement: str) -> None:
    assert rules(statement) == set()
