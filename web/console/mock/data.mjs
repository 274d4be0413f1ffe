// A made-up shop for looking at the console without the server. Everything follows from a seed, so that screenshots compare.

let seed = 20261121;
function random() {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
}
const pick = (list) => list[Math.floor(random() * list.length)];

export const now = "2026-11-21T18:00:00.000+08:00";
export const customerCount = 20000;

export const categories = [
  node("attribute", "属性标签", "属性_", [node("basic", "基础信息", "", [node("person", "个人"), node("region", "地域")]), node("membership", "会员与沟通", "", [node("grade", "等级"), node("contact", "沟通")]), node("company", "企业", "", [node("role", "角色")])]),
  node("fact", "事实标签", "事实_", [node("trade", "交易历史", "", [node("amount", "金额"), node("order", "订单")]), node("service", "服务历史", "", [node("aftersales", "售后")])]),
  node("behavior", "行为标签", "行为_", [node("consumption", "消费属性", "", [node("frequency", "频次"), node("price", "价格")]), node("track", "行为轨迹", "", [node("interaction", "互动"), node("time", "时段")])]),
  node("interest", "兴趣标签", "兴趣_", [node("preference", "兴趣意向", "", [node("goods", "商品"), node("intent", "意向"), node("channel", "渠道")])]),
  node("source", "来源标签", "来源_", [node("channel", "来源渠道", "", [node("first", "首次触点")])]),
  node("status", "状态标签", "状态_", [node("state", "用户状态", "", [node("activity", "活跃度"), node("risk", "流失风险")])]),
  node("lifecycle", "生命周期标签", "生命周期_", [node("journey", "用户旅程", "", [node("stage", "阶段")])]),
  node("value", "价值标签", "价值_", [node("rfm", "RFM", "", [node("score", "评分"), node("class", "分类")]), node("grade", "价值等级", "", [node("level", "等级")])]),
];

function node(key, name, prefix = "", children = []) {
  return { key, name, prefix, children };
}

/** Gives the nodes their paths and counts. */
function finish(list, parent, tags) {
  return list.map((each) => {
    const key = parent ? `${parent}/${each.key}` : each.key;
    return {
      key,
      name: each.name,
      ...(each.prefix ? { prefix: each.prefix } : {}),
      tags: tags.filter((tag) => tag.category === key || tag.category.startsWith(`${key}/`)).length,
      children: finish(each.children, key, tags),
    };
  });
}
export const categoryTree = (tags) => finish(categories, "", tags);

function categoryName(path) {
  let list = categories;
  const names = [];
  for (const part of path.split("/")) {
    const found = list.find((each) => each.key === part);
    names.push(found?.name ?? part);
    list = found?.children ?? [];
  }
  return names.join(" / ");
}

