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
    # Control models are a role of their own. A table that others refer to is made anew together with them.
    """
    CREATE TABLE models_wider (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('model', 'vae', 'control')),
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
    INSERT INTO models_wider SELECT * FROM models;
    CREATE TABLE files_before AS SELECT * FROM model_files;
    DROP TABLE model_files;
    DROP TABLE models;
    ALTER TABLE models_wider RENAME TO models;
    CREATE TABLE model_files (
        model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (model, path)
    );
    INSERT INTO model_files SELECT * FROM files_before;
    DROP TABLE files_before;
    """,
)
