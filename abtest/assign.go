package abtest

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

// assign hashes a unit into a version. The test is part of the hash, so that
// the units of one test are mixed anew in the next one; and so is the
// workspace, since tests are counted in each.
func (t Test) assign(unit string) Assignment {
	a := Assignment{Variant: stats.A, Version: t.VersionA, PromptName: t.PromptName}
	switch {
	case t.PromotedVersion != nil:
		a.Version = *t.PromotedVersion
		if a.Version == t.VersionB {
			a.Variant = stats.B
		}
	case position(t.Workspace, t.ID, unit) < t.ShareB:
		a.Variant, a.Version = stats.B, t.VersionB
	}
	return a
}

// position places a unit evenly in [0, 1).
func position(workspace string, test int64, unit string) float64 {
	sum := sha256.Sum256([]byte("promptmetrics/assignment/1\x00" + workspace + "\x00" + strconv.FormatInt(test, 10) + "\x00" + unit))
	// 53 bits are what a float64 holds exactly.
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}