const cases = (...pairs) => pairs.map(([value, when, zh, count]) => ({ value, when, zh, count }));
const rows = [
  ["gender", "属性_性别", "attribute/basic/person", "客户的性别, 用于选品与称呼", "林晓", "daily", { value: "traits.gender", zh: "客户的 性别", counts: [["女", 11820], ["男", 7654]] }],
  ["age_group", "属性_年龄段", "attribute/basic/person", "按周岁划分年龄段, 用于人群分析", "林晓", "daily", { cases: cases(["25岁以下", "age(traits.birthday) < 25", "年龄 < 25", 3310], ["25至34岁", "age(traits.birthday) < 35", "年龄 < 35", 7421], ["35至44岁", "age(traits.birthday) < 45", "年龄 < 45", 5208], ["45岁以上", "has(traits.birthday)", "有 生日", 2377]) }],
  ["birthday_soon", "属性_生日将近", "attribute/basic/person", "七天内过生日的客户, 用于发放生日礼", "周敏", "daily", { cases: cases(["今天生日", "days_to_anniversary(traits.birthday) == 0", "距生日 等于 0 天", 48], ["七天内生日", "days_to_anniversary(traits.birthday) <= 7", "距生日 ≤ 7 天", 371]) }],
  ["city", "属性_城市", "attribute/basic/region", "客户所在城市, 用于门店活动与配送", "林晓", "daily", { value: "traits.city", zh: "客户的 城市", counts: [["上海", 3120], ["北京", 2610], ["杭州", 2045], ["深圳", 1930], ["广州", 1811], ["成都", 1502], ["武汉", 1190], ["南京", 1088], ["苏州", 1010], ["西安", 842], ["重庆", 790], ["长沙", 566], ["宁波", 431], ["青岛", 402]] }],
  ["member_level", "属性_会员等级", "attribute/membership/grade", "会员等级, 用于权益发放", "周敏", "live", { value: "traits.level", zh: "客户的 等级", counts: [["普通", 9120], ["银卡", 4210], ["金卡", 1830], ["黑卡", 240]] }],
  ["contact_preference", "属性_沟通偏好", "attribute/membership/contact", "客户愿意接收消息的渠道, 触达前必须遵守", "周敏", "live", { cases: cases(["已退订", "events.unsubscribed.count() > 0 && !consent.sms", "unsubscribed 次数 > 0 且 未同意 短信", 1204], ["公众号", 'traits.contact_preference == "公众号"', "沟通偏好 等于 公众号", 5032], ["短信", 'traits.contact_preference == "短信"', "沟通偏好 等于 短信", 4110], ["企业微信", 'traits.contact_preference == "企业微信"', "沟通偏好 等于 企业微信", 3021]) }],
  ["net_spend", "事实_近一年消费金额", "fact/trade/amount", "近一年扣除退款后的消费金额, 是 RFM 的 M", "赵阳", "daily", { value: "measures.m", zh: "指标 m", rfm: "M", number: { min: "-35.5", max: "128430.75", mean: "1874.263158", median: "642" }, bands: [{ below: "300", value: "300元以下" }, { below: "1000", value: "300至999元" }, { below: "5000", value: "1000至4999元" }, { value: "5000元以上" }], counts: [["300元以下", 3411], ["300至999元", 4820], ["1000至4999元", 4033], ["5000元以上", 904]] }],
  ["order_count", "事实_近一年订单数", "fact/trade/order", "近一年的订单数, 是 RFM 的 F", "赵阳", "daily", { value: "measures.f", zh: "指标 f", rfm: "F", number: { min: "1", max: "61", mean: "4.21", median: "3" }, bands: [{ below: "2", value: "一单" }, { below: "6", value: "二至五单" }, { below: "12", value: "六至十一单" }, { value: "十二单以上" }], counts: [["一单", 4020], ["二至五单", 5911], ["六至十一单", 2504], ["十二单以上", 733]] }],
  ["refund_rate", "事实_退款率", "fact/service/aftersales", "近一年退款单占订单的比例, 用于商品改进与风控", "吴倩", "daily", { value: 'round(events.refund.last("1y").distinct(e, e.order_id) / measures.f, 3)', zh: "近1年 refund 中 order_id 的个数 ÷ 指标 f, 保留 3 位小数", number: { min: "0", max: "1", mean: "0.041", median: "0" }, counts: [["无退款", 10880], ["偶尔退款", 1504], ["经常退款", 784]] }],
  ["purchase_frequency", "行为_购买频次", "behavior/consumption/frequency", "区分高频与低频购买客户, 用于会员权益与促销", "王莉", "live", { cases: cases(["高频购买", 'events.order_paid.last("90d").count() >= 4', "近90天 order_paid 次数 ≥ 4", 1712], ["低频购买", 'events.order_paid.last("90d").count() >= 1', "近90天 order_paid 次数 ≥ 1", 6390], ["近期未购", "events.order_paid.count() > 0", "order_paid 次数 > 0", 6204], ["从未购买", "true", "所有客户", 5694]) }],
  ["stockpiler", "行为_囤货型", "behavior/consumption/frequency", "集中在大促成批购买的客户, 用于大促备货与提前预售", "王莉", "weekly", { cases: cases(["囤货型", 'measures.f >= 2 && events.order_paid.last("1y").avg(e, e.quantity) >= 3 && !has(traits.company)', "指标 f ≥ 2 且 近1年 order_paid 的 quantity 平均 ≥ 3 且 没有 公司", 903]) }],
  ["price_sensitive", "行为_价格敏感", "behavior/consumption/price", "主要凭券或在低价时购买的客户, 用于优惠券投放", "王莉", "weekly", { cases: cases(["高度敏感", 'measures.f >= 2\n  && events.order_paid.last("1y").where(e, present(e.coupon)).count() >= 0.6 * measures.f', "指标 f ≥ 2 且 近1年 order_paid（有 coupon）次数 ≥ 0.6 × 指标 f", 2280], ["中度敏感", 'measures.f >= 2\n  && events.order_paid.last("1y").where(e, present(e.coupon)).count() >= 0.3 * measures.f', "指标 f ≥ 2 且 近1年 order_paid（有 coupon）次数 ≥ 0.3 × 指标 f", 3021], ["不敏感", "measures.f >= 2", "指标 f ≥ 2", 3847]) }],
  ["high_interaction", "行为_高互动", "behavior/track/interaction", "近30天主动互动多的客户, 适合内容共创与口碑传播", "周敏", "live", { cases: cases(["高互动", 'events.any("share", "review", "favorite", "sign_in").last("30d").count() >= 6', "近30天 share、review、favorite、sign_in 次数 ≥ 6", 1420], ["有互动", 'events.any("share", "review", "favorite", "sign_in").last("30d").count() >= 1', "近30天 share、review、favorite、sign_in 次数 ≥ 1", 5630]) }],
  ["shopping_time", "行为_常购时段", "behavior/track/time", "最常下单的时段, 用于选择推送时刻", "王莉", "weekly", { value: 'events.order_paid.last("1y").top(e, hour(e.time))', zh: "近1年 order_paid 中最多的 时刻", counts: [["晚间", 5220], ["下午", 3104], ["午间", 1990], ["上午", 1833], ["深夜", 1021]] }],
  ["favourite_category", "兴趣_偏好品类", "interest/preference/goods", "近90天看得最多的品类, 用于首页与推送的选品", "王莉", "daily", { value: 'events.view.last("90d").top(e, e.category)', zh: "近90天 view 中最多的 category", counts: [["美妆护肤", 4120], ["家居日用", 3011], ["食品饮料", 2850], ["服饰鞋包", 2301], ["母婴", 1120], ["数码", 988], ["宠物", 512]] }],
  ["purchase_intent", "兴趣_购买意向", "interest/preference/intent", "加购或收藏后尚未购买的客户, 用于催单", "王莉", "live", { cases: cases(["加购未买", 'events.add_to_cart.last("7d").latest().time > events.order_paid.latest().time', "近7天最近一次 add_to_cart 晚于 最近一次 order_paid", 1033], ["收藏未买", 'events.favorite.last("7d").count() > 0 && events.order_paid.last("7d").count() == 0', "近7天 favorite 次数 > 0 且 近7天 order_paid 次数 等于 0", 644]) }],
  ["favourite_channel", "兴趣_偏好渠道", "interest/preference/channel", "近90天最常浏览和购买的渠道, 用于选择触点", "周敏", "daily", { value: 'events.any("view", "order_paid").last("90d").top(e, e.channel)', zh: "近90天 view、order_paid 中最多的 channel", counts: [["小程序", 6210], ["APP", 4402], ["天猫", 2320], ["门店", 1204], ["抖音", 1121]] }],
  ["first_source", "来源_首次来源", "source/channel/first", "客户首次与品牌接触的来源, 用于评估渠道质量", "孙浩", "live", { value: 'present(events.all.earliest().context.campaign.source) ? events.all.earliest().context.campaign.source : "自然流量"', zh: "首次行为的来源, 没有时为 自然流量", counts: [["自然流量", 8120], ["小红书", 3640], ["百度竞价", 2811], ["抖音", 2590], ["门店扫码", 1702], ["朋友推荐", 1137]] }],
  ["active_7d", "状态_7天活跃度", "status/state/activity", "近7天有动作的天数, 用于日常运营", "周敏", "live", { cases: cases(["高活跃", 'events.all.last("7d").days() >= 3', "近7天 有行为的天数 ≥ 3", 2210], ["中活跃", 'events.all.last("7d").days() == 2', "近7天 有行为的天数 等于 2", 2830], ["低活跃", 'events.all.last("7d").days() == 1', "近7天 有行为的天数 等于 1", 4121], ["不活跃", "true", "所有客户", 10839]) }],
  ["churn_risk", "状态_潜在流失", "status/state/risk", "买过两单以上而许久没有动作的客户, 在流失之前挽留", "周敏", "daily", { cases: cases(["已流失", "measures.f >= 2 && measures.quiet_days > 120", "指标 f ≥ 2 且 指标 quiet_days > 120", 604], ["潜在流失用户", "measures.f >= 2 && measures.quiet_days > 30", "指标 f ≥ 2 且 指标 quiet_days > 30", 1930]) }],
  ["stage", "生命周期_客户阶段", "lifecycle/journey/stage", "潜在、新、老、沉睡与流失客户, 用于分阶段运营", "王莉", "daily", { cases: cases(["潜在客户", "events.order_paid.count() == 0", "order_paid 次数 等于 0", 5694], ["新客户", "days_since(events.order_paid.earliest().time) <= 60", "距首次 order_paid ≤ 60 天", 2904], ["老客户", "days_since(events.order_paid.latest().time) <= 90", "距最近一次 order_paid ≤ 90 天", 6020], ["沉睡客户", "days_since(events.order_paid.latest().time) <= 180", "距最近一次 order_paid ≤ 180 天", 3220], ["流失客户", "true", "所有客户", 2162]) }],
  ["rfm", "价值_客户分类", "value/rfm/class", "按 R、F、M 评分高低划分的八类客户, 用于分层运营", "赵阳", "daily", { cases: cases(["重要价值客户", "tags.r_score >= 4 && tags.f_score >= 4 && tags.m_score >= 4", "价值_R评分 ≥ 4 且 价值_F评分 ≥ 4 且 价值_M评分 ≥ 4", 2011], ["重要发展客户", "tags.r_score >= 4 && tags.m_score >= 4", "价值_R评分 ≥ 4 且 价值_M评分 ≥ 4", 1120], ["重要保持客户", "tags.f_score >= 4 && tags.m_score >= 4", "价值_F评分 ≥ 4 且 价值_M评分 ≥ 4", 1340], ["重要挽留客户", "tags.m_score >= 4", "价值_M评分 ≥ 4", 812], ["一般价值客户", "tags.r_score >= 4 && tags.f_score >= 4", "价值_R评分 ≥ 4 且 价值_F评分 ≥ 4", 1004], ["一般发展客户", "tags.r_score >= 4", "价值_R评分 ≥ 4", 1320], ["一般保持客户", "tags.f_score >= 4", "价值_F评分 ≥ 4", 980], ["一般挽留客户", "measures.orders > 0", "指标 orders > 0", 4581]) }],
  ["high_value", "价值_高价值客户", "value/grade/level", "近一年消费位于前一成与前三成的客户, 享专属服务", "赵阳", "daily", { cases: cases(["高价值", "measures.m >= quantile(measures.m, 0.9)", "指标 m ≥ 全体的 90% 分位", 1317], ["中高价值", "measures.m >= quantile(measures.m, 0.7)", "指标 m ≥ 全体的 70% 分位", 2634]) }],
  ["r_score", "价值_R评分", "value/rfm/score", "最近购买的五级评分, 5 为最近, 对应 RFM 的 R", "赵阳", "daily", { value: "ntile(-measures.r, 5)", zh: "指标 r 的五级评分, 越小越高", rfm: "R", kind: "number", number: { min: "1", max: "5", mean: "3.02", median: "3" }, counts: [["5", 2650], ["4", 2612], ["3", 2660], ["2", 2604], ["1", 2642]] }],
  ["new_launch", "兴趣_新品尝鲜", "interest/preference/goods", "新品首发两周内购买过的客户", "王莉", "daily", { cases: cases(["尝鲜", 'events.order_paid.last("180d").where(e, e.new == true).count() >= 2', "近180天 order_paid（new 等于 是）次数 ≥ 2", 0]), uncomputed: true }],
  ["relation", "属性_客户角色", "attribute/company/role", "企业客户中的角色, 由销售拜访后标注", "陈立", "manual", { values: ["决策人", "使用者", "采购"], multi: true, counts: [["使用者", 51], ["决策人", 38], ["采购", 22]] }],
];

