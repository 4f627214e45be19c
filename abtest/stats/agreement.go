package stats

// Kappa is Cohen's kappa: how far two judges of the same rows agree beyond
// chance, 1 for always and 0 for no more than chance (Cohen, Educational and
// Psychological Measurement 20 (1960) 37–46). It is nil without rows, and where
// both gave one and the same label to all of them: chance explains everything.
func Kappa[Label comparable](a, b []Label) (*float64, error) {
	if err := pairs(len(a), len(b)); err != nil {
		return nil, err
	}
	ofA, ofB := map[Label]int{}, map[Label]int{}
	agreed := 0
	for i := range a {
		ofA[a[i]]++
		ofB[b[i]]++
		if a[i] == b[i] {
			agreed++
		}
	}
	// Whole numbers add up to the same in any order of the map.
	byChance := uint64(0)
	for label, n := range ofA {
		byChance += uint64(n) * uint64(ofB[label])
	}
	n := float64(len(a))
	expected := float64(byChance) / (n * n)
	if len(a) == 0 || expected == 1 {
		return nil, nil
	}
	return number((float64(agreed)/n - expected) / (1 - expected)), nil
}
