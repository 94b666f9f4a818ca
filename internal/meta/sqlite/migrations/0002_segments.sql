-- The index of a logstore: its segments, and how far each shard has been indexed.
CREATE TABLE segments (
    project  TEXT NOT NULL,
    logstore TEXT NOT NULL,
    name     TEXT NOT NULL,
    runs     TEXT, -- JSON array of {shard, From, To}
    info     BLOB, -- JSON, as package segment wrote it
    created  INTEGER,
    PRIMARY KEY (project, logstore, name),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE index_progress (
    project  TEXT NOT NULL,
    logstore TEXT NOT NULL,
    shard    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (project, logstore, shard),
    FOREIGN KEY (project, logstore, shard) REFERENCES shards (project, logstore, id) ON DELETE CASCADE
) STRICT;
