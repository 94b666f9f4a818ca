-- Delivery tasks, how far each got in each shard, and which engines are alive.
INSERT INTO counters (name, value) VALUES ('epoch', 0);

CREATE TABLE delivery_tasks (
    project  TEXT NOT NULL REFERENCES projects (name) ON DELETE CASCADE,
    name     TEXT NOT NULL,
    logstore TEXT NOT NULL,
    spec     BLOB, -- JSON as package delivery wrote it, secrets masked
    secrets  BLOB, -- sealed by package auth
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    started  INTEGER,
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (project, name)
) STRICT;

-- Shards come and go and a logstore may be made again, so points do not hang on them.
CREATE TABLE delivery_points (
    project         TEXT NOT NULL,
    task            TEXT NOT NULL,
    stream          TEXT NOT NULL,
    shard           INTEGER NOT NULL,
    log             INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    log_index       INTEGER NOT NULL,
    intent_position INTEGER NOT NULL,
    intent_index    INTEGER NOT NULL,
    end_position    INTEGER NOT NULL,
    finished        INTEGER NOT NULL,
    counters        BLOB, -- JSON as package delivery wrote it
    error           TEXT NOT NULL,
    failing         INTEGER,
    delivered       INTEGER,
    owner           TEXT NOT NULL,
    epoch           INTEGER NOT NULL,
    PRIMARY KEY (project, task, stream, shard),
    FOREIGN KEY (project, task) REFERENCES delivery_tasks (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE leases (
    name    TEXT NOT NULL PRIMARY KEY,
    expires INTEGER
) STRICT;
