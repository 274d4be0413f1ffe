package demo

import "strings"

// cells is the width of a text on a terminal: Chinese characters and full-width signs take two cells.
func cells(s string) (n int) {
	for _, r := range s {
		n += runeCells(r)
	}
	return
}

func runeCells(r rune) int {
	switch {
	case r < 0x1100:
		return 1
	case r <= 0x115F, r >= 0x2E80 && r <= 0xA4CF, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF01 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6, r >= 0x1F300 && r <= 0x1FAFF, r >= 0x20000:
		return 2
	}
	return 1
}

// fit cuts a text to a width, with … where it was longer.
func fit(s string, width int) string {
	if cells(s) <= width {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeCells(r); n > width-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// left pads or cuts a text to a width, flush left.
func left(s string, width int) string {
	s = fit(s, width)
	return s + strings.Repeat(" ", width-cells(s))
}

// right pads or cuts a text to a width, flush right.
func right(s string, width int) string {
	s = fit(s, width)
	return strings.Repeat(" ", width-cells(s)) + s
}

// bar draws share (0…1) of a width in eighths of a cell, padded to the width.
func bar(share float64, width int) string {
	eighths := int(max(0, min(1, share))*float64(width*8) + .5)
	if share > 0 && eighths == 0 {
		eighths = 1
	}
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return left(s, width)
}

// thousands writes a whole number with commas.
func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
