package sqlite

// version is the layout of the file, kept in its user_version.
const version = 1

// applicationID marks the file as ours ("fbrk").
const applicationID = 0x6662726b

// schema makes the layout of an empty file. Times are nanoseconds since 1970.
const schema = `
CREATE TABLE meta (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	generation INTEGER NOT NULL,
	seen_at    INTEGER NOT NULL -- when runs were last driven; 0: never
) STRICT;
INSERT INTO meta VALUES (1, 0, 0);

CREATE TABLE gaps ( -- in which nobody drove runs
	generation INTEGER PRIMARY KEY, -- of the owner after it
	down       INTEGER NOT NULL     -- nanoseconds
) STRICT;

CREATE TABLE runs (
	id             TEXT    PRIMARY KEY,
	runbook        TEXT    NOT NULL,
	service        TEXT    NOT NULL,
	requester_kind TEXT    NOT NULL,
	requester      TEXT    NOT NULL,
	phase          TEXT    NOT NULL,
	word           TEXT    NOT NULL,
	waiting        TEXT    NOT NULL, -- separated by commas
	started_at     INTEGER NOT NULL,
	ended_at       INTEGER NOT NULL, -- 0: it has not ended
	seq            INTEGER NOT NULL, -- number of the last record
	settled        INTEGER NOT NULL,
	rest           BLOB             -- JSON of what an owner must know of it while it only waits
) STRICT;
CREATE INDEX runs_unsettled ON runs (started_at) WHERE settled = 0;
CREATE INDEX runs_started ON runs (started_at);

CREATE TABLE events (
	run  TEXT    NOT NULL REFERENCES runs (id),
	seq  INTEGER NOT NULL,
	at   INTEGER NOT NULL,
	kind TEXT    NOT NULL,
	data BLOB    NOT NULL, -- JSON
	PRIMARY KEY (run, seq)
) STRICT; -- with row ids: large rows fill its pages, and come at its end

CREATE TABLE blobs (
	digest TEXT PRIMARY KEY,
	bytes  BLOB NOT NULL
) STRICT;

CREATE TABLE orders (
	kind     TEXT    NOT NULL, -- halt or hold
	service  TEXT    NOT NULL, -- empty: everything
	stands   INTEGER NOT NULL,
	said_by  TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (kind, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE said (
	n    INTEGER PRIMARY KEY AUTOINCREMENT,
	run  TEXT    NOT NULL REFERENCES runs (id),
	at   INTEGER NOT NULL,
	kind TEXT    NOT NULL,
	data BLOB    NOT NULL -- JSON
) STRICT;
`
