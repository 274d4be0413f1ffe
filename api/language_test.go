package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/danielgtaylor/huma/v2/validation"

	"tagma/access"
	"tagma/errs/chinese"
)

// asked is the header of somebody whose browser is in Chinese, or in English.
var asked = map[string]string{"zh": "zh-CN,zh;q=0.9,en;q=0.8", "en": "en-GB,en;q=0.9,zh;q=0.5"}

func hasHan(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// inQuotes are parts that somebody wrote, and names of fields; english are words in a row.
var (
	inQuotes = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|tagma compute --as-of|`[^`]*`")
	english  = regexp.MustCompile(`\b[a-z]{2,} [a-z]{2,}\b`)
)

func TestOneWrongRuleInTwoLanguages(t *testing.T) {
	x := newShop(t)
	const wrong = `events.ordr.count() >= 2 && round("2") > 1`
	for language, want := range map[string][2]object{
		"en": {{"message": "there is no event 'ordr': it never came and no schema declares it", "hint": "did you mean 'order'?"},
			{"message": "argument 1 of round must be a number, this is a text"}},
		"zh": {{"message": "没有事件 'ordr'：从未收到过，结构中也没有声明", "hint": "是不是要写 'order'？"},
			{"message": "round 的第 1 个参数必须是数值，而这是文本"}},
	} {
		r := x.ok(200, "POST", v1+"/rules/check", object{"expression": wrong, "want": "condition"}, "Accept-Language", asked[language])
		r.want(t, "faults.0.message", want[0]["message"])
		r.want(t, "faults.0.hint", want[0]["hint"])
		r.want(t, "faults.1.message", want[1]["message"])
		// Places are the same, and under the name that is not known.
		r.want(t, "faults.0.start", 7)
		r.want(t, "faults.0.end", 11)
		r.want(t, "faults.0.location", "body.expression:1:8")
		if got := r.header.Get("Content-Language"); got != language || r.header.Get("Vary") != "Accept-Language" {
			t.Errorf("answered in %q, Vary %q", got, r.header.Get("Vary"))
		}
		// The same rule in a tag, as a refusal.
		r = x.ok(422, "POST", v1+"/tags/preview", tagBody("wrong", "错", wrong), "Accept-Language", asked[language])
		r.want(t, "detail", want[0]["message"])
		r.want(t, "errors.0.hint", want[0]["hint"])
		r = x.ok(422, "POST", v1+"/rules/explain", object{"expression": wrong}, "Accept-Language", asked[language])
		r.want(t, "errors.0.message", want[0]["message"])
	}
}

func TestWarningsAndRefusalsInChinese(t *testing.T) {
	x := newShop(t)
	zh := []string{"Accept-Language", asked["zh"]}
	r := x.ok(200, "POST", v1+"/rules/check", object{"expression": `events.order.count() >= 2 && events.order.count() < 1`, "want": "condition"}, zh...)
	r.want(t, "warnings.0.message", "这个条件不可能与 events.order.count() >= 2 同时成立")
	r = x.ok(200, "POST", v1+"/tags/preview", object{"key": "n", "name": "新", "category": "fact", "cases": []object{{"value": "a", "when": "events.order.count() > 0"}}}, zh...)
	r.want(t, "warnings.0.message", "缺少用途")
	r.want(t, "warnings.0.hint", "请写明用途，让别人知道何时用它")

	x.ok(404, "GET", v1+"/tags/nowhere", nil, zh...).want(t, "title", "没有找到")
	x.ok(404, "GET", v1+"/nothing", nil, zh...).want(t, "detail", "这里没有内容")
	x.ok(422, "POST", v1+"/rules/check", object{"expresion": ""}, zh...).want(t, "code", "invalid")
	soon := x.ok(422, "POST", v1+"/query", object{"expression": "true", "as_of": "soon"}, zh...)
	soon.want(t, "detail", `"soon" 不是时间：请写 2026-06-30 或 2026-06-30T08:00:00+08:00`)
	soon.want(t, "errors.0.message", `"soon" 不是时间：请写 2026-06-30 或 2026-06-30T08:00:00+08:00`)
	x.ok(422, "PUT", v1+"/timezone", object{"zone": "Mars/Nowhere"}, zh...).want(t, "detail", `没有时区 "Mars/Nowhere"：请用 IANA 名称，如 Asia/Shanghai`)
	// Nothing is told in English.
	for _, r := range []replied{
		x.ok(404, "GET", v1+"/tags/frequencyy", nil, zh...),
		x.ok(409, "POST", v1+"/tags", tagBody("frequency", "频", "events.order.count() > 0"), zh...),
		x.ok(409, "DELETE", v1+"/tags/frequency", nil, append(zh, "If-Match", `"1"`)...),
		x.ok(412, "DELETE", v1+"/segments/loyal", nil, append(zh, "If-Match", `"7"`)...),
		x.ok(428, "DELETE", v1+"/segments/loyal", nil, zh...),
		x.ok(422, "POST", v1+"/rules/check", object{"expresion": ""}, zh...),
		x.ok(422, "GET", v1+"/tags?nothing=1", nil, zh...),
		x.ok(401, "POST", v1+"/session", object{"name": "admin", "password": "this is not it"}, zh...),
		x.ok(422, "GET", v1+"/tags/frequency/members?value=x", nil, zh...),
		x.ok(404, "GET", v1+"/tags/frequency/members?as_of=2019-01-01", nil, zh...),
		x.ok(422, "GET", v1+"/segments/buyers/members?as_of=2019-13-01", nil, zh...),
		x.ok(422, "POST", v1+"/runs", object{"as_of": "2019-13-01"}, zh...),
		x.ok(422, "POST", v1+"/runs", object{"keys": []string{"frequenzy"}}, zh...),
		x.ok(422, "PUT", v1+"/clock", object{"to": "soon"}, zh...),
		x.ok(422, "PUT", v1+"/tables/cities", object{"name": "城市", "by": "city", "csv": "city,tier\n上海\n"}, append(zh, "If-Match", `"1"`)...),
		x.ok(422, "POST", v1+"/definitions/plan", object{"yaml": "tags:\n  - {key: x, cases: [{value: a, when: 'events.ordr.count() > \"3\"'}]}\n"}, zh...),
		x.ok(422, "POST", v1+"/definitions/plan", object{"yaml": "tags: [}"}, zh...),
		x.ok(422, "POST", v1+"/rules/text", object{"form": object{"trait": 3}}, zh...),
		x.ok(422, "POST", v1+"/query", object{"expression": "events.order.last('x').count()", "want": "ids"}, zh...),
		x.ok(422, "POST", v1+"/query", object{"expression": "1", "want": "ids"}, zh...),
		x.ok(404, "POST", v1+"/customers/user_id:nobody/explain", object{"expression": "true"}, zh...),
		x.do(request{method: "GET", path: v1 + "/tags", header: map[string]string{"Accept-Language": asked["zh"], "Authorization": "Bearer tgm_no"}, raw: true}),
		x.do(request{method: "POST", path: v1 + "/tags", as: access.Viewer, body: object{}, header: map[string]string{"Accept-Language": asked["zh"]}}),
	} {
		var p Problem
		if err := json.Unmarshal(r.body, &p); err != nil {
			t.Fatal(err)
		}
		texts := []string{p.Title, p.Detail}
		for _, f := range p.Errors {
			texts = append(texts, f.Message)
			if f.Hint != "" {
				texts = append(texts, f.Hint)
			}
		}
		for _, text := range texts {
			if !hasHan(text) || english.MatchString(inQuotes.ReplaceAllString(text, "")) {
				t.Errorf("%d: %q is not in Chinese, or half: %s", r.status, text, r.body)
			}
		}
		if r.header.Get("Content-Language") != "zh" {
			t.Errorf("%d: the language is said to be %q", r.status, r.header.Get("Content-Language"))
		}
	}
}

func TestWhichLanguage(t *testing.T) {
	for accept, zh := range map[string]bool{"": false, "zh": true, "zh-CN": true, "zh-TW,zh": true, "en": false, "en,zh": false, "zh;q=0.5,en;q=0.9": false,
		"fr": false, "fr,zh;q=0.8": true, "*": false, ";;;q": false, strings.Repeat("zh,", 200): false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", accept)
		if got := readsChinese(r); got != zh {
			t.Errorf("%q: Chinese %v", accept, got)
		}
	}
}

// An answer may be made of what is kept for others: its texts are changed in a copy.
func TestTranslatingLeavesTheAnswerAlone(t *testing.T) {
	body := Page[Tag]{Items: []Tag{{Warnings: []Warning{{Message: "the owner is missing"}}}}}
	got := translated(reflect.ValueOf(body)).Interface().(Page[Tag])
	if text := body.Items[0].Warnings[0].Message; text != "the owner is missing" {
		t.Errorf("the answer has become %q", text)
	}
	if text := got.Items[0].Warnings[0].Message; text != "缺少责任人" {
		t.Errorf("got %q", text)
	}
	if saying.has(reflect.TypeFor[Page[Member]]()) {
		t.Error("members have no texts, and are looked through")
	}
}

// What huma says of bodies that do not fit is not written in this program: its texts are held against the catalogue.
func TestWhatHumaSaysIsInChinese(t *testing.T) {
	for _, format := range []string{
		validation.MsgUnexpectedProperty, validation.MsgExpectedRFC3339DateTime, validation.MsgExpectedRFC1123DateTime, validation.MsgExpectedRFC3339Date,
		validation.MsgExpectedRFC3339Time, validation.MsgExpectedRFC5322Email, validation.MsgExpectedRFC5890Hostname, validation.MsgExpectedRFC2673IPv4,
		validation.MsgExpectedRFC2373IPv6, validation.MsgExpectedRFCIPAddr, validation.MsgExpectedRFC3986URI, validation.MsgExpectedRFC4122UUID,
		validation.MsgExpectedRFC6570URITemplate, validation.MsgExpectedRFC6901JSONPointer, validation.MsgExpectedRFC6901RelativeJSONPointer,
		validation.MsgExpectedRegexp, validation.MsgExpectedMatchAtLeastOneSchema, validation.MsgExpectedMatchExactlyOneSchema,
		validation.MsgExpectedNotMatchSchema, validation.MsgExpectedPropertyNameInObject, validation.MsgExpectedBoolean, validation.MsgExpectedDuration,
		validation.MsgExpectedNumber, validation.MsgExpectedInteger, validation.MsgExpectedString, validation.MsgExpectedBase64String,
		validation.MsgExpectedArray, validation.MsgExpectedObject, validation.MsgExpectedArrayItemsUnique, validation.MsgExpectedOneOf,
		validation.MsgExpectedMinimumNumber, validation.MsgExpectedExclusiveMinimumNumber, validation.MsgExpectedMaximumNumber,
		validation.MsgExpectedExclusiveMaximumNumber, validation.MsgExpectedNumberBeMultipleOf, validation.MsgExpectedMinLength,
		validation.MsgExpectedMaxLength, validation.MsgExpectedBePattern, validation.MsgExpectedMatchPattern, validation.MsgExpectedMinItems,
		validation.MsgExpectedMaxItems, validation.MsgExpectedMinProperties, validation.MsgExpectedMaxProperties, validation.MsgExpectedRequiredProperty,
		validation.MsgExpectedDependentRequiredProperty,
	} {
		if text := strings.NewReplacer("%v", "7", "%d", "7", "%s", "x").Replace(format); !hasHan(chinese.Text(text)) {
			t.Errorf("%q is not in Chinese", format)
		}
	}
}
