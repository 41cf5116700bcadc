package simulator

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kinds of deliveries.
const (
	Orders = "orders"
	Alerts = "alerts"
)

// A Resource is what deliveries are about. Its name is empty for a delivery that is not meant to be read.
type Resource struct{ Kind, Name string }

func (r Resource) String() string { return r.Kind + "/" + r.Name }

// An Outcome is what is known of an attempt.
type Outcome int

// The outcomes.
const (
	// Refused: nothing was kept.
	Refused Outcome = iota
	// Accepted: it was answered with the delivery's id.
	Accepted
	// Maybe: the connection broke. It was kept by then, or never will be.
	Maybe
	// MaybeLate: no answer came in time. It may have been kept, or still be.
	MaybeLate
)

// An Attempt is one POST.
type Attempt struct {
	// Says is the order's state or the alert's trigger, Value the alert's value.
	Says, Value string
	// Full is true if it names all that is known of the resource, and not only its ids.
	Full    bool
	Outcome Outcome
	// Replica is to which base URL it went.
	Replica int
	// Spool and Number are the delivery's id.
	Spool          string
	Number         uint64
	Sent, Answered time.Time
}

// An Account is all that was said of one resource.
type Account struct {
	// Sequential is true if each attempt was made after the one before it had its answer, and all went to one replica.
	Sequential bool
	// Facts are the fields of the resource's spec that do not change.
	Facts    map[string]string
	Attempts []Attempt
}

// A Ledger holds the accounts. Its fields may be read when nobody delivers any more.
type Ledger struct {
	mu       sync.Mutex
	Accounts map[Resource]*Account
	// Garbled are the deliveries that cannot be read. Accepted stands for an answer with the id of the delivery in
	// quarantine.
	Garbled []Attempt
	// Unexpected are answers that no delivery should get.
	Unexpected []string
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger { return &Ledger{Accounts: map[Resource]*Account{}} }

// record writes an attempt down.
func (l *Ledger) record(m *message, a Attempt, unexpected string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if unexpected != "" {
		l.Unexpected = append(l.Unexpected, unexpected)
	}
	if m.resource.Name == "" {
		l.Garbled = append(l.Garbled, a)
		return
	}
	account := l.Accounts[m.resource]
	if account == nil {
		account = &Account{Sequential: m.line.sequential, Facts: m.line.facts}
		l.Accounts[m.resource] = account
	}
	account.Attempts = append(account.Attempts, a)
}

// tally counts attempts by what became of them.
type tally struct{ accepted, maybe, refused int }

func tallyOf(attempts []Attempt) tally {
	var t tally
	for _, a := range attempts {
		switch a.Outcome {
		case Accepted:
			t.accepted++
		case Maybe, MaybeLate:
			t.maybe++
		case Refused:
			t.refused++
		}
	}
	return t
}

func (t tally) sent() int { return t.accepted + t.maybe + t.refused }

func (t tally) plus(o tally) tally {
	return tally{t.accepted + o.accepted, t.maybe + o.maybe, t.refused + o.refused}
}

// Tally counts all attempts.
func (l *Ledger) tally() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := tallyOf(l.Garbled)
	for _, account := range l.Accounts {
		total = total.plus(tallyOf(account.Attempts))
	}
	return total
}

// splitID takes a delivery's id apart: the id of its spool, and its number there.
func splitID(id string) (spool string, number uint64, ok bool) {
	at := strings.LastIndexByte(id, '-')
	if at <= 0 {
		return "", 0, false
	}
	number, err := strconv.ParseUint(id[at+1:], 10, 64)
	return id[:at], number, err == nil && number > 0
}
