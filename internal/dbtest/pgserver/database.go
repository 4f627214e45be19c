package pgserver

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// superuser owns the server and every database. It may do anything.
const superuser = "postgres"

// CreateDatabase makes a database that no other test uses and gives its DSN.
//
// It is a copy of template, or empty if template is "". A template is named by
// the DSN that CreateDatabase gave for it or by its plain name; nobody may be
// connected to it meanwhile.
func (s *Server) CreateDatabase(ctx context.Context, template string) (string, error) {
	from := "template0"
	if template != "" {
		var err error
		if from, err = databaseName(template); err != nil {
			return "", err
		}
	}
	name := "test_" + strconv.FormatInt(s.made.Add(1), 10)
	if err := s.execute(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(from)); err != nil {
		return "", fmt.Errorf("create a database from %s: %w", from, err)
	}
	return s.DSN(name), nil
}

// DropDatabase removes a database, given by its DSN or name, and ends the
// connections to it. Dropping one that does not exist does nothing. A test drops
// its database to free some 8 MiB; [Server.Stop] removes whatever is left.
func (s *Server) DropDatabase(ctx context.Context, database string) error {
	name, err := databaseName(database)
	if err != nil {
		return err
	}
	if err := s.execute(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// DSN gives the address of a database of this server, by its plain name. It
// leads to the Unix socket, or to [Server.TCPDSN] where there are none.
func (s *Server) DSN(database string) string {
	if runtime.GOOS == "windows" {
		return s.TCPDSN(database)
	}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database}
	u.RawQuery = url.Values{
		"host": {s.folder.sockets}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"},
	}.Encode()
	return u.String()
}

// TCPDSN is [Server.DSN] over 127.0.0.1, for what must have a host and a port,
// as a proxy that cuts connections must.
func (s *Server) TCPDSN(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password), Path: "/" + database,
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// execute runs one statement on a connection of its own: the statements here
// cannot be part of a transaction, and no connection survives a restart.
func (s *Server) execute(ctx context.Context, statement string) (err error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := conn.Close(context.WithoutCancel(ctx)); err == nil {
			err = closeErr
		}
	}()
	_, err = conn.Exec(ctx, statement)
	return err
}

// databaseName gives the name in a DSN; what is no DSN is a name already.
func databaseName(dsn string) (string, error) {
	name := dsn
	if strings.Contains(dsn, "://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return "", fmt.Errorf("read a DSN: %w", err)
		}
		name = strings.TrimPrefix(u.Path, "/")
	}
	if name == "" {
		return "", fmt.Errorf("%q names no database", dsn)
	}
	return name, nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
