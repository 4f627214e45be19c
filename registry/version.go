package registry

import (
	"cmp"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxVersion is the longest version, and maxSelector the longest range.
const (
	maxVersion  = 64
	maxSelector = 256
)

// ValidVersion reports whether v is a SemVer 2.0.0 version of at most 64
// characters. Source of the grammar: https://semver.org/spec/v2.0.0.html.
func ValidVersion(v string) bool {
	if len(v) > maxVersion {
		return false
	}
	_, err := semver.StrictNewVersion(v)
	return err == nil
}

// Compare orders two versions by which one is the later: a stable release
// after any pre-release, then SemVer precedence, then, where only the build
// differs and SemVer sees no order, the text.
func Compare(a, b string) int {
	va, errA := semver.StrictNewVersion(a)
	vb, errB := semver.StrictNewVersion(b)
	if errA != nil || errB != nil {
		return cmp.Or(boolOrder(errA == nil, errB == nil), cmp.Compare(a, b))
	}
	return compareParsed(va, vb)
}

func compareParsed(a, b *semver.Version) int {
	return cmp.Or(
		boolOrder(a.Prerelease() == "", b.Prerelease() == ""),
		a.Compare(b),
		cmp.Compare(a.Metadata(), b.Metadata()),
	)
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Latest is the latest of some versions, or "" of none.
func Latest(versions []string) string {
	if len(versions) == 0 {
		return ""
	}
	return slices.MaxFunc(versions, Compare)
}

// Pick chooses from versions: the latest for an empty selector, an exact
// version, or the highest in a SemVer range. ok is false when none matches; a
// selector that is neither version nor range is an ErrValidation.
func Pick(versions []string, selector string) (version string, ok bool, err error) {
	if selector == "" {
		version = Latest(versions)
		return version, version != "", nil
	}
	if slices.Contains(versions, selector) {
		return selector, true, nil
	}
	if ValidVersion(selector) {
		return "", false, nil
	}
	wanted, err := parseRange(selector)
	if err != nil {
		return "", false, err
	}
	var best *semver.Version
	for _, text := range versions {
		v, err := semver.StrictNewVersion(text)
		if err != nil || !wanted.Check(v) {
			continue
		}
		if best == nil || compareParsed(v, best) > 0 {
			best, version = v, text
		}
	}
	return version, best != nil, nil
}

func parseRange(selector string) (*semver.Constraints, error) {
	if len(selector) <= maxSelector {
		wanted, err := semver.NewConstraint(selector)
		if err == nil {
			return wanted, nil
		}
	}
	return nil, pmerr.Invalid("version must be a version such as 1.2.0 or a SemVer range such as ^1.2, ~1.4.0 or >=1 <2")
}
