#!/usr/bin/env bash
# Runs every test: on SQLite, on a PostgreSQL that the tests start themselves,
# and under the race detector. What this machine lacks is installed where that is
# allowed. Otherwise its tests are left out and listed at the end; in CI
# (CI=true) that is a failure.
#
#   scripts/test.sh [packages]     default: ./...
set -euo pipefail
cd "$(dirname "$0")/.."
packages=("${@:-./...}")
ci=false
[ "${CI:-}" = true ] && ci=true

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PROMPTMETRICS_TEST_OMITTED=$scratch/omitted
touch "$PROMPTMETRICS_TEST_OMITTED"

# A failure shows in the tests: they fail in CI, and are left out elsewhere.
scripts/install.sh || true

race=(-race)
export CGO_ENABLED=1
if ! echo 'int main(void) { return 0; }' | "${CC:-gcc}" -x c -o "$scratch/c" - 2>/dev/null; then
	if $ci; then
		echo "There is no C compiler, which the race detector needs." >&2
		exit 1
	fi
	race=()
	export CGO_ENABLED=0
	echo 'the race detector, for want of a C compiler' >>"$PROMPTMETRICS_TEST_OMITTED"
fi
fresh=() strict=()
if $ci; then
	fresh=(-count=1)
	strict=(-no-skips)
fi

status=0
echo "== go vet"
go vet ${race[@]+"${race[@]}"} "${packages[@]}" || status=$?

echo "== go test ${race[*]-}"
go build -o "$scratch/testreport" ./scripts/testreport
go test ${race[@]+"${race[@]}"} ${fresh[@]+"${fresh[@]}"} -timeout "${TEST_TIMEOUT:-15m}" -json "${packages[@]}" |
	"$scratch/testreport" ${strict[@]+"${strict[@]}"} || status=$?

if [ -s "$PROMPTMETRICS_TEST_OMITTED" ]; then
	echo
	echo "Left out on this machine:"
	awk -F '\t' '
		{ tests[$1] += $2 != "" }
		END { for (what in tests) print "  " what (tests[what] ? " (" tests[what] " tests)" : "") }
	' "$PROMPTMETRICS_TEST_OMITTED" | sort
fi
exit "$status"
