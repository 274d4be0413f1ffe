package rule

// functionEntry describes a function.
func functionEntry(name string, result Type, en, zh, example string, params ...Parameter) Entry {
	return Entry{Name: name, Kind: FunctionEntry, Params: params, Result: result, Doc: Doc{en, zh}, Example: example}
}

// methodEntry describes a function that may also stand behind its first argument.
func methodEntry(name string, result Type, en, zh, example string, params ...Parameter) Entry {
	e := functionEntry(name, result, en, zh, example, params...)
	e.Method = true
	return e
}

// timeEntries are the functions of times and dates, all local.
func timeEntries() []Entry {
	t := parameter("t", Time)
	return []Entry{
		functionEntry("days_since", Number, "Whole local days from t's date to today, negative for the future.", "从 t 的日期到今天的整天数，未来为负。", `days_since(events.order_paid.latest().time) > 60`, t),
		functionEntry("days_until", Number, "Whole local days from today to t's date.", "从今天到 t 的日期的整天数。", `days_until(traits.expires) <= 7`, t),
		functionEntry("days_between", Number, "Whole local days from a's date to b's.", "从 a 的日期到 b 的日期的整天数。", `days_between(customer.first_seen, events.order_paid.earliest().time) <= 7`, parameter("a", Time), parameter("b", Time)),
		functionEntry("days_to_anniversary", Number, "Days from today to the next anniversary of t's date, 0 on the day.", "今天距 t 的下一个周年日的天数，当天为 0。", `days_to_anniversary(traits.birthday) <= 7`, t),
		functionEntry("age", Number, "Full years from t's date to today.", "从 t 的日期到今天的整年数（周岁）。", `age(traits.birthday) >= 18`, t),
		functionEntry("hour", Number, "The local hour, 0 to 23.", "当地小时，0 至 23。", `hour(events.view.latest().time) >= 22`, t),
		functionEntry("weekday", Number, "The day of the week, 1 for Monday to 7 for Sunday.", "星期几，周一为 1，周日为 7。", `weekday(now) >= 6`, t),
		functionEntry("day", Number, "The day of the month.", "当月第几日。", `day(now) == 1`, t),
		functionEntry("month", Number, "The month, 1 to 12.", "月份，1 至 12。", `month(traits.birthday) == month(now)`, t),
		functionEntry("year", Number, "The year.", "年份。", `year(customer.first_seen) == year(now)`, t),
		functionEntry("date", Date, "The local day of a time.", "某一时刻的当地日期。", `date(events.order_paid.latest().time) == date(now)`, t),
		functionEntry("format", Text, "The local time, written as a pattern says.", "按格式写出的当地时间。", `format(events.order_paid.earliest().time, "yyyy-MM")`, t, slotParameter("pattern", PatternSlot)),
		functionEntry("start_of", Time, "The first instant of the local day, week, month, quarter or year that t lies in.", "t 所在的日、周、月、季或年的起始时刻。", `events.view.since(start_of(now, "mo")).count() > 0`, t, slotParameter("unit", UnitSlot)),
		functionEntry("add", Time, "t moved by a span, as \"31d\" or \"-1mo\"; a date stays a date.", "把 t 移动一段时间，如 \"31d\" 或 \"-1mo\"；日期仍为日期。", `events.view.since(add(now, "-1mo")).count() > 0`, t, slotParameter("span", SpanSlot)),
		functionEntry("timestamp", Time, "The instant that a text says: RFC 3339, or a local date or time.", "文本所表示的时刻：RFC 3339，或当地日期、时间。", `customer.first_seen >= timestamp("2026-01-01")`, parameter("text", Text)),
		functionEntry("duration", Duration, "A length of elapsed time.", "一段经过的时长。", `now - events.view.latest().time > duration("12h")`, slotParameter("length", ClockSpanSlot)),
	}
}

