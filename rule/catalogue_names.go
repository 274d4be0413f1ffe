package rule

// rootEntries are what names begin with.
func rootEntries() []Entry {
	return []Entry{
		{Name: "traits", Kind: RootEntry, Result: Any, Example: `traits.city == "上海"`,
			Doc: Doc{"The customer's traits: the value with the latest effective time up to now.", "客户的属性：取截至当前生效时间最晚的值。"}},
		{Name: "ids", Kind: RootEntry, Result: IDs, Example: `has(ids.phone)`,
			Doc: Doc{"The customer's identifiers of a kind; in a comparison, any of them.", "客户某一类的标识；比较时任意一个相等即可。"}},
		{Name: "events", Kind: RootEntry, Result: Events, Example: `events.order_paid.count() >= 5`,
			Doc: Doc{"The customer's events of a name, up to now.", "客户截至当前的某种事件。"}},
		{Name: "tags", Kind: RootEntry, Result: Any, Example: `tags.rfm == "重要价值客户"`,
			Doc: Doc{"The customer's effective value of another tag, pins included.", "客户另一个标签的有效值，含人工固定的值。"}},
		{Name: "segments", Kind: RootEntry, Result: Bool, Example: `!segments.staff`,
			Doc: Doc{"Whether the customer is in a segment.", "客户是否属于某个分群。"}},
		{Name: "measures", Kind: RootEntry, Result: Any, Example: `measures.f >= 3`,
			Doc: Doc{"A named expression of the definitions, shared by rules.", "定义中命名的指标，可被多条规则共用。"}},
		{Name: "customer", Kind: RootEntry, Result: Any, Example: `days_since(customer.first_seen) <= 30`,
			Doc: Doc{"What is known of the customer as such.", "客户自身的信息。"}},
		{Name: "consent", Kind: RootEntry, Result: Bool, Example: `consent.sms`,
			Doc: Doc{"Whether the customer agrees to being reached in a way.", "客户是否同意某种方式的触达。"}},
		{Name: "now", Kind: RootEntry, Result: Time, Example: `hour(now) < 12`,
			Doc: Doc{"The instant of evaluation.", "计算规则的时刻。"}},
		{Name: "true", Kind: ConstantEntry, Result: Bool, Example: `true`,
			Doc: Doc{"Holds for everybody.", "对所有客户成立。"}},
		{Name: "false", Kind: ConstantEntry, Result: Bool, Example: `false`,
			Doc: Doc{"Holds for nobody.", "对任何客户都不成立。"}},
		{Name: "null", Kind: ConstantEntry, Result: Null, Example: `measures.m > 0 ? measures.m : null`,
			Doc: Doc{"The missing value.", "缺失值。"}},
	}
}

// sourceEntries are the selections that chains begin with beside events.name.
func sourceEntries() []Entry {
	return []Entry{
		{Name: "events.all", Kind: SourceEntry, Result: Events, Example: `events.all.last("30d").days() >= 3`,
			Doc: Doc{"Everything the customer did.", "客户的全部行为事件。"}},
		{Name: "events.system", Kind: SourceEntry, Result: Events, Example: `events.system.last("7d").count() == 0`,
			Doc: Doc{"What the platform itself recorded of the customer, such as messages sent.", "平台自身记录的事件，如已发送的消息。"}},
		{Name: "events.any", Kind: SourceEntry, Result: Events, Params: []Parameter{repeats(slotParameter("name", EventSlot))}, Example: `events.any("view", "cart").count() > 0`,
			Doc: Doc{"The customer's events of any of the names.", "客户名称为其中任意一个的事件。"}},
	}
}

