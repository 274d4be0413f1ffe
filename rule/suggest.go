package rule

import (
	"strings"
	"unicode/utf8"
)

// Suggest returns the candidate that word was most likely meant to be, for a "did you mean", or "" when none is
// near. Near is, in this order: the same but for the case of letters; few slips of the pen away; the beginning of it,
// or begun by it; a part of it, or holding it. The answer does not depend on the candidates' order.
func Suggest(word string, candidates []string) string {
	folded := strings.ToLower(word)
	runes := []rune(folded)
	limit := slips(len(runes))
	best, bestRank := "", 1<<30
	for _, c := range candidates {
		if c == "" || c == word {
			continue
		}
		rank := 1 << 30
		fc := strings.ToLower(c)
		n := utf8.RuneCountInString(fc)
		switch d := distance(runes, []rune(fc), limit); {
		case fc == folded:
			rank = 0
		case d <= limit && d < min(n, len(runes)):
			rank = d
		case len(runes) < 2 || n < 2:
		case strings.HasPrefix(fc, folded) || strings.HasPrefix(folded, fc):
			rank = 1000 + apart(n, len(runes))
		case strings.Contains(fc, folded) || strings.Contains(folded, fc):
			rank = 100000 + apart(n, len(runes))
		}
		if rank < bestRank || rank == bestRank && rank < 1<<30 && c < best {
			best, bestRank = c, rank
		}
	}
	return best
}

// slips is how many slips of the pen a word of n characters may hold: 2, or a third of a long word;
// in short words, where any two are near each other, one.
func slips(n int) int {
	switch {
	case n < 2:
		return 0
	case n < 4:
		return 1
	}
	return max(2, n/3)
}

func apart(n, m int) int { return max(n, m) - min(n, m) }

// distance is the number of characters to insert, delete, replace or swap with their neighbour that makes
// b of a; anything above limit may come back as limit+1.
func distance(a, b []rune, limit int) int {
	if apart(len(a), len(b)) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row[j] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
