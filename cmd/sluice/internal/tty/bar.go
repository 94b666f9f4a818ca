package tty

import "strings"

// Blocks is a bar that fills part (0 to 1) of width columns, to an eighth of a column. What is more than nothing can be seen.
func Blocks(part float64, width int) string {
	eighths := int(min(max(part, 0), 1)*float64(width)*8 + 0.5)
	if part > 0 {
		eighths = max(eighths, 1)
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}

// Progress is a bar of width columns of which part (0 to 1) is done.
func Progress(part float64, width int) string {
	filled := int(min(max(part, 0), 1) * float64(width))
	return strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
}
