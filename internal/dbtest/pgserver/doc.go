// Package pgserver starts a private PostgreSQL server for tests.
//
// A test process that needs PostgreSQL starts one server and gives every test a
// database of its own:
//
//	server, err := pgserver.Start(ctx, pgserver.Options{})
//	if errors.Is(err, pgserver.ErrNotInstalled) {
//		testserver.Missing(t, "PostgreSQL") // fails in CI, skips elsewhere
//	}
//	dsn, err := server.CreateDatabase(ctx, "")
//
// The server lives in a temporary folder, listens on a Unix socket in that
// folder and on a free port of 127.0.0.1, and trades durability for speed: what
// it holds may be lost when the machine stops. It never outlives its purpose:
// [Server.Stop] ends it, on Linux the kernel ends it when the test process dies
// however it dies, and folders that dead test processes left behind are removed
// by the next [Start] (elsewhere a server whose folder is gone ends itself
// within a minute).
//
// PostgreSQL refuses to run as root. A test process of root runs it as the user
// postgres, or nobody where there is no such user.
package pgserver
