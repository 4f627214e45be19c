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
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Before Go 1.27 a target may fail just because its time is over
# (golang/go#75804). A real failure writes the input that caused it.
time_was_over() {
	grep -qx ' *context deadline exceeded' "$log" && ! grep -Eq 'Failing input written|^panic:|_test\.go:' "$log"
}

failed=()
while IFS=: read -r file function; do
	name=${function#func }
	name=${name%(}
	folder=./$(dirname "${file#./}")
	echo "== $folder $name"
	if ! CGO_ENABLED=0 go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 20x "$folder" >"$log" 2>&1; then
		if time_was_over; then
			echo "The time was over while an input was running; no input failed."
		else
			cat "$log"
			failed+=("$folder $name")
		fi
	fi
	grep -E '^fuzz: elapsed' "$log" | tail -n 1 || true
done <<<"$targets"

if [ ${#failed[@]} -ne 0 ]; then
	printf 'Failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
