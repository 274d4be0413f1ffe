package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tagma/event"
)

func sample() ReportData {
	chart := func(name string, inOrder bool, n int) Chart {
		c := Chart{Name: name, InOrder: inOrder}
		for i := range n {
			c.Bars = append(c.Bars, NamedBar{"取值" + strings.Repeat("长", i) + "x", 100 * (i + 1) * (i + 1)})
		}
		return c
	}
	d := ReportData{Today: today, Zone: "Asia/Shanghai", Customers: 20000, Events: 1460925, Tags: 51, Held: 612345, QuietAll: 1234,
		Charts:  []Chart{chart("生命周期_客户阶段", true, 5), chart("状态_7天活跃度", true, 4), chart("来源_首次来源", false, 8), chart("兴趣_偏好品类", false, 14)},
		Timings: []Timing{{"装入", 2345 * time.Millisecond}, {"计算", 812 * time.Millisecond}},
		Next:    []NamedText{{"看一位客户", "tagma customer user_id:u000001"}},
		Portrait: &Portrait{ID: "u000042", Name: "欧阳静", About: []string{"女", "34岁", "上海"}, Tags: []PortraitTag{
			{"行为_购买频次", "高频购买", "近90天 order_paid 次数 ≥ 4 (实际 9), 一个说来话长而必须在行尾截断的理由, 再长一些"}}},
	}
	for i, c := range care {
		d.Classes = append(d.Classes, Class{c.Name, 900 + 37*i, event.Scaled(int64(1234567-150000*i), 2)})
	}
	for i := range 9 {
		d.Quiet = append(d.Quiet, QuietOne{"u00012" + string(rune('0'+i)), "司徒国强", "黑卡", "美妆护肤", event.Int(int64(98765 - i)), 41 + i})
	}
	for _, n := range []string{"重点召回", "新客促二单", "过去一年参加过会议或展会"} {
		d.Segments = append(d.Segments, NamedBar{n, 321})
	}
	return d
}

func TestReportIsAligned(t *testing.T) {
	var b strings.Builder
	if err := Report(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) < 45 || len(lines) > 62 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if cells(l) > reportWidth || strings.HasSuffix(l, " ") {
			t.Errorf("%d cells, or blanks at the end: %q", cells(l), l)
		}
	}
	for _, want := range []string{"1,460,925 条事件", "重要价值客户", "¥12,346", "司徒国强", "过去一年参加过会议或展会", "其余9项", "2.3 秒", "812 毫秒", "…"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(b.String(), "u000125") {
		t.Error("more than five quiet customers are shown")
	}
	// The counts of a column end in the same cell on all its lines.
	var ends []int
	for _, l := range lines {
		if strings.HasPrefix(l, "  重要") || strings.HasPrefix(l, "  一般") {
			ends = append(ends, cells(l[:strings.Index(l, "%")]))
		}
	}
	if len(ends) != 8 {
		t.Fatalf("%d classes", len(ends))
	}
	for _, e := range ends {
		if e != ends[0] {
			t.Errorf("the classes are not aligned: %v", ends)
		}
	}
}

func TestReportOfNothingAndOfAFullDisk(t *testing.T) {
	var b strings.Builder
	if err := Report(&b, ReportData{}); err != nil || strings.Contains(b.String(), "RFM") {
		t.Errorf("%v\n%s", err, b.String())
	}
	full := errors.New("full")
	if err := Report(failing{full}, sample()); !errors.Is(err, full) {
		t.Errorf("the writer's error is lost: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWidths(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{fit("客户标签", 8), "客户标签"},
		{fit("客户标签", 7), "客户标…"},
		{fit("客户标签", 6), "客户…"},
		{left("标签", 6) + "|", "标签  |"},
		{right("12%", 5), "  12%"},
		{bar(.5, 4), "██  "},
		{bar(0.0001, 3), "▏  "},
		{bar(0, 2), "  "},
		{bar(1, 2), "██"},
		{thousands("-1234567"), "-1,234,567"},
		{thousands("999"), "999"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if cells("拾光 Tagma…") != 11 {
		t.Error(cells("拾光 Tagma…"))
	}
}