const classesOf = { attribute: ["attribute", "foundation"], fact: ["fact", "transaction"], behavior: ["behavior", "track"], interest: ["interest", "intent"], source: ["source", "channel"], status: ["state", "status"], lifecycle: ["lifecycle", "journey"], value: ["fact"] };

export const tags = rows.map(([key, name, category, purpose, owner, refresh, more]) => {
  const counts = more.counts ?? more.cases.map((each) => [each.value, each.count]);
  const held = counts.reduce((sum, [, count]) => sum + count, 0);
  const sentence = (zh) => (zh ? { zh, en: `(en) ${zh}` } : undefined);
  return {
    key, name, category, category_name: categoryName(category), purpose, owner, refresh,
    kind: more.values ? "manual" : "rule",
    value_kind: more.kind ?? "text",
    multi: more.multi ?? false,
    ...(more.rfm ? { rfm: more.rfm } : {}),
    classes: classesOf[category.split("/")[0]],
    version: "3", state: "active",
    ...(more.uncomputed ? {} : { held, computed_at: now }),
    ...(more.cases ? { cases: more.cases.map(({ value, when, zh }) => ({ value, when, sentence: sentence(zh) })) } : {}),
    ...(more.value ? { value: more.value, sentence: sentence(more.zh) } : {}),
    ...(more.bands ? { bands: more.bands } : {}),
    ...(more.values ? { values: more.values } : {}),
    users: key === "purchase_frequency" ? [{ kind: "segment", key: "loyal_high_value", name: "忠诚高价值" }] : key === "r_score" ? [{ kind: "tag", key: "rfm", name: "价值_客户分类" }] : [],
    depends: key === "rfm" ? [{ kind: "tag", key: "r_score", name: "价值_R评分" }, { kind: "measure", key: "orders" }] : more.value?.includes("measures") ? [{ kind: "measure", key: "m" }] : [],
    warnings: key === "price_sensitive" ? [{ message: "没有订单的客户也会满足 0 ≥ 0", hint: "加上 measures.f >= 2" }] : [],
    created: "2026-03-02T09:12:00.000+08:00", updated: "2026-11-18T15:41:22.000+08:00", actor: owner,
    counts, numberFacts: more.number,
  };
});

