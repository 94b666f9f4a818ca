-- Logstores whose logs may be deleted and updated, and what became of these.
ALTER TABLE logstores ADD COLUMN modifiable INTEGER NOT NULL DEFAULT 0;

-- Until now clients could ask for it, and it was kept without effect.
UPDATE logstores SET modifiable = 1 WHERE json_extract(extra, '$.enableModify') IN (1, 'true');
UPDATE logstores SET extra = json_remove(extra, '$.enableModify') WHERE json_extract(extra, '$.enableModify') IS NOT NULL;

CREATE TABLE amendments (
    project  TEXT NOT NULL,
    logstore TEXT NOT NULL,
    number   INTEGER NOT NULL,
    body     BLOB, -- as package amend wrote it
    PRIMARY KEY (project, logstore, number),
    FOREIGN KEY (project, logstore) REFERENCES logstores (project, name) ON DELETE CASCADE
) STRICT;
