package gen

import (
	"fmt"
	"strings"

	"tagma/event"
)

// Type is a type of event.
type Type struct {
	Name string
	// Properties are those that every event of the type has, sorted by name.
	Properties []string
	// Sparse are those that some have.
	Sparse []string
}

// Types are the 20 types of events by falling frequency: the n-th has the share 1/n of the first.
func Types() []Type {
	page := []string{"channel", "duration", "page"}
	product := []string{"amount", "brand", "category", "channel", "sku"}
	view := []string{"amount", "brand", "category", "channel", "duration", "sku"}
	cart := []string{"amount", "brand", "category", "channel", "quantity", "sku"}
	order := []string{"amount", "brand", "category", "channel", "order_id", "quantity", "sku"}
	campaign := []string{"context.campaign.source", "context.campaign.term"}
	visit := append(campaign[:2:2], "referrer")
	return []Type{
		{"page_view", page, visit},
		{"product_view", view, visit},
		{"search", page, campaign},
		{"banner_click", page, campaign},
		{"add_to_cart", cart, []string{"coupon"}},
		{"order_created", order, []string{"coupon"}},
		{"order_paid", order, []string{"coupon"}},
		{"coupon_received", []string{"category", "channel", "page"}, []string{"coupon"}},
		{"favorite", product, nil},
		{"share", product, nil},
		{"video_watched", page, campaign},
		{"message_opened", page, campaign},
		{"review_posted", []string{"brand", "category", "channel", "sku", "stars"}, nil},
		{"签到", []string{"channel", "points"}, nil},
		{"进入直播间", page, visit},
		{"order_refunded", order, nil},
		{"coupon_used", cart, []string{"coupon"}},
		{"客服咨询", []string{"channel", "duration", "page"}, nil},
		{"subscription_renewed", []string{"amount", "channel"}, nil},
		{"投诉", []string{"category", "channel", "stars"}, nil},
	}
}

// Numeric says whether a property is a number; the others are texts.
func Numeric(property string) bool {
	switch property {
	case "amount", "quantity", "duration", "stars", "points":
		return true
	}
	return false
}

// Categories are the 200 values of category by falling frequency.
func Categories() []string {
	kinds := strings.Fields("女装 男装 童装 鞋靴 箱包 美妆 个护 母婴 食品 生鲜 酒水 家电 数码 手机 家居 厨具 运动 户外 图书 宠物")
	styles := strings.Fields("新款 基础 轻奢 儿童 进口 国潮 限量 组合 家庭 礼盒")
	var out []string
	for _, s := range styles {
		for _, k := range kinds {
			out = append(out, k+"·"+s)
		}
	}
	return out
}

// Brands are the 2,000 values of brand by falling frequency.
func Brands() []string {
	first := []rune("澜禾云青木沐初白朴素清野南北山海星月知拾简宜乐安优元一和光森林原格物良雅尚润启瑞恒诚悦思佳嘉欣春夏秋")
	second := []rune("语木舍品集物坊记堂园里屋家居生活季风色味觉香衣纺织造匠作社派客宝贝乐岸源本真朴然")
	var out []string
	for _, b := range second {
		for _, a := range first {
			out = append(out, string([]rune{a, b}))
		}
	}
	return out
}

// Pages are the 500 values of page by falling frequency.
func Pages() []string {
	out := []string{"/home", "/search", "/cart", "/me", "/live"}
	for i := len(out); i < 500; i++ {
		kind := [...]string{"/list/", "/item/", "/topic/"}[i%3]
		out = append(out, fmt.Sprintf("%s%03d", kind, i))
	}
	return out
}

// Channels are the 8 values of channel by falling frequency.
func Channels() []string {
	return []string{"app", "小程序", "web", "抖音", "天猫", "京东", "门店", "企业微信"}
}

// Coupons are the 60 values of coupon by falling frequency.
func Coupons() []string { return numbered("C-%02d", 60) }

// Terms are the 120 values of context.campaign.term by falling frequency.
func Terms() []string {
	occasions := strings.Fields("春节 开学 618 双11 双12 会员日 换季 周年庆 新品 清仓 母亲节 国庆")
	wishes := strings.Fields("优惠 折扣 推荐 排行 同款 礼物 送礼 平价 正品 包邮")
	var out []string
	for _, w := range wishes {
		for _, o := range occasions {
			out = append(out, o+w)
		}
	}
	return out
}

// Campaigns are the 10 values of context.campaign.source by falling frequency.
func Campaigns() []string {
	return strings.Fields("信息流 搜索 短视频 朋友圈 达人 短信 线下 联盟 邮件 开屏")
}

// Referrers are the 40 values of referrer by falling frequency.
func Referrers() []string { return numbered("https://r%02d.example/", 40) }

// Cities are the 60 values of the trait city by falling frequency.
func Cities() []string {
	return strings.Fields("上海 北京 广州 深圳 成都 杭州 重庆 武汉 苏州 西安 南京 天津 长沙 郑州 东莞 青岛 宁波 佛山 合肥 昆明 " +
		"沈阳 济南 无锡 厦门 福州 温州 金华 哈尔滨 大连 贵阳 南宁 泉州 石家庄 长春 南昌 惠州 常州 嘉兴 徐州 南通 " +
		"太原 保定 珠海 中山 兰州 临沂 潍坊 烟台 绍兴 台州 海口 乌鲁木齐 洛阳 廊坊 汕头 湖州 盐城 济宁 呼和浩特 银川")
}

// Provinces are the 20 values of the trait province by falling frequency.
func Provinces() []string {
	return strings.Fields("广东 江苏 浙江 山东 上海 北京 四川 河南 湖北 福建 湖南 安徽 河北 陕西 重庆 辽宁 天津 江西 云南 广西")
}

// Levels are the values of the trait level, lowest first.
func Levels() []string { return []string{"普通", "银卡", "金卡", "白金", "钻石"} }

// Interests are the texts that occur in the trait interests.
func Interests() []string {
	return strings.Fields("跑步 健身 瑜伽 露营 钓鱼 摄影 旅行 咖啡 烘焙 茶艺 养花 宠物 亲子 阅读 写作 音乐 电影 游戏 动漫 手办 数码 汽车 骑行 滑雪 游泳 美妆 穿搭 家装 理财 收藏")
}

func numbered(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i+1)
	}
	return out
}

// properties makes a ready property for each text, to be copied into events without any allocation.
func properties(name string, texts []string) []event.Property {
	out := make([]event.Property, len(texts))
	for i, t := range texts {
		out[i] = event.Property{Name: name, Value: event.Text(t)}
	}
	return out
}

// Traits are the traits that customers have, each missing for some, with the kinds of their values.
func Traits() map[string]event.Kind {
	return map[string]event.Kind{
		"age": event.NumberKind, "balance": event.NumberKind, "birthday": event.DateKind, "city": event.TextKind,
		"gender": event.TextKind, "interests": event.ListKind, "is_member": event.BoolKind, "level": event.TextKind,
		"points": event.NumberKind, "province": event.TextKind, "registered_at": event.TimeKind, "score": event.NumberKind,
	}
}