export const segments = [
  ["winback", "重点召回", "许久未动的高价值客户, 由客服回访", 'tags.churn_risk == "潜在流失用户" && tags.high_value == "高价值"', "状态_潜在流失 等于 潜在流失用户 且 价值_高价值客户 等于 高价值", 187],
  ["second_order", "新客促二单", "首单后的复购券", 'tags.stage == "新客户" && measures.f == 1', "生命周期_客户阶段 等于 新客户 且 指标 f 等于 1", 1804],
  ["cart_reminder", "加购未买", "小程序提醒", 'tags.purchase_intent == "加购未买"', "兴趣_购买意向 等于 加购未买", 1033],
  ["birthday_gift", "会员生日礼", "生日前一周发放", "present(tags.birthday_soon) && has(traits.level)", "有 属性_生日将近 且 有 等级", 322],
  ["loyal_high_value", "忠诚高价值", "新品内测与答谢", 'tags.purchase_frequency == "高频购买" && tags.rfm == "重要价值客户"', "行为_购买频次 等于 高频购买 且 价值_客户分类 等于 重要价值客户", 864],
  ["young_beauty", "年轻美妆爱好者", "", 'present(tags.young) && tags.favourite_category == "美妆护肤"', "有 属性_年轻客户 且 兴趣_偏好品类 等于 美妆护肤", 1240],
].map(([key, name, purpose, when, zh, held]) => ({ key, name, purpose, owner: "周敏", when, sentence: { zh, en: `(en) ${zh}` }, version: "1", state: "active", held, users: [], depends: [], warnings: [], created: "2026-05-02T10:00:00.000+08:00", updated: "2026-10-11T10:20:00.000+08:00", actor: "周敏" }));

