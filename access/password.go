package access

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tagma/errs"
)

// The lengths of passwords: the least in characters, the most in bytes.
const (
	MinPassword = 10
	MaxPassword = 128
)

// normalPassword is the password as it is hashed: a letter with an accent is the same however a keyboard makes it.
func normalPassword(password string) string { return norm.NFC.String(password) }

// passwordFaults says what is wrong with a new password for a user.
func passwordFaults(place, password, name, displayName string) (faults []errs.Fault) {
	wrong := func(message, hint string) {
		faults = append(faults, errs.Fault{Place: place, Message: message, Hint: hint})
	}
	if !utf8.ValidString(password) {
		wrong("the password is not text in UTF-8", "")
		return faults
	}
	password = normalPassword(password)
	if n := utf8.RuneCountInString(password); n < MinPassword {
		wrong(fmt.Sprintf("the password has %d characters, at least %d are needed", n, MinPassword), "several words in a row are easy to remember")
		return faults // what else is wrong with it does not matter
	}
	if len(password) > MaxPassword {
		wrong(fmt.Sprintf("the password has %d bytes, at most %d are possible", len(password), MaxPassword), "")
		return faults
	}
	folded := fold(password)
	switch {
	case folded == name || folded == fold(displayName):
		wrong("the password is the name of the user", "take something that nobody expects")
	case isCommon(folded):
		wrong("the password is one of the commonest", "take something that nobody expects")
	}
	return faults
}

// isCommon says that a password, folded, is among the first that anybody tries: one of the list, few characters again
// and again, or a row such as 1234567890.
func isCommon(password string) bool {
	different := map[rune]bool{}
	up, down, steps, last := 0, 0, 0, rune(-1)
	for _, r := range password {
		different[r] = true
		if last >= 0 {
			steps++
			switch r - last {
			case 1, '0' - '9':
				up++
			case -1, '9' - '0':
				down++
			}
		}
		last = r
	}
	if len(different) < 4 || up == steps || down == steps {
		return true
	}
	for word := range strings.FieldsSeq(commonPasswords) {
		if password == word {
			return true
		}
	}
	return false
}

// commonPasswords are the commonest of ten characters or more, after the lists of stolen ones that go round.
const commonPasswords = `
password12 password123 password1234 password12345 password123456 passw0rd123 p@ssw0rd123 p@ssword123 password@123 password!1
passwordpassword mypassword mypassword1 changeme123 changeme1234 changemenow letmein123 letmein1234 welcome123 welcome1234 welcome@123
admin12345 admin123456 admin@1234 admin@123456 adminadmin administrator administrator1 root123456 rootroot123 superadmin superadmin1
qwertyuiop qwertyuiop1 qwertyuiop123 qwerty1234 qwerty12345 qwerty123456 1234qwerty 123456qwerty qwer123456 qwertyqwerty asdfghjkl1 asdfghjkl;
asdfasdfasdf zxcvbnm123 zxcvbnm1234 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz@wsx3edc qazwsxedcrfv qazwsx123456 q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsxcde3
123456789a 123456789q 1234567890a 1234567890q a123456789 a1234567890 q123456789 aa123456789 abc123456789 abcd123456 abcd1234567 abc1234567 abcdef1234
12345qwert 123qweasdzxc 123qwe123qwe 123abc123abc 123123123a 1234512345 1234554321 1122334455 9876543210a 0987654321 147258369a 147852369a 1357924680
iloveyou12 iloveyou123 iloveyou1314 iloveyouforever woaini1314 woaini520520 woaini5201314 woaini123456 5201314520 5201314a123 1314520520 5201314woaini
sunshine12 sunshine123 princess123 football123 baseball123 superman123 batman12345 dragon12345 monkey12345 michael123 charlie123 computer123
internet123 starwars123 whatever123 trustno1trustno1 correcthorsebatterystaple secret12345 secret123456 test123456 test12345678 testtest123 user123456
guest12345 demo123456 tagma12345 tagma123456 tagmatagma tagmaadmin zhongguo123 wang123456 zhang123456 li123456789 nihao123456 beijing2008 shanghai123
`
