package event

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTurns holds the ends of days to a walk in small steps, around every change of the clock in zones with odd ones:
// half hours, midnights that come twice or never, days that were skipped.
func TestTurns(t *testing.T) {
	const step = Time(15 * minute)
	for _, name := range []string{"Asia/Shanghai", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Africa/Cairo",
		"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "Asia/Gaza", "America/Havana"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z, r := NewZone(loc), rand.New(rand.NewPCG(1, 2))
		var at []Time
		for i := 0; i < 40 && len(z.starts) > 1; i++ {
			at = append(at, Time(z.starts[1+r.IntN(len(z.starts)-1)])+Time(r.IntN(240)-120)*step)
		}
		at = append(at, Time(1782828000000), Time(-1))
		for _, from := range at {
			from -= Time(int64(from) % int64(step)) // offsets of whole quarters after 1920 or so
			if z.Local(from)%int64(step) != 0 || int64(from) < -1500000000000 {
				continue
			}
			var next, back Time
			d := z.Date(from)
			reach := map[Date]Time{}
			for s := from + step; s <= from+90*Time(hour); s += step {
				if next == 0 && z.Date(s) != d {
					next = s
				}
				if back == 0 && z.Date(s) < d {
					back = s
				}
				for k := d - 1; k <= d+2; k++ {
					if reach[k] == 0 && z.Date(s) >= k {
						reach[k] = s
					}
				}
			}
			if got := z.NextDay(from); got != next {
				t.Errorf("%s: NextDay(%s) = %s, a walk says %s", name, z.Format(from), z.Format(got), z.Format(next))
			}
			if back == 0 {
				back = Never
			}
			if got := z.FallBack(from); got != back {
				t.Errorf("%s: FallBack(%s) = %s, a walk says %s", name, z.Format(from), z.Format(got), z.Format(back))
			}
			for k := d + 1; k <= d+2; k++ {
				if got := z.Reach(from, k); got != reach[k] {
					t.Errorf("%s: Reach(%s, %s) = %s, a walk says %s", name, z.Format(from), k, z.Format(got), z.Format(reach[k]))
				}
			}
			if got := z.NextOffset(from); got <= from {
				t.Errorf("%s: NextOffset(%s) = %s", name, z.Format(from), z.Format(got))
			}
		}
	}
}
