package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printJSON prints a value as indented JSON.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// oneLine writes a text so that it stays in its line and column, and can be read back: control characters, such as tabs
// and line breaks, are written \t, \n, \r, \u0007, and a backslash \\.
func oneLine(s string) string {
	control := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || control(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\\':
			b.WriteString(`\\`)
		case control(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// progress shows how far a long piece of work is: a bar on a terminal, otherwise a plain line now and then.
type progress struct {
	p     *program
	what  string
	bar   *progressbar.ProgressBar
	mu    sync.Mutex
	begun time.Time
	last  time.Time
}

// plainEvery is the time between two lines where there is no terminal.
const plainEvery = 5 * time.Second

func (p *program) progress(what string) *progress {
	g := &progress{p: p, what: what, begun: time.Now(), last: time.Now()}
	if p.steady {
		g.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(p.err), progressbar.OptionSetDescription(what),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true))
	}
	return g
}

// set tells how much of all is done; all is 0 when that is not known. It may be called by several goroutines.
func (g *progress) set(done, all int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		if all > 0 && g.bar.GetMax64() != all {
			g.bar.ChangeMax64(all)
		}
		_ = g.bar.Set64(done)
		return
	}
	if time.Since(g.last) < plainEvery {
		return
	}
	g.last = time.Now()
	if all > 0 {
		rate := float64(done) / time.Since(g.begun).Seconds()
		left := time.Duration(float64(all-done) / max(rate, 1) * float64(time.Second))
		fmt.Fprintf(g.p.err, "%s: %s of %s, %s a second, about %s left\n", g.what, thousands(done), thousands(all), thousands(int64(rate)), left.Round(time.Second))
	} else {
		fmt.Fprintf(g.p.err, "%s: %s\n", g.what, thousands(done))
	}
}

func (g *progress) end() {
	if g.bar != nil {
		_ = g.bar.Finish()
	}
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(int64(n)) + " " + what + "s"
}

// ms writes a length of time given in milliseconds.
func ms(n int64) string {
	return (time.Duration(n) * time.Millisecond).Round(time.Millisecond).String()
}