// valueEntries are the functions of numbers and texts.
func valueEntries() []Entry {
	x, text := parameter("x", Number), parameter("text", Text)
	return []Entry{
		functionEntry("round", Number, "x to n fractional digits, half away from zero.", "把 x 四舍五入到 n 位小数。", `round(events.order_paid.avg(e, e.amount), 2)`, x, optional(parameter("digits", Number))),
		functionEntry("abs", Number, "x without its sign.", "x 的绝对值。", `abs(measures.m) > 10`, x),
		functionEntry("floor", Number, "The largest integer not above x.", "不大于 x 的最大整数。", `floor(measures.m / 100)`, x),
		functionEntry("min", Number, "The smallest of some numbers.", "若干数中最小的。", `min(measures.m, 1000)`, x, repeats(parameter("y", Number))),
		functionEntry("max", Number, "The largest of some numbers.", "若干数中最大的。", `max(measures.m, 0)`, x, repeats(parameter("y", Number))),
		functionEntry("pow", Number, "x to the power y.", "x 的 y 次幂。", `pow(measures.m, 2)`, x, parameter("y", Number)),
		functionEntry("log", Number, "The natural logarithm.", "自然对数。", `log(measures.m) > 5`, x),
		functionEntry("exp", Number, "e to the power x.", "e 的 x 次幂。", `exp(-days_since(events.view.latest().time) / 30)`, x),
		methodEntry("contains", Bool, "Whether the text has the other in it.", "文本是否包含另一文本。", `traits.city.contains("海")`, text, parameter("part", Text)),
		methodEntry("startsWith", Bool, "Whether the text begins with the other.", "文本是否以另一文本开头。", `traits.city.startsWith("上")`, text, parameter("part", Text)),
		methodEntry("endsWith", Bool, "Whether the text ends with the other.", "文本是否以另一文本结尾。", `traits.email.endsWith("@example.com")`, text, parameter("part", Text)),
		methodEntry("matches", Bool, "Whether a part of the text matches the RE2 pattern.", "文本中是否有一部分匹配 RE2 正则。", `traits.email.matches("^[a-z]+@")`, text, Parameter{Name: "pattern", Type: Text, Slot: ConstantSlot}),
		methodEntry("lower", Text, "The text in lower case.", "转为小写的文本。", `traits.email.lower() == "a@example.com"`, text),
		methodEntry("upper", Text, "The text in upper case.", "转为大写的文本。", `traits.city.upper() == "SHANGHAI"`, text),
		methodEntry("trim", Text, "The text without blanks at its ends.", "去掉首尾空白的文本。", `traits.city.trim() == "上海"`, text),
		methodEntry("replace", Text, "The text with every a replaced by b.", "把文本中的 a 都换成 b。", `traits.city.replace("市", "") == "上海"`, text, parameter("a", Text), parameter("b", Text)),
		methodEntry("split", List, "The parts of the text between the separators.", "按分隔符拆开的列表。", `"茶" in traits.interests.split(",")`, text, parameter("separator", Text)),
		methodEntry("size", Number, "The characters of a text, or the elements of a list.", "文本的字数，或列表的元素数。", `size(traits.likes) >= 2`, parameter("x", Any)),
		methodEntry("string", Text, "The value written as a text.", "写成文本的值。", `traits.level.string() == "3"`, parameter("x", Any)),
		methodEntry("number", Number, "The number that a text says, missing when it says none.", "文本所表示的数；不是数时缺失。", `number(traits.level) >= 3`, parameter("x", Any)),
	}
}

// customerEntries are the functions that look at what is stored of the customer, beyond a value.
func customerEntries() []Entry {
	named := Parameter{Name: "name", Type: Any, Slot: NameSlot}
	return []Entry{
		functionEntry("has", Bool, "Whether the customer or event has a value.", "客户或事件是否有该值。", `has(traits.city)`, named),
		functionEntry("present", Bool, "Whether a value is there, not missing.", "值是否存在（非缺失）。", `present(events.order_paid.latest().amount)`, parameter("x", Any)),
		functionEntry("bucket", Number, "A stable random group of the customer, from 0.", "客户所在的稳定随机分组，从 0 开始。", `bucket("spring", 100) < 10`, Parameter{Name: "seed", Type: Text, Slot: ConstantSlot}, Parameter{Name: "groups", Type: Number, Slot: ConstantSlot}),
		functionEntry("lookup", Any, "What an uploaded table says for a key.", "按键在上传的对照表中查到的值。", `lookup("cities", traits.city, "tier") == "一线"`, slotParameter("table", TableSlot), parameter("key", Any), slotParameter("column", ColumnSlot)),
		functionEntry("changed_at", Time, "When a trait, tag, segment or consent last changed.", "属性、标签、分群或授权最近一次变化的时间。", `days_since(changed_at(tags.rfm)) <= 7`, named),
		functionEntry("previous", Any, "The value that a tag had before its last change.", "标签最近一次变化之前的值。", `previous(tags.rfm) == "重要价值客户"`, named),
	}
}

