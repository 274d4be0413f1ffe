package access

import (
	"strings"
	"testing"
)

func TestNamesOfUsers(t *testing.T) {
	for text, want := range map[string]string{
		"Admin": "admin", " li.lei ": "li.lei", "李雷": "李雷", "Straße": "strasse", "ΣΊΣΥΦΟΣ": "σίσυφοσ", "e\u0301mile": "émile", "É": "é", "हिन्दी": "हिन्दी",
		"7of9": "7of9", "a_b-c.d": "a_b-c.d", strings.Repeat("名", 64): strings.Repeat("名", 64),
	} {
		if got, wrong := userName(text); got != want || wrong != "" {
			t.Errorf("%q is %q, %s; want %q", text, got, wrong, want)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "  ": "empty", ".": "begins with '.'", "..": "begins", "-a": "begins", "\u0301a": "begins", "a b": "' '", "a/b": "'/'", "a\x00b": "x00", "a\nb": `'\n'`,
		"a@b": "'@'", "a\xff": "text", "😀": "begins", strings.Repeat("a", 65): "65 characters", strings.Repeat("a", 5000): "at most 64", "a\u200bb": "u200b", "a\u202eb": "u202e",
	} {
		if got, wrong := userName(text); got != "" || !strings.Contains(wrong, want) {
			t.Errorf("%q is %q, %s; want %q", text, got, wrong, want)
		}
	}
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{
		" web shop ": "", "夜间同步 2": "", "": "empty", "a\tb": "control", "a\xff": "UTF-8", strings.Repeat("a", 201): "201 bytes",
	} {
		got, wrong := label(text)
		if (wrong == "") != (want == "") || !strings.Contains(wrong, want) {
			t.Errorf("%q is %q, %s; want %q", text, got, wrong, want)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, want := range map[string]string{
		"correct horse": "", password: "", "十个汉字作为密码可以的": "", strings.Repeat("long words ", 11) + "1234567": "", "xk2!mq9@pl": "",
		"": "0 characters", "short": "5 characters, at least 10", "九个汉字的密码不行": "9 characters", strings.Repeat("long words ", 12): "132 bytes, at most 128",
		"abcabcabcabc": "commonest", "1234567890": "commonest", "0987654321": "commonest", "8901234567": "commonest", "abcdefghijkl": "commonest", "Password123": "commonest",
		"woaini1314": "commonest", "LI.LEI.2026": "the name", "Li Lei the Second": "the name", "aaaaaaaaaaaa": "commonest", "bad\xff utf8 password": "UTF-8",
	} {
		got := ""
		for _, f := range passwordFaults("password", password, "li.lei.2026", "li lei the second") {
			if f.Place != "password" {
				t.Errorf("%q: the place is %q", password, f.Place)
			}
			got += f.String()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
	for word := range strings.FieldsSeq(commonPasswords) {
		if len(word) < MinPassword || fold(word) != word {
			t.Errorf("the common password %q cannot match", word)
		}
	}
}

func TestMadePasswordsAreGood(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		p := newPassword()
		if faults := passwordFaults("", p, "admin", ""); len(faults) > 0 || len(p) != 23 || seen[p] {
			t.Fatalf("%q: %v", p, faults)
		}
		seen[p] = true
	}
}
