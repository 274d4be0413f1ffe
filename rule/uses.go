package rule

// Uses is what checked expressions speak of by name: set it as Env.Uses. A property that an expression looks for in
// several events is used of each that has it.
type Uses struct {
	Traits   map[string]bool
	Events   map[string]map[string]bool // event name → property
	Consents map[string]bool
}

// NewUses returns one that nothing is noted in.
func NewUses() *Uses {
	return &Uses{Traits: map[string]bool{}, Events: map[string]map[string]bool{}, Consents: map[string]bool{}}
}

func (u *Uses) trait(name string) {
	if u != nil {
		u.Traits[name] = true
	}
}

func (u *Uses) consent(name string) {
	if u != nil {
		u.Consents[name] = true
	}
}

func (u *Uses) event(name string) {
	if u != nil && u.Events[name] == nil {
		u.Events[name] = map[string]bool{}
	}
}

func (u *Uses) property(eventName, name string) {
	if u != nil {
		u.event(eventName)
		u.Events[eventName][name] = true
	}
}