// populationEntries are the functions that look across all customers.
func populationEntries() []Entry {
	x, cond := parameter("x", Number), optional(parameter("condition", Bool))
	entries := []Entry{
		functionEntry("mean", Number, "The average of x over all customers for whom the condition holds.", "满足条件的所有客户的 x 的平均数。", `measures.m > mean(measures.m, measures.f > 0)`, x, cond),
		functionEntry("median", Number, "The median of x over all customers for whom the condition holds.", "满足条件的所有客户的 x 的中位数。", `measures.m > median(measures.m)`, x, cond),
		functionEntry("quantile", Number, "The p-quantile of x over all customers for whom the condition holds.", "满足条件的所有客户的 x 的 p 分位数。", `measures.m >= quantile(measures.m, 0.8)`, x, Parameter{Name: "p", Type: Number, Slot: ConstantSlot}, cond),
		functionEntry("ntile", Number, "In which of n equal groups the customer is by x; 1 is low.", "按 x 分为 n 等份时客户所在的组；1 为最低。", `ntile(measures.m, 5, measures.f > 0) == 5`, x, Parameter{Name: "n", Type: Number, Slot: ConstantSlot}, cond),
	}
	for i := range entries {
		entries[i].Kind = PopulationEntry
	}
	return entries
}

// operatorEntries are the operators.
func operatorEntries() []Entry {
	operator := func(name string, in, out Type, en, zh, example string) Entry {
		return Entry{Name: name, Kind: OperatorEntry, Params: []Parameter{parameter("x", in), parameter("y", in)}, Result: out, Doc: Doc{en, zh}, Example: example}
	}
	not := operator("!", Bool, Bool, "Holds where the condition does not.", "条件不成立时成立。", `!segments.staff`)
	not.Params = not.Params[:1]
	choice := operator("?:", Any, Any, "One value where a condition holds, another elsewhere.", "条件成立时取前一个值，否则取后一个值。", `measures.f > 0 ? measures.m / measures.f : 0`)
	choice.Params = []Parameter{parameter("condition", Bool), parameter("x", Any), parameter("y", Any)}
	in := operator("in", Any, Bool, "Whether the value is in a list.", "值是否在列表之中。", `traits.city in ["上海", "北京"]`)
	in.Params[1].Type = List
	return []Entry{
		not, choice, in,
		operator("&&", Bool, Bool, "Both conditions hold.", "两个条件都成立。", `traits.city == "上海" && segments.staff`),
		operator("||", Bool, Bool, "One of the conditions holds, or both.", "至少一个条件成立。", `traits.city == "上海" || segments.staff`),
		operator("==", Any, Bool, "The values are equal; a missing value equals nothing.", "两值相等；缺失值与任何值都不相等。", `traits.city == "上海"`),
		operator("!=", Any, Bool, "The complement of ==: holds also where a value is missing.", "== 的反面：值缺失时也成立。", `traits.city != "上海"`),
		operator("<", Any, Bool, "The first value is smaller, or earlier.", "前者小于或早于后者。", `measures.m < 100`),
		operator("<=", Any, Bool, "The first value is smaller, or earlier, or the same.", "前者小于等于或不晚于后者。", `measures.m <= 100`),
		operator(">", Any, Bool, "The first value is larger, or later.", "前者大于或晚于后者。", `measures.m > 100`),
		operator(">=", Any, Bool, "The first value is larger, or later, or the same.", "前者大于等于或不早于后者。", `measures.m >= 100`),
		operator("+", Any, Any, "The sum of numbers, two texts joined, a time moved on.", "数相加、文本相连，或时间后移。", `measures.m + 1`),
		operator("-", Any, Any, "The difference of numbers, or the time between two instants.", "数相减，或两个时刻之间的时长。", `now - customer.first_seen > duration("2h")`),
		operator("*", Number, Number, "The product.", "乘积。", `measures.m * 2`),
		operator("/", Number, Number, "The quotient, a decimal; missing when dividing by zero.", "商（小数）；除以零时缺失。", `measures.m / measures.f`),
		operator("%", Number, Number, "The remainder of a division.", "除法的余数。", `day(now) % 2 == 0`),
	}
}
