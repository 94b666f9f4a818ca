-- The last rebuild of a logstore's index.
CREATE TABLE index_rebuilds (
    project   TEXT NOT NULL,
    logstore  TEXT NOT NULL,
    last      TEXT NOT NULL,    -- segment up to which all are made anew
    done      INTEGER NOT NULL, -- raw bytes
    left_over INTEGER NOT NULL, -- segments
    started   INTEGER,
    finished  INTEGER,          -- NULL: it runs
    canceled  INTEGER NOT NULL,
    PRIMARY KEY (project, logstore),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;
