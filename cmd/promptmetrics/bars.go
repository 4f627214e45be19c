package main

import "strings"

// gauge draws a share, from nothing at 0 to all of width at 1, to an eighth of
// a character.
func gauge(share float64, width int) string {
	parts := []rune(" ▏▎▍▌▋▊▉")
	// Written so that NaN is nothing.
	if !(share > 0) {
		share = 0
	}
	eighths := int(min(share, 1)*float64(width)*8 + 0.5)
	line := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		line += string(parts[rest])
	}
	return line + strings.Repeat("░", width-len([]rune(line)))
}

// barWidth is how wide the bars of a table are.
const barWidth = 12

// tableBar draws a value beside the greatest of its column, if somebody looks.
// What is not nothing has a line at least.
func (p *program) tableBar(value, greatest float64) string {
	if !p.draws || !(value > 0) || !(greatest > 0) {
		return ""
	}
	return strings.TrimRight(gauge(max(value/greatest, 1.0/(8*barWidth)), barWidth), "░")
}
