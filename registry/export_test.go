package registry

// Differences is the comparison of two versions.
var Differences = compare