const surnames = [..."王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"];
const givens = ["晓彤", "子涵", "浩然", "欣怡", "雨桐", "建国", "丽娜", "文博", "思远", "佳琪", "一鸣", "静雯", "志强", "梦洁"];

export function customerAt(number) {
  seed = number * 7919 + 17;
  random();
  const name = pick(surnames) + pick(givens);
  const phone = `13${Math.floor(random() * 10)}${String(Math.floor(random() * 1e8)).padStart(8, "0")}`;
  const id = `user_id:${10000 + number}`;
  const identifiers = [
    { kind: "user_id", value: String(10000 + number) },
    { kind: "phone", value: phone },
    { kind: "wecom", value: `wmK${Math.floor(random() * 1e9).toString(36)}` },
    { kind: "openid", value: `oX${Math.floor(random() * 1e12).toString(36)}_${Math.floor(random() * 1e9).toString(36)}` },
  ];
  return { number, id, name, identifiers, city: pick(["上海", "杭州", "成都", "北京", "南京"]), level: pick(["普通", "银卡", "金卡", "黑卡"]) };
}

const names = ["view", "view", "search", "add_to_cart", "order_paid", "app_login", "favorite", "coupon_received", "share", "review", "message_opened"];
export function eventsOf(number) {
  seed = number * 104729 + 5;
  const list = [];
  let at = Date.parse(now) - Math.floor(random() * 6e7);
  for (let i = 0; i < 94; i++) {
    const name = pick(names);
    const property = (key, kind, text) => ({ name: key, value: { kind, text } });
    const properties = [];
    if (["view", "favorite", "add_to_cart", "order_paid"].includes(name)) properties.push(property("category", "text", pick(["美妆护肤", "家居日用", "食品饮料"])), property("brand", "text", pick(["花田", "木禾", "ONE LAB"])), property("price", "number", pick(["89", "129.5", "1299", "45"])));
    if (name === "order_paid") properties.push(property("order_id", "text", `SO2026${Math.floor(random() * 1e7)}`), property("amount", "number", String(Math.floor(random() * 300000) / 100)), property("channel", "text", "小程序"));
    if (name === "search") properties.push(property("keyword", "text", pick(["保湿面霜", "咖啡豆", "收纳箱"])));
    list.push({ at: local(at), name, source: pick(["小程序", "APP", "公众号"]), properties });
    at -= Math.floor(random() * 2.6e8);
  }
  return list;
}

export function local(ms) {
  return new Date(ms + 8 * 3600e3).toISOString().replace("Z", "+08:00");
}
