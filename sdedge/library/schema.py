"""The library database's schema: one list of migrations, numbered by `PRAGMA user_version`.

To change the schema append a script; never edit one that was released.
"""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE models (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('model', 'vae')),
        path TEXT NOT NULL,
        linked INTEGER NOT NULL,
        kind TEXT NOT NULL,
        base TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        legacy_hash TEXT,
        size INTEGER NOT NULL,
        source TEXT NOT NULL,
        licence TEXT NOT NULL,
        added TEXT NOT NULL
    );
    CREATE TABLE model_files (
        model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (model, path)
    );
    CREATE TABLE licences (name TEXT PRIMARY KEY, accepted TEXT NOT NULL);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)
