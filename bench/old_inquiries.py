"""Old inquiries in bulk, as years of work and the retention leave them: mailed and erased."""

from app.database import Database

# What the two dialects say differently: a random id, a time 91 days and some seconds ago, no.
SQLITE = {
    "id": "lower(hex(randomblob(16)))",
    "then": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-91 days', -i || ' seconds')",
    "no": "0",
    "nothing": "x''",
}
POSTGRES = {
    "id": "gen_random_uuid()",
    "then": "clock_timestamp() - interval '91 days' - i * interval '1 second'",
    "no": "false",
    "nothing": "''::bytea",
}
NUMBERS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
"""
STATEMENTS = (
    """INSERT INTO inquiry (id, reference, content_digest, state, topic, created_at, erased_at)
    {numbers} SELECT {id}, substr(CAST(10000000 + i AS varchar), 2), {nothing}, 'erased',
    'billing', {then}, {then} FROM n""",
    """INSERT INTO outbox_message (id, reference, message_id, state, created_at, queued_at,
    attempts, crashes, used_fallback, is_acknowledgement, delivered_at)
    {numbers} SELECT {id}, substr(CAST(10000000 + i AS varchar), 2), '<' || i || '@old.example>',
    'delivered', {then}, {then}, 1, 0, {no}, {no}, {then} FROM n""",
    """INSERT INTO delivery_attempt (message_id, lease_token, owner, started_at, ended_at, outcome)
    SELECT id, id, 'old', created_at, delivered_at, 'delivered' FROM outbox_message""",
)


def fill(database: Database, count: int) -> None:
    """Add ``count`` old inquiries, each with its mail and the attempt that delivered it."""
    if not count:
        return
    sqlite = database.engine.dialect.name == "sqlite"
    words = SQLITE if sqlite else POSTGRES
    with database.engine.begin() as connection:
        if sqlite:
            connection.exec_driver_sql("PRAGMA cache_size=-500000")  # KiB; the ids are random
        for statement in STATEMENTS:
            told = statement.format(numbers=NUMBERS.format(count=count), **words)
            connection.exec_driver_sql(told)
    if not sqlite:  # what PostgreSQL does by itself in the course of time, and SQLite does not
        with database.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("VACUUM ANALYZE")
    database.engine.dispose()
