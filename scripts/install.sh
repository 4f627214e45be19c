#!/usr/bin/env bash
# Installs what the tests need and this machine lacks, where it may: on Debian
# and Ubuntu, as root or through a sudo that asks for no password. The S3 server
# is built with Go into .tools/bin, once.
#
# Ends with status 0 if nothing is missing any more, else with 1 and a message.
set -euo pipefail
cd "$(dirname "$0")/.."

# The one place that names the S3 server's version.
versitygw=v1.8.0

have() { command -v "$1" >/dev/null 2>&1; }

have_postgres() {
	have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

# Debian keeps it off the PATH of ordinary users.
have_pgbouncer() { have pgbouncer || [ -x /usr/sbin/pgbouncer ]; }

# Whether a C program can be built, which takes more than a compiler.
have_c() {
	have "${CC:-gcc}" && echo '#include <stdlib.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1
}

missing() {
	have_postgres || echo postgresql
	have_pgbouncer || echo pgbouncer
	have_c || echo gcc libc6-dev
	have git || echo git
	have redis-server || echo redis-server
	have make || echo make
	# The README's tour, which a test copies and pastes.
	have curl || echo curl
	have jq || echo jq
	! have apt-get || [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

# Whether .tools/bin holds the S3 server in the version named above, as the go
# command stamped it.
have_versitygw() {
	go version -m .tools/bin/versitygw 2>/dev/null |
		grep -E "^[[:space:]]+mod[[:space:]]+github.com/versity/versitygw[[:space:]]+${versitygw}[[:space:]]" >/dev/null
}

build_versitygw() {
	have_versitygw && return
	echo "== building versitygw $versitygw, an S3 server for tests, about a minute"
	mkdir -p .tools/bin
	GOFLAGS='' CGO_ENABLED=0 GOBIN="$PWD/.tools/bin" go install -trimpath -ldflags '-s -w' \
		"github.com/versity/versitygw/cmd/versitygw@$versitygw"
	have_versitygw || {
		echo "versitygw $versitygw was built, but is not in .tools/bin" >&2
		return 1
	}
}

packages=$(missing | xargs)
if [ -z "$packages" ]; then
	build_versitygw
	exit
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! have sudo || ! sudo -n true 2>/dev/null; then
		echo "Missing, and only root may install it: $packages" >&2
		exit 1
	fi
	as_root=(sudo -n)
fi
if ! have apt-get; then
	echo "Missing, and this system has no apt-get to install it: $packages" >&2
	exit 1
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

echo "== installing $packages"

# The tests start servers of their own: keep Debian from making one that runs
# at every boot. The setting goes away again, so that it binds no later install.
no_cluster=/etc/postgresql-common/createcluster.d/promptmetrics-tests.conf
log=$(mktemp)
clean_up() {
	rm -f "$log"
	[ ! -e "$no_cluster" ] || "${as_root[@]}" rm -f "$no_cluster"
}
trap clean_up EXIT
if [[ " $packages " == *" postgresql "* ]]; then
	"${as_root[@]}" mkdir -p "$(dirname "$no_cluster")"
	echo "create_main_cluster = false" | "${as_root[@]}" tee "$no_cluster" >/dev/null
fi

install() {
	# The names are words of their own, so they stay without quotes.
	# shellcheck disable=SC2086
	"${as_root[@]}" apt-get -q -o Acquire::Retries=3 update &&
		"${as_root[@]}" apt-get -q -o Acquire::Retries=3 install -y --no-install-recommends $packages
}
for try in 1 2 3; do
	install >"$log" 2>&1 && break
	cat "$log" >&2
	[ "$try" -eq 3 ] || sleep $((try * 5))
done

wanted=$packages
packages=$(missing | xargs)
if [ -n "$packages" ]; then
	echo "Still missing after the installation: $packages" >&2
	exit 1
fi

# Debian starts both as services; the tests start their own.
for service in pgbouncer redis-server; do
	if [[ " $wanted " == *" $service "* ]] && have systemctl; then
		"${as_root[@]}" systemctl disable --now "$service" >/dev/null 2>&1 || true
	fi
done
build_versitygw