// fieldEntries are the fields that do not depend on what came.
func fieldEntries() []Entry {
	return []Entry{
		{Name: "e.time", Kind: FieldEntry, Result: Time, Example: `events.order_paid.where(e, hour(e.time) >= 22).count() > 0`,
			Doc: Doc{"When the event happened.", "事件发生的时间。"}},
		{Name: "e.name", Kind: FieldEntry, Result: Text, Example: `events.all.latest().name == "view"`,
			Doc: Doc{"The event's name.", "事件的名称。"}},
		{Name: "e.source", Kind: FieldEntry, Result: Text, Example: `events.order_paid.where(e, e.source == "shop").count() > 0`,
			Doc: Doc{"Where the event came from.", "事件的来源。"}},
		{Name: "customer.first_seen", Kind: FieldEntry, Result: Time, Example: `days_since(customer.first_seen) <= 30`,
			Doc: Doc{"The earliest effective time of any record of the customer.", "客户所有记录中最早的生效时间。"}},
		{Name: "tags.k.number", Kind: FieldEntry, Result: Number, Example: `tags.order_value.number > 300`,
			Doc: Doc{"The measure under a tag with bands.", "分档标签背后的数值。"}},
	}
}

// filterEntries are what narrows a selection of events.
func filterEntries() []Entry {
	return []Entry{
		{Name: "last", Kind: FilterEntry, Params: []Parameter{slotParameter("span", SpanSlot)}, Result: Events, Example: `events.order_paid.last("90d").count() >= 5`,
			Doc: Doc{"Keeps the events of the last local days, today included, or of the last hours.", "保留最近若干天（含今天）或若干小时内的事件。"}},
		{Name: "before", Kind: FilterEntry, Params: []Parameter{slotParameter("span", SpanSlot)}, Result: Events, Example: `events.order_paid.before("90d").count() > 0`,
			Doc: Doc{"Keeps the events earlier than those that last keeps.", "保留早于该时间窗口的事件。"}},
		{Name: "between", Kind: FilterEntry, Params: []Parameter{parameter("from", Time), parameter("to", Time)}, Result: Events, Example: `events.order_paid.between("2026-06-01", "2026-06-30").count() > 0`,
			Doc: Doc{"Keeps the events between two dates, both included, or two instants, the end excluded.", "保留两个日期之间（含两端）或两个时刻之间（不含末端）的事件。"}},
		{Name: "since", Kind: FilterEntry, Params: []Parameter{parameter("t", Time)}, Result: Events, Example: `events.view.since(start_of(now, "mo")).count()`,
			Doc: Doc{"Keeps the events at or after a time.", "保留某一时刻及以后的事件。"}},
		{Name: "until", Kind: FilterEntry, Params: []Parameter{parameter("t", Time)}, Result: Events, Example: `events.view.until(start_of(now, "mo")).count()`,
			Doc: Doc{"Keeps the events before a time.", "保留某一时刻以前的事件。"}},
		{Name: "where", Kind: FilterEntry, Params: []Parameter{eventVariable, bodyParameter("condition", Bool)}, Result: Events, Example: `events.order_paid.where(e, e.amount > 100).count() > 0`,
			Doc: Doc{"Keeps the events for which a condition holds.", "保留满足条件的事件。"}},
		{Name: "each", Kind: FilterEntry, Params: []Parameter{slotParameter("property", ListPropertySlot)}, Result: Events, Example: `events.order_paid.each("products").where(e, e.sku == "A1").count() > 0`,
			Doc: Doc{"Takes each element of a list property by itself, its fields over the event's own.", "把列表属性中的每个元素各算一条，元素的字段优先于事件的字段。"}},
		{Name: "then", Kind: FilterEntry, Params: []Parameter{{Name: "b", Type: Events, Slot: SelectionSlot}, optional(repeats(slotParameter("relation", RelationSlot)))}, Result: Events, Example: `events.cart.then(events.order_paid, within("10m"), same("item")).count() >= 1`,
			Doc: Doc{"Selects the b events that come after one of these, strictly later.", "选取发生在这些事件之后（严格晚于）的 b 事件。"}},
		{Name: "without", Kind: FilterEntry, Params: []Parameter{{Name: "b", Type: Events, Slot: SelectionSlot}, optional(repeats(slotParameter("relation", RelationSlot)))}, Result: Events, Example: `events.cart.before("1d").without(events.order_paid, same("item")).count() >= 1`,
			Doc: Doc{"Keeps those of these events that no b event has come after, so far.", "保留其后至今没有发生 b 事件的事件。"}},
		{Name: "within", Kind: RelationEntry, Params: []Parameter{slotParameter("span", SpanSlot)}, Result: NoType, Example: `events.cart.then(events.order_paid, within("7d")).count() >= 1`,
			Doc: Doc{"In then and without: the later event comes at most that long after.", "用于 then 与 without：后一事件最多晚这么久。"}},
		{Name: "same", Kind: RelationEntry, Params: []Parameter{repeats(slotParameter("property", PropertySlot))}, Result: NoType, Example: `events.view.then(events.order_paid, same("item")).count() >= 1`,
			Doc: Doc{"In then and without: both events have the same value of a property.", "用于 then 与 without：两个事件的该属性取值相同。"}},
	}
}

