-- What clients store and get back as it was: JSON objects under a kind and a name.
CREATE TABLE documents (
    project  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB, -- byte for byte
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (project, kind, name),
    FOREIGN KEY (project) REFERENCES projects (name) ON DELETE CASCADE
) STRICT;
