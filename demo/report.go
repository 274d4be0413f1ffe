package demo

import (
	"bufio"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"tagma/event"
)

// What the report asks of the shop. The expressions are of the rule language, over the demo's definitions.
const (
	// QuietRule selects the customers whose silence is told; they are ranked by SpendRule, the largest first.
	QuietRule = `tags.churn_risk == "潜在流失用户"`
	// QuietSinceRule is the number of days since a customer's last action.
	QuietSinceRule = `measures.quiet_days`
	// SpendRule is what a customer spent in the last year, in yuan; averaged over each class.
	SpendRule = `measures.m`
	// ClassTag is the tag of the eight classes.
	ClassTag = "rfm"
	// PortraitRule selects customers worth a portrait; the one who comes first by user_id is shown.
	PortraitRule = `tags.rfm == "重要价值客户" && present(tags.first_keyword) && present(tags.recent_keyword) && traits.level == "金卡"`
)

// ChartTags returns the keys of the tags whose distribution the report shows.
func ChartTags() []string {
	return []string{"stage", "active_7d", "first_source", "favourite_category"}
}

// PortraitTags returns the keys of the tags that the portrait shows, those that the customer has.
func PortraitTags() []string {
	return []string{"stage", "purchase_frequency", "net_spend", "bought_category", "favourite_brand", "recent_keyword", "first_source", "rfm"}
}

// Report data. Counts are of customers.
type (
	// ReportData is all that Report prints. What is empty is left out.
	ReportData struct {
		Today     event.Date
		Zone      string
		Customers int
		Events    int
		Tags      int
		Held      int         // tag values that customers hold, over all tags
		Charts    []Chart     // of ChartTags, in pairs side by side
		Classes   []Class     // of ClassTag, in any order
		Quiet     []QuietOne  // the most valuable first; at most five are shown
		QuietAll  int         // how many QuietRule selects
		Segments  []NamedBar  // in the order of the definitions
		Portrait  *Portrait   // of the first customer that PortraitRule selects
		Timings   []Timing    // what the demo took, in order
		Next      []NamedText // commands to try, and what they show
	}
	// Chart is the distribution of a tag.
	Chart struct {
		Name    string // the tag's name
		InOrder bool   // the values have an order of their own (cases, bands); otherwise the largest come first
		Bars    []NamedBar
	}
	// NamedBar is a value and the number of customers who hold it.
	NamedBar struct {
		Name  string
		Count int
	}
	// Class is one of the eight classes of customers.
	Class struct {
		Name         string
		Count        int
		AverageSpend event.Number // yuan
	}
	// QuietOne is a customer who is going quiet.
	QuietOne struct {
		ID, Name, Level string
		Favourite       string // the category bought most
		Spend           event.Number
		QuietDays       int
	}
	// Portrait is one customer with tags and reasons.
	Portrait struct {
		ID, Name string
		About    []string // short facts: gender, age, city, level
		Tags     []PortraitTag
	}
	// PortraitTag is a tag of the portrait. Reason says why the customer holds it.
	PortraitTag struct{ Name, Value, Reason string }
	// Timing is how long a step took.
	Timing struct {
		Step string
		Took time.Duration
	}
	// NamedText is a text with what it is for.
	NamedText struct{ Name, Text string }
)

// care is what one does for each of the eight classes, the most valuable first.
var care = []NamedText{
	{"重要价值客户", "专属服务, 新品优先体验"},
	{"重要发展客户", "会员权益引导, 提高频次"},
	{"重要保持客户", "主动回访, 唤回到店"},
	{"重要挽留客户", "一对一挽留, 高额礼券"},
	{"一般价值客户", "搭配推荐, 提高客单"},
	{"一般发展客户", "新客礼包, 促成复购"},
	{"一般保持客户", "限时折扣, 定期触达"},
	{"一般挽留客户", "低成本群发, 不多打扰"},
}

const (
	reportWidth = 78
	columnWidth = reportWidth/2 - 1
	chartRows   = 6
	quietRows   = 5
)

// Report prints the demo's report, in Chinese with a line of English: about sixty lines of 78 cells.
func Report(w io.Writer, data ReportData) error {
	p := &page{w: bufio.NewWriter(w)}
	p.head(data)
	p.charts(data)
	p.classes(data)
	p.quiet(data)
	p.segments(data.Segments)
	p.portrait(data.Portrait)
	p.foot(data)
	return p.w.Flush()
}

// page prints lines. Write errors stay in the bufio.Writer until Flush.
type page struct{ w *bufio.Writer }

func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.w.WriteString(strings.TrimRight(text, " ") + "\n")
}

func (p *page) rule() { p.line("%s", strings.Repeat("─", reportWidth)) }

// title begins a part: a blank line, the name and, flush right, a remark.
func (p *page) title(name, remark string) {
	p.line("")
	p.line("%s%s", "■ "+name, right(remark, reportWidth-2-cells(name)))
}

