package demo

import (
	"fmt"
	"time"

	"tagma/event"
)

// person is what the shop knows of a customer apart from what it does.
type person struct {
	name, gender, occupation string
	female                   bool
	city                     city
	birthday                 event.Date
	company, industry        string
	contact                  string // the channel on which the customer wants to hear from the shop
	knows                    knows
}

// knows says which of the facts the customer has told.
type knows struct{ gender, city, birthday, occupation bool }

type city struct {
	name, province string
	weight         float64
	store          string // the shop's store there; empty where there is none
}

var cities = []city{
	{"上海", "上海", 9.5, "上海静安店"}, {"北京", "北京", 8.2, "北京三里屯店"}, {"深圳", "广东", 6.3, "深圳万象店"}, {"广州", "广东", 6.1, "广州天河店"},
	{"杭州", "浙江", 5.6, "杭州湖滨店"}, {"成都", "四川", 5.4, "成都太古里店"}, {"重庆", "重庆", 4.4, "重庆解放碑店"}, {"武汉", "湖北", 3.9, "武汉江汉路店"},
	{"苏州", "江苏", 3.8, "苏州中心店"}, {"南京", "江苏", 3.6, "南京新街口店"}, {"西安", "陕西", 3.3, "西安小寨店"}, {"天津", "天津", 2.7, "天津滨江道店"},
	{"长沙", "湖南", 2.7, "长沙五一店"}, {"郑州", "河南", 2.6, ""}, {"东莞", "广东", 2.2, ""}, {"青岛", "山东", 2.1, "青岛万象城店"},
	{"宁波", "浙江", 2.1, ""}, {"合肥", "安徽", 2.0, ""}, {"佛山", "广东", 2.0, ""}, {"昆明", "云南", 1.6, ""},
	{"沈阳", "辽宁", 1.5, ""}, {"济南", "山东", 1.5, ""}, {"无锡", "江苏", 1.5, ""}, {"厦门", "福建", 1.5, "厦门中山路店"},
	{"福州", "福建", 1.3, ""}, {"温州", "浙江", 1.2, ""}, {"大连", "辽宁", 1.1, ""}, {"哈尔滨", "黑龙江", 1.1, ""},
	{"石家庄", "河北", 1.0, ""}, {"南宁", "广西", 1.0, ""}, {"泉州", "福建", 1.0, ""}, {"金华", "浙江", .9, ""},
	{"贵阳", "贵州", .9, ""}, {"南昌", "江西", .9, ""}, {"长春", "吉林", .8, ""}, {"太原", "山西", .8, ""},
	{"嘉兴", "浙江", .8, ""}, {"珠海", "广东", .7, ""}, {"洛阳", "河南", .6, ""}, {"海口", "海南", .6, ""},
	{"兰州", "甘肃", .5, ""}, {"乌鲁木齐", "新疆", .5, ""}, {"绵阳", "四川", .5, ""}, {"桂林", "广西", .4, ""},
}

var cityTable = newTable(len(cities), func(i int) float64 { return cities[i].weight })

var surnames = []string{
	"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩",
	"唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "曾", "彭", "吕", "苏", "卢", "蒋", "蔡", "贾", "丁", "魏", "薛", "叶", "阎",
	"余", "潘", "杜", "戴", "夏", "钟", "汪", "田", "任", "姜", "范", "方", "石", "姚", "谭", "廖", "邹", "熊", "金", "陆", "欧阳", "司徒",
}

var surnameTable = newTable(len(surnames), func(i int) float64 { return 1 / float64(i+6) })

// given names by gender (men, women) and generation (born before 1980, before 1995, after).
var given = [2][3][]string{
	{
		{"伟", "军", "强", "建国", "志明", "国强", "海涛", "勇", "建华", "文斌", "永刚", "志强", "卫东", "立新", "晓东"},
		{"磊", "鹏", "浩", "超", "俊杰", "志远", "明辉", "宇", "凯", "晨", "博文", "家豪", "子健", "思远", "嘉明", "立群", "旭东", "文韬"},
		{"浩然", "子轩", "宇航", "梓豪", "一鸣", "俊熙", "昊天", "泽宇", "景行", "奕辰", "知远", "明哲", "嘉懿", "星河", "亦凡"},
	},
	{
		{"芳", "敏", "秀英", "丽", "静", "桂兰", "玉梅", "红", "建萍", "海燕", "淑华", "秋菊", "丽娟", "慧", "美玲"},
		{"婷", "雪", "倩", "佳", "晓燕", "思雨", "梦洁", "琳", "颖", "雅婷", "文静", "欣怡", "晨曦", "诗琪", "嘉欣", "若兰", "海宁", "语嫣"},
		{"子涵", "梓萱", "欣妍", "诗涵", "可馨", "雨桐", "一诺", "佳怡", "思琪", "语桐", "晓晓", "安然", "清越", "知夏", "若溪"},
	},
}

