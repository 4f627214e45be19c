-- What one of many processes does for all: who does it, and until when nobody
-- else may, by the clock of the database.
CREATE TABLE pm_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);