// measureEntries are what a selection of events amounts to.
func measureEntries() []Entry {
	entry := func(name string, result Type, en, zh, example string, params ...Parameter) Entry {
		return Entry{Name: name, Kind: MeasureEntry, Params: params, Result: result, Doc: Doc{en, zh}, Example: example}
	}
	x := bodyParameter("x", Any)
	entries := []Entry{
		entry("count", Number, "How many events; 0 when there are none.", "事件的次数；没有时为 0。", `events.order_paid.count() >= 5`),
		entry("days", Number, "On how many local days there were events.", "有事件的天数。", `events.view.last("30d").days() >= 10`),
		entry("sum", Number, "The sum over the events; 0 when there are none.", "各事件数值之和；没有时为 0。", `events.order_paid.sum(e, e.amount) >= 1000`, eventVariable, bodyParameter("x", Number)),
		entry("avg", Number, "The average over the events that have it.", "有该值的事件的平均数。", `events.order_paid.avg(e, e.amount) > 200`, eventVariable, bodyParameter("x", Number)),
		entry("distinct", Number, "How many different values there are.", "不同取值的个数。", `events.order_paid.distinct(e, e.channel) >= 2`, eventVariable, x),
		entry("values", List, "The different values, sorted.", "不同取值的列表，已排序。", `"抖音" in events.order_paid.values(e, e.channel)`, eventVariable, x),
		entry("earliest", Event, "The first event.", "最早的一个事件。", `events.order_paid.earliest().channel == "抖音"`),
		entry("latest", Event, "The last event.", "最近的一个事件。", `days_since(events.order_paid.latest().time) > 180`),
		entry("nth", Event, "The n-th event; -1 is the last.", "第 n 个事件；-1 为最后一个。", `days_between(events.order_paid.earliest().time, events.order_paid.nth(2).time) <= 30`, Parameter{Name: "n", Type: Number, Slot: ConstantSlot}),
		entry("streak", Number, "The longest run of consecutive days, weeks or months with an event.", "连续有事件的最长天数、周数或月数。", `events.view.streak("d") >= 7`, slotParameter("unit", StreakSlot)),
		entry("max_gap", Number, "The most days between two neighbouring active days.", "相邻两个活跃日之间的最大天数。", `events.view.max_gap() > 30`),
		entry("peak", Number, "The most events in any stretch of that length.", "任意一段该时长内事件次数的最大值。", `events.view.peak("1h") >= 20`, slotParameter("length", ClockSpanSlot)),
	}
	for _, e := range []Entry{
		entry("min", Any, "The smallest value over the events that have it.", "有该值的事件中的最小值。", `events.order_paid.min(e, e.amount) < 10`, eventVariable, x),
		entry("max", Any, "The largest value over the events that have it.", "有该值的事件中的最大值。", `events.order_paid.max(e, e.amount) >= 5000`, eventVariable, x),
		entry("top", Any, "The value with most events, or most weight.", "出现次数最多或权重最大的取值。", `events.view.last("90d").top(e, e.category) == "茶"`, eventVariable, x, optional(bodyParameter("weight", Number))),
	} {
		e.OfBody = true
		entries = append(entries, e)
	}
	return entries
}
