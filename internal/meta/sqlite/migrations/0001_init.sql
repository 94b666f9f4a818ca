-- Times are nanoseconds since 1970, NULL for the zero time. Names compare byte by byte.

-- The last number given, by kind. Numbers are not given again, whatever is deleted.
CREATE TABLE counters (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, value) VALUES ('log', 0);

CREATE TABLE projects (
    name            TEXT NOT NULL PRIMARY KEY,
    description     TEXT NOT NULL,
    resource_group  TEXT NOT NULL,
    data_redundancy TEXT NOT NULL,
    recycle_bin     INTEGER NOT NULL,
    created         INTEGER,
    modified        INTEGER
) STRICT;

CREATE TABLE logstores (
    project         TEXT NOT NULL REFERENCES projects (name) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    ttl_days        INTEGER NOT NULL,
    tracking        INTEGER NOT NULL,
    append_meta     INTEGER NOT NULL,
    auto_split      INTEGER NOT NULL,
    max_split_shard INTEGER NOT NULL,
    telemetry_type  TEXT NOT NULL,
    mode            TEXT NOT NULL,
    hot_ttl_days    INTEGER NOT NULL,
    infrequent_days INTEGER NOT NULL,
    shard_count     INTEGER NOT NULL,
    next_shard      INTEGER NOT NULL,
    extra           TEXT, -- JSON object
    created         INTEGER,
    modified        INTEGER,
    PRIMARY KEY (project, name)
) STRICT;

CREATE TABLE shards (
    project   TEXT NOT NULL,
    logstore  TEXT NOT NULL,
    id        INTEGER NOT NULL,
    log       INTEGER NOT NULL UNIQUE,
    base      INTEGER NOT NULL,
    begin_key BLOB NOT NULL CHECK (length(begin_key) = 16),
    end_key   BLOB NOT NULL CHECK (length(end_key) = 16),
    read_only INTEGER NOT NULL,
    closed    INTEGER,
    parents   TEXT, -- JSON array of ids
    created   INTEGER,
    PRIMARY KEY (project, logstore, id),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE indexes (
    project  TEXT NOT NULL,
    logstore TEXT NOT NULL,
    config   BLOB, -- JSON, byte for byte
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (project, logstore),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE consumer_groups (
    project  TEXT NOT NULL,
    logstore TEXT NOT NULL,
    name     TEXT NOT NULL,
    timeout  INTEGER NOT NULL, -- nanoseconds
    in_order INTEGER NOT NULL,
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (project, logstore, name),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE checkpoints (
    project        TEXT NOT NULL,
    logstore       TEXT NOT NULL,
    consumer_group TEXT NOT NULL,
    shard          INTEGER NOT NULL,
    cursor         TEXT NOT NULL,
    consumer       TEXT NOT NULL,
    updated        INTEGER,
    PRIMARY KEY (project, logstore, consumer_group, shard),
    FOREIGN KEY (project, logstore, consumer_group) REFERENCES consumer_groups (project, logstore, name) ON DELETE CASCADE,
    FOREIGN KEY (project, logstore, shard) REFERENCES shards (project, logstore, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX checkpoints_by_shard ON checkpoints (project, logstore, shard);

CREATE TABLE access_keys (
    id          TEXT NOT NULL PRIMARY KEY,
    secret      BLOB, -- sealed by package auth
    token       BLOB, -- sealed by package auth; NULL for a permanent key
    projects    TEXT, -- JSON array of names
    read_only   INTEGER NOT NULL,
    root        INTEGER NOT NULL,
    disabled    INTEGER NOT NULL,
    description TEXT NOT NULL,
    expires     INTEGER,
    created     INTEGER
) STRICT;
