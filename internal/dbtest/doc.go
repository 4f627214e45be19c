// Package dbtest runs a test on every database engine: on SQLite always, on
// PostgreSQL where a server can be started.
//
// A package that uses it starts with
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
// and writes its tests as
//
//	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
//		d := e.Open(t)
//		…
//	})
//
// One PostgreSQL server serves the whole test process. It is started by the
// first test that asks for it; its schema is migrated once, into a template
// of which every test gets a copy. Where PostgreSQL is not installed those
// tests are skipped, and fail if CI=true; see package pgserver.
package dbtest
