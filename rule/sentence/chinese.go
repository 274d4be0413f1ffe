package sentence

import (
	"fmt"
	"strings"

	"tagma/event"
)

func chineseUnit(word string) func(int) string {
	return func(n int) string { return fmt.Sprintf("%d%s", n, word) }
}

var chinese = &language{
	and: " 且 ", or: " 或 ", listed: "、", slash: "/", brackets: [2]string{"（", "）"}, and2: "、",
	not: "不满足（{0}）", always: "始终成立", never: "从不成立", yes: "真", no: "假", nothing: "无值", emptyList: "（空列表）",
	isTrue: [2]string{"{0} 为真", "{0} 不为真"}, isFalse: [2]string{"{0} 为假", "{0} 不为假"}, choice: "若 {0} 则 {1}，否则 {2}",
	compare: map[string]string{"==": "{0} = {1}", "!=": "{0} ≠ {1}", "<": "{0} < {1}", "<=": "{0} ≤ {1}", ">": "{0} > {1}", ">=": "{0} ≥ {1}"},
	times:   map[string]string{"==": "{0} 等于 {1}", "!=": "{0} 不等于 {1}", "<": "{0} 早于 {1}", "<=": "{0} 不晚于 {1}", ">": "{0} 晚于 {1}", ">=": "{0} 不早于 {1}"},
	words:   map[string]string{"==": "{0} 是 {1}", "!=": "{0} 不是 {1}"},
	in:      [2]string{"{0} 属于 {1}", "{0} 不属于 {1}"}, has: [2]string{"{0} 包含 {1}", "{0} 不包含 {1}"},
	onDay: [2]string{"{0} 在 {1}", "{0} 不在 {1}"}, between: "{0} ≥ {1} 且 < {2}",

	anyID: [2]string{"任一~{0}~标识 是 {1}", "没有任何~{0}~标识 是 {1}"}, anyIDIn: [2]string{"任一~{0}~标识 属于 {1}", "没有任何~{0}~标识 属于 {1}"},
	anyIDPresent: [2]string{"有~{0}~标识", "没有~{0}~标识"}, present: [2]string{"{0} 有值", "{0} 没有值"},
	segment: [2]string{"在分群~{0}~中", "不在分群~{0}~中"}, consent: [2]string{"已授权~{0}", "未授权~{0}"},
	conditions: map[string][2]string{
		"present": {"{0} 存在", "{0} 不存在"}, "contains": {"{0} 含有 {1}", "{0} 不含 {1}"},
		"startsWith": {"{0} 以 {1} 开头", "{0} 不以 {1} 开头"}, "endsWith": {"{0} 以 {1} 结尾", "{0} 不以 {1} 结尾"},
		"matches": {"{0} 匹配正则 {1}", "{0} 不匹配正则 {1}"},
	},
	functions: map[string]string{
		"days_since": "{0}~距今天数", "days_until": "{0}~前剩余天数", "days_between": "从~{0}~到~{1}~的天数",
		"days_to_anniversary": "距下一个~{0}~周年日的天数", "age": "{0}~至今的周岁数",
		"hour": "{0}~的小时", "weekday": "{0}~的星期（周一为 1）", "day": "{0}~的当月日数", "month": "{0}~的月份", "year": "{0}~的年份",
		"date": "{0}~的日期", "format": "{0}~按~{1}~写出的文字", "start_of": "{0}~所在~{1}~的开始", "add": "{0}~加上~{1}",
		"timestamp": "{0}~所指的时刻", "duration": "{0}~的时长", "changed_at": "{0}~上次变化的时间", "previous": "{0}~上次变化前的值",
		"round/1": "{0}~四舍五入取整", "round/2": "{0}~四舍五入到~{1}~位小数", "abs": "{0}~的绝对值", "floor": "{0}~向下取整",
		"min": "{0}~中的较小值", "max": "{0}~中的较大值", "pow": "{0}~的~{1}~次方", "log": "{0}~的自然对数", "exp": "自然常数 e 的~{0}~次方",
		"lower": "{0}~的小写", "upper": "{0}~的大写", "trim": "{0}~去掉首尾空白", "replace": "{0}~把~{1}~换成~{2}", "split": "{0}~按~{1}~拆开的列表",
		"size": "{0}~的长度", "string": "{0}~的文字形式", "number": "{0}~的数值", "lookup": "{0}~表中~{1}~的~{2}",
		"bucket": "{0}~随机分组编号（0 至 {1}）",
		"mean":   "{0}~的平均值（{1}）", "median": "{0}~的中位数（{1}）", "quantile": "{0}~的~{2}~分位数（{1}）", "ntile": "{0}~的~{2}~等分组（{1}，1 最低）",
	},
	tag: "标签~{0}", tagNumber: "标签~{0}~的数值", segmentValue: "分群~{0}~成员", consentValue: "{0}~授权", measure: "指标~{0}", identifier: "{0}~标识",
	ofCustomer: "客户的~{0}", now: "当前时间", firstSeen: "首次出现时间", customer: "客户的~{0}",
	fields:   map[string]string{"time": "时间", "name": "事件名", "source": "来源"},
	weekdays: [7]string{"星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"},
	units: map[event.Unit]func(int) string{event.Second: chineseUnit("秒"), event.Minute: chineseUnit("分钟"), event.Hour: chineseUnit("小时"),
		event.Day: chineseUnit("天"), event.Week: chineseUnit("周"), event.Month: chineseUnit("个月"), event.Year: chineseUnit("年")},
	unitOf:      map[string]string{"d": "日", "w": "周", "mo": "月", "q": "季度", "y": "年"},
	startNow:    map[string]string{"d": "今天零点", "w": "本周一零点", "mo": "本月初", "q": "本季度初", "y": "今年初"},
	startBefore: map[string]string{"d": "昨天零点", "w": "上周一零点", "mo": "上月初", "y": "去年初"},
	later:       [2]string{"{0}~的{1}后", "{0}~的{1}前"}, laterNow: [2]string{"{0}后的此刻", "{0}前的此刻"},
	remainder: "{0}~除以~{1}~的余数", percent: "{0}%", population: [2]string{"全体客户", "满足 {0} 的客户"}, group: "{0}",

	everything: "任意行为", system: "系统事件", today: "今天", beforeToday: "今天之前",
	filters: map[string]string{"last": "近{0}", "before": "近{0}之前", "between": "{0} 至 {1}", "instants": "{0} 至 {1} 前", "since": "{0}~起", "until": "{0}~之前"},
	measures: map[string]string{"count": "{0}~次数", "days": "{0}~天数", "sum": "{0}~的~{1}~合计", "avg": "{0}~的~{1}~平均值", "min": "{0}~的~{1}~最小值", "max": "{0}~的~{1}~最大值",
		"distinct": "{0}~的~{1}~去重数", "values": "{0}~的全部~{1}", "top": "{0}~中最常见的~{1}", "top/weight": "{0}~中~{2}~合计最高的~{1}",
		"earliest": "首次~{0}", "latest": "最近一次~{0}", "max_gap": "{0}~最长间隔天数", "peak": "{0}~任意{1}内最多次数"},
	field: "{0}~的~{1}",
	nth:   func(n int) string { return fmt.Sprintf("第%d次", n) }, nthLast: func(n int) string { return fmt.Sprintf("倒数第%d次", n) }, nthOf: "第~{1}~次~{0}",
	runs:    map[string]string{"d": "{0}~最长连续天数", "w": "{0}~最长连续周数", "mo": "{0}~最长连续月数"},
	element: "{0}~的每项~{1}",
	noun: func(w *writer, s selected) string {
		text := s.name
		if len(s.conds) > 0 {
			text = w.fill("{0}（{1}）", text, w.all(s.conds))
		}
		return w.fill("{0}~{1}", strings.Join(s.when, w.lang.and2), text)
	},
	then: func(w *writer, other, within string, same []string) string {
		text := w.fill("在某次~{0}~之后", other)
		if within != "" {
			text += within + "内"
		}
		if len(same) > 0 {
			text = w.fill("{0}、{1}~相同", text, strings.Join(same, "、"))
		}
		return text
	},
	without: func(w *writer, other, within string, same []string) string {
		text := "之后"
		if within != "" {
			text += within + "内"
		}
		if len(same) > 0 {
			return w.fill("{0}没有~{1}~相同的~{2}", text, strings.Join(same, "、"), other)
		}
		return w.fill("{0}没有~{1}", text, other)
	},
	first: "{0}：{1}", otherwise: "{0}：否则，{1}", rest: "{0}：其余客户",
	quoted: set("且 或 若 则 否则 不 是 非 的 属于 不属于 包含 含有 真 假 无值 今天 当前时间 等于 为真"),
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