var (
	occupations     = []string{"白领", "教师", "自由职业", "公务员", "医护", "程序员", "学生", "个体经营", "设计师", "金融从业", "全职妈妈", "退休"}
	occupationTable = weights(24, 9, 10, 8, 7, 11, 10, 8, 5, 6, 7, 3)
	industries      = []string{"酒店", "餐饮", "地产", "教育", "科技", "零售", "医疗", "文旅"}
	firms           = []string{"云岚", "栖木", "和悦", "观山", "百川", "汇朗", "启元", "明礼", "远舟", "丰禾", "雅筑", "合众"}
	contacts        = []string{"公众号", "短信", "企业微信", "APP推送", "邮件", "不打扰"}
	contactTable    = weights(38, 18, 16, 14, 5, 9)
)

func newPerson(r dice, a *archetype, today event.Date) person {
	p := person{gender: "男", city: cities[cityTable.draw(r)]}
	if p.female = r.chance(.64); p.female {
		p.gender = "女"
	}
	age := a.age + 9.5*max(-1.7, min(3.2, r.NormFloat64()))
	p.birthday = today - event.Date(max(16, min(76, age))*365.25) - event.Date(r.IntN(366))
	p.occupation = occupations[occupationTable.draw(r)]
	switch years := int(today-p.birthday) / 365; {
	case years < 22:
		p.occupation = "学生"
	case years > 62:
		p.occupation = "退休"
	case p.occupation == "学生" && years > 28, p.occupation == "退休", p.occupation == "全职妈妈" && !p.female:
		p.occupation = "白领"
	}
	generation := 2
	if y, _, _ := p.birthday.Civil(); y < 1980 {
		generation = 0
	} else if y < 1995 {
		generation = 1
	}
	side := 0
	if p.female {
		side = 1
	}
	p.name = surnames[surnameTable.draw(r)] + one(r, given[side][generation])
	p.contact = contacts[contactTable.draw(r)]
	p.knows = knows{gender: r.chance(.94), city: r.chance(.93), birthday: r.chance(.85), occupation: r.chance(.45)}
	if r.chance(a.business) {
		p.industry = one(r, industries)
		p.company = p.city.name + one(r, firms) + p.industry + "有限公司"
		p.occupation, p.knows.occupation = one(r, []string{"采购经理", "行政主管", "总经理", "店主"}), true
		p.contact = one(r, []string{"企业微信", "邮件", "电话"})
	}
	return p
}

// identifiers of customer i. The phone numbers are of a series that no one has: 138 and the customer's number.
func (s *shopper) identifiers(i int, mini bool) {
	s.ids = append(s.ids[:0], Identifier{"user_id", fmt.Sprintf("u%06d", i)})
	if s.r.chance(.91) {
		s.ids = append(s.ids, Identifier{"phone", fmt.Sprintf("138%08d", i)})
	}
	if mini || s.r.chance(.35) {
		s.ids = append(s.ids, Identifier{"openid", fmt.Sprintf("oDemo%016x", s.r.Uint64())})
	}
	if s.r.chance(s.a.wecom) {
		s.ids = append(s.ids, Identifier{"wecom", fmt.Sprintf("wmDemo%010d", i)})
	}
}

// traits of the registration; levels and points follow as they are earned.
func (s *shopper) told(at event.Time) {
	p := &s.p
	s.trait(at, "name", event.Text(p.name))
	s.trait(at, "registered_at", event.Instant(at))
	s.trait(at, "member", event.Bool(s.member))
	s.trait(at, "contact_preference", event.Text(p.contact))
	s.consent(at, "sms", p.contact != "不打扰")
	s.consent(at, "email", p.contact == "邮件")
	if p.knows.gender {
		s.trait(at, "gender", event.Text(p.gender))
	}
	if p.knows.birthday {
		s.trait(at, "birthday", event.Civil(p.birthday))
	}
	if p.knows.occupation {
		s.trait(at, "occupation", event.Text(p.occupation))
	}
	if p.company != "" {
		s.trait(at, "company", event.Text(p.company))
		s.trait(at, "industry", event.Text(p.industry))
	}
	if p.knows.city {
		s.trait(at, "city", event.Text(p.city.name))
		s.trait(at, "province", event.Text(p.city.province))
	}
	if p.knows.city && s.r.chance(.02) { // moved house
		if moved := s.cal.zone.Instant(max(s.cal.first, s.joined)+event.Date(s.r.IntN(s.cal.days())), int64(12*time.Hour/time.Millisecond)); moved > at {
			p.city = cities[cityTable.draw(s.r)]
			s.trait(moved, "city", event.Text(p.city.name))
			s.trait(moved, "province", event.Text(p.city.province))
		}
	}
}

func (s *shopper) consent(at event.Time, name string, yes bool) {
	if at < s.cal.cut {
		s.consents = append(s.consents, event.Trait{Name: name, Time: at, Value: event.Bool(yes)})
	}
}

func (s *shopper) trait(at event.Time, name string, v event.Value) {
	if at < s.cal.cut {
		s.traits = append(s.traits, event.Trait{Name: name, Time: at, Value: v})
	}
}