func (p *page) head(d ReportData) {
	name := ShopName + " · 客户标签演示"
	p.rule()
	p.line("%s%s", name, right("截至 "+d.Today.String()+"  "+d.Zone, reportWidth-cells(name)))
	p.line("%s 位客户   %s 条事件   %s 个标签   %s 个标签值", whole(d.Customers), whole(d.Events), whole(d.Tags), whole(d.Held))
	p.line("A made-up shop: %s customers, a year of events, %s tags computed just now.", whole(d.Customers), whole(d.Tags))
	p.rule()
}

func (p *page) charts(d ReportData) {
	for i := 0; i < len(d.Charts); i += 2 {
		a, b := chart(d.Charts[i], d.Customers), []string(nil)
		if i+1 < len(d.Charts) {
			b = chart(d.Charts[i+1], d.Customers)
		}
		if i > 0 {
			p.line("")
		}
		for k := range max(len(a), len(b)) {
			p.line("%s  %s", left(at(a, k), columnWidth), at(b, k))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// chart draws a distribution in columnWidth cells. Shares are of all customers.
func chart(c Chart, customers int) []string {
	bars := append([]NamedBar(nil), c.Bars...)
	if !c.InOrder {
		sort.SliceStable(bars, func(i, j int) bool { return bars[i].Count > bars[j].Count })
	}
	if len(bars) > chartRows {
		rest := NamedBar{Name: fmt.Sprintf("其余%d项", len(bars)-chartRows+1)}
		for _, b := range bars[chartRows-1:] {
			rest.Count += b.Count
		}
		bars = append(bars[:chartRows-1:chartRows-1], rest)
	}
	most := 1
	for _, b := range bars {
		most = max(most, b.Count)
	}
	lines := []string{"■ " + c.Name}
	for _, b := range bars {
		lines = append(lines, "  "+left(b.Name, 11)+bar(float64(b.Count)/float64(most), 10)+right(whole(b.Count), 8)+right(percent(b.Count, customers), 7))
	}
	return lines
}

func (p *page) classes(d ReportData) {
	if len(d.Classes) == 0 {
		return
	}
	byName, buyers, most := map[string]Class{}, 0, 1
	for _, c := range d.Classes {
		byName[c.Name] = c
		buyers += c.Count
		most = max(most, c.Count)
	}
	p.title("客户价值 RFM", fmt.Sprintf("近一年有订单的 %s 位客户, 占比与人均消费", whole(buyers)))
	for _, k := range care {
		c := byName[k.Name]
		p.line("  %s%s%s%s%s   %s", left(k.Name, 14), bar(float64(c.Count)/float64(most), 12), right(whole(c.Count), 7), right(percent(c.Count, buyers), 8),
			right(money(c.AverageSpend), 9), k.Text)
	}
}

func (p *page) quiet(d ReportData) {
	if len(d.Quiet) == 0 {
		return
	}
	p.title("谁正在安静下来", fmt.Sprintf("潜在流失用户 %s 位, 近一年消费最多的几位", whole(d.QuietAll)))
	for _, q := range d.Quiet[:min(len(d.Quiet), quietRows)] {
		p.line("  %s%s%s%s   常购 %s已安静 %d 天", left(q.Name, 10), left(q.ID, 12), left(q.Level, 6), right(money(q.Spend), 10), left(q.Favourite, 12), q.QuietDays)
	}
}

func (p *page) segments(bars []NamedBar) {
	if len(bars) == 0 {
		return
	}
	p.title("分群", "按人数随时可导出: tagma members --segment KEY")
	half := (len(bars) + 1) / 2
	cell := func(i int) string {
		if i >= len(bars) {
			return ""
		}
		return "  " + left(bars[i].Name, 26) + right(whole(bars[i].Count), columnWidth-28)
	}
	for i := range half {
		p.line("%s  %s", cell(i), cell(i+half))
	}
}

func (p *page) portrait(c *Portrait) {
	if c == nil {
		return
	}
	p.title("一位客户的画像", c.ID)
	p.line("  %s   %s", c.Name, strings.Join(c.About, " · "))
	for _, t := range c.Tags {
		p.line("  %s%s%s", left(t.Name, 22), left(t.Value, 16), fit(t.Reason, reportWidth-40))
	}
}

func (p *page) foot(d ReportData) {
	if len(d.Timings) > 0 {
		parts := make([]string, len(d.Timings))
		for i, t := range d.Timings {
			parts[i] = t.Step + " " + seconds(t.Took)
		}
		p.title("用时", "")
		p.line("  %s", strings.Join(parts, "   "))
	}
	if len(d.Next) > 0 {
		p.title("接着试试", "")
		for _, n := range d.Next {
			p.line("  %s%s", left(n.Name, 20), n.Text)
		}
	}
	p.rule()
}

func whole(n int) string { return thousands(strconv.Itoa(n)) }

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

func money(n event.Number) string { return "¥" + thousands(n.Round(0).String()) }

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d 毫秒", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f 秒", d.Seconds())
}
