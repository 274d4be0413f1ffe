package chinese

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"tagma/errs"
)

// lists are all lists of messages.
var lists = map[string][]entry{"rules": rules, "texts": texts, "forms": forms, "definitions": definitions, "tags": tags, "people": people,
	"requests": requests, "imports": imports, "schemas": schemas, "titles": titles, "composed": composed}

// filled is a message of a format, with something to find again in each hole.
func filled(p *pattern) (string, []string) {
	var b strings.Builder
	var args []string
	for i, l := range p.literals {
		b.WriteString(l)
		if i == len(p.holes) {
			break
		}
		arg := map[byte]string{'q': fmt.Sprintf("%q", fmt.Sprintf("甲 %d", i)), 'd': fmt.Sprint(90001 + i), 's': fmt.Sprintf("x%d", i)}[p.holes[i]]
		args = append(args, arg)
		b.WriteString(arg)
	}
	return b.String(), args
}

func TestEveryEntryTranslatesItsOwnMessages(t *testing.T) {
	seen := map[string]string{}
	for name, list := range lists {
		for _, e := range list {
			if before := seen[plainOf(e.en)]; before != "" {
				t.Errorf("%s: %q stands in %s already", name, e.en, before)
			}
			seen[plainOf(e.en)] = name
			p := newPattern(e)
			for _, piece := range p.zh {
				if piece.hole >= len(p.holes) {
					t.Errorf("%s: %q has no hole %d", name, e.en, piece.hole+1)
				}
			}
			message, args := filled(p)
			got := Text(message)
			if !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s: %q gives %q", name, message, got)
			}
			for _, piece := range p.zh {
				if piece.hole >= 0 && piece.hole < len(args) && !strings.Contains(got, args[piece.hole]) {
					t.Errorf("%s: %q gives %q, which lacks %s", name, message, got, args[piece.hole])
				}
				if piece.hole < 0 && !strings.Contains(got, piece.text) {
					t.Errorf("%s: %q gives %q, by another entry", name, message, got)
				}
			}
		}
	}
}

func TestMessagesInChinese(t *testing.T) {
	for message, want := range map[string]string{
		`there is no event 'order_payd': it never came and no schema declares it`: `没有事件 'order_payd'：从未收到过，结构中也没有声明`,
		`did you mean 'order_paid'?`:                           `是不是要写 'order_paid'？`,
		`argument 1 of round must be a number, this is a text`: `round 的第 1 个参数必须是数值，而这是文本`,
		`values of several types came: here only a number counts, and what came as a text, a list is left out`: `收到的值有多种类型：这里只算数值，文本、列表不计在内`,
		`round(…) needs 2 arguments, there is 1`:                                                               `round(…) 需要 2 个参数，这里有 1 个`,
		`full-width comma '，'`:                                       `全角逗号 '，'`,
		`it cannot be retired: it is used by tag vip, segment staff`: `不能下线：标签 vip、分群 staff 正在使用它`,
		`tag vip exists already`:                                     `标签 vip 已存在`,
		// Names, values and parts of rules stay, whatever they are called.
		`there is no tag 'a number'`:                                      `没有标签 'a number'`,
		`there is no user "text"`:                                         `没有用户 "text"`,
		`this never holds together with traits.city == "a: b; delete it"`: `这个条件不可能与 traits.city == "a: b; delete it" 同时成立`,
		// What is put together.
		`the rule has faults and cannot be asked: there is no tag 'x'`:                                                                                                           `规则有误，无法查询：没有标签 'x'`,
		`tag vip: case 金卡: when: this always holds: a count is a whole number, and never below 0`:                                                                                `标签 vip：档“金卡”：条件：这个条件总是成立：次数是整数，且不会小于 0`,
		`mia, whose role is viewer, may not start runs`:                                                                                                                          `mia 的角色是查看者，不能发起计算`,
		`too many failed sign-ins from this address: try again after 2026-06-30T00:00:00Z, in 5 minutes, or ask an administrator`:                                                `这个地址登录失败次数过多：请在 2026-06-30T00:00:00Z 之后（5 分钟后）再试，或联系系统管理员`,
		`city.csv: line 3: the row has 2 cells, but there are 3 columns`:                                                                                                         `city.csv：第 3 行：这一行有 2 个单元格，而表头有 3 列`,
		`user_id:u1: trait birthday: expected date, found text (declare {type: date, coerce: true} in the schema to have it read): "1990-05-01"`:                                 `user_id:u1：属性 birthday：应为日期，实为文本："1990-05-01"（要按它读取，请在结构中声明 {type: date, coerce: true}）`,
		`column Qty (property qty of order): expected number, found text that cannot become one`:                                                                                 `列 Qty（order 的事件属性 qty）：应为数值，实为文本，且无法转换`,
		`the import stopped after 3 rows, which are kept; run it again to go on: the disk is full: free space and run the command again, it goes on where it stopped (no space)`: `导入在接收 3 行后停止，已接收的保留；重新运行即可继续：磁盘已满：请腾出空间后重新运行，会从停下的地方继续`,
		// What nobody knows stays.
		`something quite different: with a colon`: `something quite different: with a colon`,
		``: ``,
	} {
		if got := Text(message); got != want {
			t.Errorf("%q gives\n%s\nand not\n%s", message, got, want)
		}
	}
}

func TestAFaultKeepsWhatSomebodyWrote(t *testing.T) {
	f := Fault(errs.Fault{Place: "tag vip: case 金卡: when", Message: "it is missing", Hint: "delete it", Excerpt: "it is missing\n^^"})
	want := errs.Fault{Place: "标签 vip：档“金卡”：条件", Message: "缺少这一项", Hint: "请删除", Excerpt: "it is missing\n^^"}
	if f != want {
		t.Errorf("got %+v", f)
	}
}

func TestTheTitlesOfAllStatusesAreThere(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 415, 422, 428, 429, 500, 503, 504} {
		if title := http.StatusText(status); Text(title) == title {
			t.Errorf("%d %s is not in Chinese", status, title)
		}
	}
}

// Messages come from requests, too, so none may take long, however it is made.
func TestNoMessageTakesLong(t *testing.T) {
	var all []string
	for _, list := range lists {
		for _, e := range list {
			message, _ := filled(newPattern(e))
			all = append(all, message, "tags.yaml:3: tag vip: when: "+message, message+": because of something")
		}
	}
	for _, evil := range []string{" and ", ": ", "; ", " is a ", " must be ", "'", `"`, " has no property ", "argument 1 of ", ", this is "} {
		all = append(all, strings.Repeat(evil, maxLength/len(evil)))
	}
	for _, m := range all {
		Text(m)
	}
	began := time.Now()
	for _, m := range all {
		Text(m)
	}
	if each := time.Since(began) / time.Duration(len(all)); each > 500*time.Microsecond {
		t.Errorf("a message takes %s", each)
	}
}

func BenchmarkText(b *testing.B) {
	for name, message := range map[string]string{
		"exact":   "the rule is empty",
		"known":   "there is no event 'order_payd': it never came and no schema declares it",
		"open":    "argument 1 of round must be a number, this is a text",
		"joined":  "tags.yaml:3: tag vip: when: there is no event 'order_payd': it never came and no schema declares it",
		"unknown": "something quite different: with a colon; and another",
		"evil":    strings.Repeat(" is a ", maxLength/6),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Text(message)
			}
		})
	}
}
