package sqlite

// version is the layout of the file, kept in its user_version. It rises with
// every change of schema.
const version = 8

// applicationID marks the file as ours ("fbrk").
const applicationID = 0x6662726b

// schema makes the layout of an empty file. Times are nanoseconds since 1970.
const schema = `
CREATE TABLE meta (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	generation INTEGER NOT NULL,
	seen_at    INTEGER NOT NULL, -- when runs were last driven; 0: never
	links      INTEGER NOT NULL, -- how many there are
	head       BLOB    NOT NULL, -- of the log that they are
	place      TEXT    NOT NULL  -- where the file was when it was last owned
) STRICT;

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
	asks           INTEGER NOT NULL, -- how many questions are open
	bar            TEXT    NOT NULL, -- the kind of rule that bars it from changes; empty: none
	changed        INTEGER NOT NULL, -- how many changes it has begun
	may            INTEGER NOT NULL, -- how many more it may begin
	started_at     INTEGER NOT NULL,
	changed_at     INTEGER NOT NULL, -- when it began its first change; 0: it has not
	ended_at       INTEGER NOT NULL, -- 0: it has not ended
	seq            INTEGER NOT NULL, -- number of the last record
	hash           BLOB    NOT NULL, -- of the last record
	settled        INTEGER NOT NULL,
	rest           BLOB             -- JSON of what an owner must know of it while it only waits
) STRICT;
CREATE INDEX runs_unsettled ON runs (started_at) WHERE settled = 0;
CREATE INDEX runs_asking ON runs (started_at, id) WHERE asks > 0;
CREATE INDEX runs_ended ON runs (ended_at);
CREATE INDEX runs_started ON runs (started_at, id);

CREATE TABLE events (
	run  TEXT    NOT NULL REFERENCES runs (id),
	seq  INTEGER NOT NULL,
	at   INTEGER NOT NULL,
	kind TEXT    NOT NULL,
	data BLOB    NOT NULL, -- JSON
	hash BLOB    NOT NULL, -- of the record and of the one before; see sum
	PRIMARY KEY (run, seq)
) STRICT; -- with row ids: large rows fill its pages, and come at its end
CREATE INDEX events_undo ON events (json_extract(CAST(data AS TEXT), '$.facts.undo_of')) WHERE seq = 1;

CREATE TABLE links ( -- the log; see sum
	n       INTEGER PRIMARY KEY, -- from 1 without gaps
	entries BLOB    NOT NULL
) STRICT;

CREATE TABLE blobs (
	n      INTEGER PRIMARY KEY,
	digest TEXT    NOT NULL UNIQUE,
	bytes  BLOB    NOT NULL
) STRICT;

CREATE TABLE refs ( -- which runs need which blobs
	blob INTEGER NOT NULL REFERENCES blobs (n),
	run  TEXT    NOT NULL,
	PRIMARY KEY (blob, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones ( -- of runs that were pruned; each is its run's last record
	run  TEXT    PRIMARY KEY,
	seq  INTEGER NOT NULL, -- one more than the run had records
	at   INTEGER NOT NULL,
	data BLOB    NOT NULL, -- JSON
	last BLOB    NOT NULL  -- hash of the last record before
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
	kind     TEXT    NOT NULL, -- halt or hold
	service  TEXT    NOT NULL, -- empty: everything
	stands   INTEGER NOT NULL,
	said_by  TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (kind, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts ( -- that sources have sent; those that began a run are in its records, too
	n           INTEGER PRIMARY KEY AUTOINCREMENT,
	key         TEXT    NOT NULL UNIQUE, -- what repeated deliveries have in common
	source      TEXT    NOT NULL,
	identity    TEXT    NOT NULL,
	starts_at   INTEGER NOT NULL, -- 0: the source does not say
	data        BLOB    NOT NULL, -- JSON
	received_at INTEGER NOT NULL, -- first
	last_at     INTEGER NOT NULL,
	times       INTEGER NOT NULL,
	resolved_at INTEGER NOT NULL, -- 0: it goes on
	decided_at  INTEGER NOT NULL, -- 0: never
	outcome     TEXT    NOT NULL, -- empty: it waits to be decided
	run         TEXT    NOT NULL,
	cause       TEXT    NOT NULL, -- what alerts have in common that one run cures
	text        TEXT    NOT NULL,
	told        INTEGER NOT NULL, -- that it is resolved has been dealt with
	tries       INTEGER NOT NULL, -- to begin its run, that failed
	next_at     INTEGER NOT NULL  -- when it is tried again
) STRICT;
CREATE INDEX alerts_identity ON alerts (source, identity);
CREATE INDEX alerts_cause ON alerts (cause, outcome, decided_at);
CREATE INDEX alerts_last ON alerts (source, last_at);
CREATE INDEX alerts_open ON alerts (last_at) WHERE resolved_at = 0;
CREATE INDEX alerts_run ON alerts (run);
CREATE INDEX alerts_waiting ON alerts (n) WHERE outcome IN ('', 'retrying') OR run <> '' AND resolved_at <> 0 AND told = 0;

CREATE TABLE deliveries ( -- that sources have sent, of those that number them
	source TEXT    NOT NULL,
	id     TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens ( -- of those who come over the network; none is stored, only what tells it
	id         TEXT    PRIMARY KEY,
	hash       BLOB    NOT NULL, -- SHA-256 of the secret
	holder     TEXT    NOT NULL,
	may        TEXT    NOT NULL, -- separated by commas
	made_by    TEXT    NOT NULL,
	made_at    INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revoked_at INTEGER NOT NULL  -- 0: it is not
) STRICT, WITHOUT ROWID;

CREATE TABLE acts ( -- what people have done that is no run's business; see sum
	n    INTEGER PRIMARY KEY, -- from 1 without gaps
	at   INTEGER NOT NULL,
	kind TEXT    NOT NULL,
	data BLOB    NOT NULL, -- JSON
	hash BLOB    NOT NULL  -- of the act and of the one before
) STRICT;

CREATE TABLE changes ( -- that others have made and reported
	n        INTEGER PRIMARY KEY AUTOINCREMENT,
	reporter TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	service  TEXT    NOT NULL,
	at       INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	title    TEXT    NOT NULL,
	author   TEXT    NOT NULL,
	before   TEXT    NOT NULL,
	after    TEXT    NOT NULL,
	url      TEXT    NOT NULL,
	heard_at INTEGER NOT NULL,
	UNIQUE (reporter, id)
) STRICT;
CREATE INDEX changes_at ON changes (at);

CREATE TABLE posts ( -- what a chat shows of runs
	run   TEXT NOT NULL,
	key   TEXT NOT NULL, -- what it is, in the run
	place TEXT NOT NULL, -- channel, or person who is told alone
	ref   TEXT NOT NULL, -- the message there; empty: it may have been sent
	shown TEXT NOT NULL, -- digest of what it shows
	ping  TEXT NOT NULL, -- what people were called about last
	at    INTEGER NOT NULL,
	PRIMARY KEY (run, key, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE heard ( -- what people did in a chat
	n    INTEGER PRIMARY KEY AUTOINCREMENT,
	key  TEXT    NOT NULL UNIQUE, -- what repeated deliveries have in common
	at   INTEGER NOT NULL,
	data BLOB    NOT NULL, -- JSON
	done INTEGER NOT NULL
) STRICT;
CREATE INDEX heard_waiting ON heard (n) WHERE done = 0;

CREATE TABLE pages ( -- that wake people; see Page
	n         INTEGER PRIMARY KEY AUTOINCREMENT,
	key       TEXT    NOT NULL UNIQUE,
	run       TEXT    NOT NULL, -- that it is about; empty: none
	alert     INTEGER NOT NULL, -- number of the one that it is about; 0: none
	role      TEXT    NOT NULL,
	text      TEXT    NOT NULL,
	link      TEXT    NOT NULL,
	opened_at INTEGER NOT NULL,
	over_at   INTEGER NOT NULL, -- 0: the trouble goes on
	sent_at   INTEGER NOT NULL, -- 0: nobody has been woken
	closed_at INTEGER NOT NULL, -- 0: it goes on, or is still to be taken back
	tries     INTEGER NOT NULL, -- since the last of them that was taken
	next_at   INTEGER NOT NULL, -- not before
	error     TEXT    NOT NULL  -- of the last try
) STRICT;
CREATE INDEX pages_live ON pages (n) WHERE closed_at = 0;

CREATE TABLE notes ( -- on incidents of others; see Note
	n         INTEGER PRIMARY KEY AUTOINCREMENT,
	key       TEXT    NOT NULL UNIQUE,
	source    TEXT    NOT NULL,
	incident  TEXT    NOT NULL,
	text      TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	closed_at INTEGER NOT NULL, -- 0: it is still to be written
	tries     INTEGER NOT NULL,
	next_at   INTEGER NOT NULL, -- not before
	error     TEXT    NOT NULL  -- of the last try
) STRICT;

CREATE TABLE said (
	n    INTEGER PRIMARY KEY AUTOINCREMENT,
	run  TEXT    NOT NULL REFERENCES runs (id),
	at   INTEGER NOT NULL,
	kind TEXT    NOT NULL,
	data BLOB    NOT NULL -- JSON
) STRICT;
`
