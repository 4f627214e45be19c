#!/usr/bin/env bash
# Runs each fuzz target of the project for FUZZTIME (default 10s).
#
#   scripts/fuzz.sh [folder]       default: the whole project
set -euo pipefail
cd "$(dirname "$0")/.."

targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+\(' "${1:-.}" | sort || true)
if [ -z "$targets" ]; then
	echo "No fuzz target under ${1:-.}." >&2
	exit 1
fi
failed=()
while IFS=: read -r file function; do
	name=${function#func }
	name=${name%(}
	folder=./$(dirname "${file#./}")
	echo "== $folder $name"
	CGO_ENABLED=0 go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" "$folder" || failed+=("$folder $name")
done <<<"$targets"

if [ ${#failed[@]} -ne 0 ]; then
	printf 'Failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
