package secret

import (
	"bytes"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// schemes maps the scheme of a connection string to its vendor.
func schemes() map[string]string {
	return map[string]string{
		"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mariadb",
		"mongodb": "mongodb", "mongodb+srv": "mongodb", "redis": "redis", "rediss": "redis", "valkey": "redis",
		"amqp": "rabbitmq", "amqps": "rabbitmq", "mqtt": "mqtt", "mqtts": "mqtt", "nats": "nats", "kafka": "kafka",
		"mssql": "sqlserver", "sqlserver": "sqlserver", "oracle": "oracle", "cockroachdb": "cockroachdb",
		"clickhouse": "clickhouse", "cassandra": "cassandra", "neo4j": "neo4j", "neo4j+s": "neo4j", "bolt": "neo4j",
		"snowflake": "snowflake", "redshift": "redshift", "elasticsearch": "elastic", "couchbase": "couchbase", "couchbases": "couchbase", "db2": "db2", "libsql": "turso",
		"influxdb": "influxdb", "influx": "influxdb", "memcached": "memcached", "ldap": "ldap", "ldaps": "ldap", "smtp": "smtp", "smtps": "smtp",
		"imap": "imap", "imaps": "imap", "ftp": "ftp", "ftps": "ftp", "sftp": "sftp", "ssh": "ssh", "smb": "smb", "socks5": "socks", "rtsp": "rtsp",
	}
}

const (
	maxScheme = 40 // with what SQLAlchemy and JDBC put next to it
	maxURI    = 1000
)

// uri examines "://". The whole string is the finding: who takes the password
// alone out of it has still told where it fits. Passwords in web addresses are
// found by package pii, which knows what an address is.
func (s *search) uri(start, after int) {
	b := s.norm
	from := start
	for from > 0 && start-from < maxScheme && (s.sets.has(b[from-1], alnum|hyphen|dot) || b[from-1] == '+' || b[from-1] == ':' || b[from-1] == '_') {
		from--
	}
	written := s.lower[from:start]
	begin := from
	if i := bytes.LastIndexByte(written, ':'); i >= 0 {
		// jdbc:postgresql://, but not "url:postgres://".
		if head := bytes.LastIndex(written, []byte("jdbc:")); head >= 0 {
			begin = from + head
		} else {
			begin = from + i + 1
		}
		written = written[i+1:]
	}
	vendor, ok := s.schemes[string(written)]
	if !ok {
		// postgresql+psycopg2
		if i := bytes.IndexByte(written, '+'); i > 0 {
			vendor, ok = s.schemes[string(written[:i])]
		}
		if !ok {
			return
		}
	}
	// The last "@" before the path ends the user's part: people leave "@" and
	// "/" of a password as they are.
	stop := after
	at, slash := -1, -1
	for stop < len(b) && stop-after < maxURI && !s.sets.has(b[stop], addressEnd) {
		switch b[stop] {
		case ':':
			if bytes.HasPrefix(b[stop:], []byte("://")) {
				return // an address in an address, or none
			}
		case '@':
			if slash < 0 || at < 0 {
				at = stop
			}
		case '/', '?', '#':
			if slash < 0 {
				slash = stop
			}
		}
		stop++
	}
	if at < 0 {
		return
	}
	colon := bytes.IndexByte(b[after:at], ':')
	if colon < 0 || slash >= 0 && slash < after+colon {
		return
	}
	user, password := b[after:after+colon], b[after+colon+1:at]
	host := b[at+1 : stop]
	if i := bytes.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	if len(host) == 0 || !s.reveals(user, password, host) {
		return
	}
	s.add(candidate{rank: rankConnection, Finding: detect.Finding{
		Rule: connectionStringRule, Entity: ConnectionString, Severity: detect.Critical, Category: detect.Security,
		Start: begin, End: s.trimURI(begin, stop), Confidence: 0.985, Vendor: vendor,
	}})
}

// trimURI leaves out the sentence's own marks after an address.
func (s *search) trimURI(start, end int) int {
	for end > start && bytes.IndexByte([]byte(".,;:!?)]}*|\\"), s.norm[end-1]) >= 0 {
		end--
	}
	return end
}

// reveals says that the password of an address is one and not a stand-in.
func (s *search) reveals(user, password, host []byte) bool {
	if len(password) < 3 || s.placeholder(password) || s.all(password, upper|underscore) {
		return false
	}
	for _, sign := range []string{"$", "%", "{", "[", ":"} {
		if password[0] == sign[0] && (s.all(password[1:], word) || bytes.IndexByte([]byte("}]%"), password[len(password)-1]) >= 0) {
			return len(password) > 2 && password[0] == '%' && s.sets.has(password[1], hex|upperHex) && s.sets.has(password[2], hex|upperHex)
		}
	}
	low := string(bytes.ToLower(password))
	if slices.Contains([]string{
		"password", "passwd", "pass", "pwd", "pw", "secret", "passw", "mypassword", "mypass", "dbpassword", "db_password", "userpassword", "user_password",
		"token", "x-oauth-basic", "***", "xxx", "postgres_password", "p4ss", "contraseña", "passwort",
	}, low) {
		return false
	}
	// The account that comes with an installation on the reader's own machine.
	name, _, _ := bytes.Cut(bytes.ToLower(host), []byte(":"))
	local := slices.Contains([]string{"localhost", "127.0.0.1", "0.0.0.0", "db", "host", "hostname", "[", "postgres", "mysql", "redis", "mongo", "rabbitmq"}, string(name))
	if local && (bytes.EqualFold(user, password) || slices.Contains([]string{"postgres", "root", "admin", "guest", "test", "user"}, low)) {
		return false
	}
	return string(name) != "host" && string(name) != "hostname"
}

// storageKey examines the keys of ADO.NET-like strings of storage and buses:
// "AccountKey=" and "SharedAccessKey=". The finding is the whole string.
func (s *search) storageKey(start, after int) {
	end := s.run64(after)
	value := s.norm[after:end]
	if len(value) < 40 || len(value) > 100 || s.placeholder(value) || !s.random(value) {
		return
	}
	from, to := s.pairs(start, end)
	s.add(candidate{rank: rankConnection, Finding: detect.Finding{
		Rule: connectionStringRule, Entity: ConnectionString, Severity: detect.Critical, Category: detect.Security,
		Start: from, End: to, Confidence: 0.98, Vendor: "azure",
	}})
}

func (s *search) run64(at int) int {
	end := at
	for end < len(s.norm) && end-at < 120 && s.sets.has(s.norm[end], alnum|slashPlus|equals) {
		end++
	}
	return end
}

// pairs widens a span to the "name=value;" pairs around it on its line.
func (s *search) pairs(start, end int) (from, to int) {
	b := s.norm
	from = start
	for from > 0 && start-from < 400 && bytes.IndexByte([]byte("\"'`\n\r<>{}(["), b[from-1]) < 0 {
		from--
	}
	// What stands before the first pair is the sentence's: the pair begins
	// after the last blank before its "=", unless the name itself has one.
	if eq := bytes.IndexByte(b[from:start], '='); eq >= 0 {
		if blank := bytes.LastIndexAny(b[from:from+eq], " \t"); blank >= 0 {
			if !bytes.HasSuffix(s.lower[from:from+blank], []byte("data")) {
				from += blank + 1
			} else if blank2 := bytes.LastIndexAny(b[from:from+blank], " \t"); blank2 >= 0 {
				from += blank2 + 1
			}
		}
		// NAME=Server=…: the variable is not a part of it.
		if next := bytes.IndexByte(b[from:start], '='); next >= 0 {
			if semi := bytes.IndexByte(b[from:start], ';'); semi > next {
				if second := bytes.IndexByte(b[from+next+1:from+semi], '='); second >= 0 && s.all(b[from:from+next], word) && s.all(b[from+next+1:from+next+1+second], word) {
					from += next + 1
				}
			}
		}
	} else {
		from = start
	}
	to = end
	for to < len(b) && to-end < 400 && bytes.IndexByte([]byte("\"'`\n\r<>{}()"), b[to]) < 0 {
		if b[to] == ' ' && !bytes.Contains(b[to:min(len(b), to+30)], []byte("=")) {
			break
		}
		to++
	}
	for to > end && bytes.IndexByte([]byte(" .,"), b[to-1]) >= 0 {
		to--
	}
	return from, to
}

// sharedSignature examines "sig=" of a shared access signature.
func (s *search) sharedSignature(start, after int) {
	if start > 0 && s.sets.has(s.norm[start-1], alnum) {
		return
	}
	around := s.lower[max(0, start-300):min(len(s.lower), after+300)]
	if !bytes.Contains(around, []byte("sv=20")) && !bytes.Contains(around, []byte("skn=")) {
		return
	}
	end := after
	for end < len(s.norm) && end-after < 140 && s.sets.has(s.norm[end], url64|slashPlus|equals|percent) {
		end++
	}
	value := s.norm[after:end]
	if len(value) < 40 || s.placeholder(value) || !s.random(value) {
		return
	}
	s.add(candidate{rank: rankToken, Finding: detect.Finding{
		Rule: apiKeyRule, Entity: APIKey, Severity: detect.High, Category: detect.Security,
		Start: after, End: end, Confidence: 0.95, Vendor: "azure",
	}})
}
