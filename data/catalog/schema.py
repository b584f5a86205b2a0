"""The tables of the catalog, as numbered migrations."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE catalog_state (schema_version INTEGER, labels_bytes BIGINT, labels_lines BIGINT);
    INSERT INTO catalog_state VALUES (0, 0, 0);
    CREATE TABLE shards (
        path VARCHAR PRIMARY KEY, robot VARCHAR, day VARCHAR,
        episode_count BIGINT, size_bytes BIGINT
    );
    CREATE TABLE episodes (
        episode_id VARCHAR PRIMARY KEY, shard VARCHAR, robot VARCHAR, kind VARCHAR,
        behaviour VARCHAR, task VARCHAR, outcome VARCHAR, pair_id VARCHAR, start VARCHAR,
        recorded_at_ns BIGINT, step_count BIGINT, truth VARCHAR
    );
    CREATE TABLE labels (
        label_id VARCHAR PRIMARY KEY, line BIGINT, episode_id VARCHAR, frame_index BIGINT,
        task VARCHAR, outcome VARCHAR, "by" VARCHAR, source VARCHAR, at_ns BIGINT,
        retracts VARCHAR, split VARCHAR
    );
    """,
    """
    ALTER TABLE catalog_state ADD COLUMN tasks_digest VARCHAR DEFAULT '';
    ALTER TABLE labels ADD COLUMN stands BOOLEAN DEFAULT FALSE;
    ALTER TABLE episodes ADD COLUMN answers_id INTEGER;
    CREATE TABLE answers (answers_id INTEGER, stated VARCHAR, conflict VARCHAR);
    CREATE TABLE conclusions (
        answers_id INTEGER, task VARCHAR, outcome VARCHAR, derived_from VARCHAR
    );
    CREATE TABLE frame_answers (episode_id VARCHAR, frame_index BIGINT, answers_id INTEGER);
    """,
)
"""Migration n (counted from 1) brings a catalog of schema n - 1 to schema n; 0 is an empty file.

Only ever append. What a catalog of schema 0 should hold is read from the workspace's files.
"""

SCHEMA = len(MIGRATIONS)
"""The schema this Goalpost reads and writes."""
