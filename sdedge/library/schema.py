"""The library database's schema: one list of migrations, numbered by `PRAGMA user_version`.

To change the schema append a script; never edit one that was released.
"""

from __future__ import annotations


def _with_roles(roles: str) -> str:
    """Returns the script that lets models have these roles. A table that others refer to is made anew together with them."""
    return f"""
    CREATE TABLE models_wider (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ({roles})),
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
    """


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
    # Control models are a role of their own, then upscalers and detectors.
    _with_roles("'model', 'vae', 'control'"),
    _with_roles("'model', 'vae', 'control', 'upscaler', 'detector'"),
    # What a person keeps beside a model, LoRA or embedding, which outlasts it.
    """
    CREATE TABLE model_notes (
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        text TEXT NOT NULL DEFAULT '',
        triggers TEXT NOT NULL DEFAULT '',
        picture BLOB,
        PRIMARY KEY (name, role)
    );
    """,
)
