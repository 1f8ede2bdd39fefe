package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
)

// So many failures of a kind are told one by one.
const toldFailures = 20

// outcome is one request's; times are since the start. It was due, could be sent (`ready`: later than due where its
// connection was taken), was sent, and had its end.
type outcome struct {
	due, ready, sent, end time.Duration
	identity              string
	fault                 *failure
	from, backend         string
	reused                bool
	asked                 *request
}

// entry is what is kept of each; microseconds.
type entry struct {
	second            int32
	identity, reason  int32
	fromDue, fromSent uint32
	lag               uint32
}

// tally is one kind's requests.
type tally struct {
	sync.Mutex
	names        *names
	sent         int
	ok           int
	connections  int
	idle         map[string]int
	entries      []entry
	failures     []told
	acknowledged []string
}

type told struct {
	AtS     float64 `json:"at_s"`
	Reason  string  `json:"reason"`
	Detail  string  `json:"detail,omitempty"`
	From    string  `json:"from,omitempty"`
	To      string  `json:"to"`
	Backend string  `json:"backend,omitempty"`
	Reused  bool    `json:"reused"`
}

func (t *tally) sending() {
	t.Lock()
	t.sent++
	t.Unlock()
}

func (t *tally) connected() {
	t.Lock()
	t.connections++
	t.Unlock()
}

// lost counts connections that ended between two requests.
func (t *tally) lost(why string) {
	t.Lock()
	t.idle[why]++
	t.Unlock()
}

func (t *tally) done(made outcome) {
	kept := entry{
		second:   int32(made.due / time.Second),
		reason:   -1,
		fromDue:  micros(made.end - made.due - made.asked.wait),
		fromSent: micros(made.end - made.sent - made.asked.wait),
		lag:      micros(made.sent - made.ready),
	}
	kept.identity = t.names.number(made.identity)
	if made.fault != nil {
		kept.reason = t.names.number(made.fault.reason)
	}
	t.Lock()
	defer t.Unlock()
	t.entries = append(t.entries, kept)
	if made.fault == nil {
		t.ok++
		if made.asked.order != "" {
			t.acknowledged = append(t.acknowledged, made.asked.order)
		}
		return
	}
	if len(t.failures) < toldFailures {
		backend := made.identity
		if backend == "" {
			backend = made.backend
		}
		t.failures = append(t.failures, told{
			AtS: made.end.Seconds(), Reason: made.fault.reason, Detail: made.fault.detail,
			From: made.from, Backend: backend, Reused: made.reused,
		})
	}
}

func micros(took time.Duration) uint32 { return uint32(max(0, took.Microseconds())) }

// names gives each text a number, so that an entry is small.
type names struct {
	sync.Mutex
	numbers map[string]int32
	texts   []string
}

func (n *names) number(text string) int32 {
	n.Lock()
	defer n.Unlock()
	number, known := n.numbers[text]
	if !known {
		number = int32(len(n.texts))
		n.numbers[text] = number
		n.texts = append(n.texts, text)
	}
	return number
}

// book holds all of a run.
type book struct {
	start   time.Time
	names   *names
	kinds   map[string]*tally
	lagSeen map[string]int
}

func newBook(start time.Time) *book {
	return &book{
		start: start, names: &names{numbers: map[string]int32{}}, kinds: map[string]*tally{}, lagSeen: map[string]int{},
	}
}

// open starts a kind; all are opened before the first progress.
func (b *book) open(kind string) *tally {
	made := &tally{names: b.names, idle: map[string]int{}, failures: []told{}}
	b.kinds[kind] = made
	return made
}

// progress is a line of what was done so far; the lag is the worst since the last one.
func (b *book) progress() string {
	var sent, ok, done int
	var lag uint32
	for kind, t := range b.kinds {
		t.Lock()
		sent, ok, done = sent+t.sent, ok+t.ok, done+len(t.entries)
		for _, one := range t.entries[b.lagSeen[kind]:] {
			lag = max(lag, one.lag)
		}
		b.lagSeen[kind] = len(t.entries)
		t.Unlock()
	}
	return fmt.Sprintf(
		"load: at_s=%.1f sent=%d ok=%d failed=%d open=%d lag_ms=%.1f",
		time.Since(b.start).Seconds(), sent, ok, done-ok, sent-done, float64(lag)/1e3,
	)
}

// The report: all times in ms or s as their names say; latencies are of the requests that were answered well, without
// the wait that a poll asks for.
type report struct {
	Run string `json:"run"`
	To  string `json:"to"`
	// When it began, in seconds since 1970, and for how long it sent.
	StartedAt float64 `json:"started_at"`
	Seconds   float64 `json:"seconds"`
	CPUS      float64 `json:"cpu_s"`
	// Whether it ran before ordinary processes.
	Realtime bool                  `json:"realtime"`
	Kinds    map[string]kindReport `json:"kinds"`
	Series   []map[string]moment   `json:"series"`
	Orders   []string              `json:"acknowledged"`
}

type kindReport struct {
	Sent       int            `json:"sent"`
	OK         int            `json:"ok"`
	Unfinished int            `json:"unfinished"`
	Failed     map[string]int `json:"failed"`
	Failures   []told         `json:"failures"`
	Backends   map[string]int `json:"backends"`
	FromDue    quantiles      `json:"from_due_ms"`
	FromSent   quantiles      `json:"from_sent_ms"`
	OverOneS   int            `json:"over_1_s"`
	Lag        quantiles      `json:"lag_ms"`
	// How many were opened, and how many ended between two requests: `closed` or `reset` by the other side, or `told`
	// by an answer that it takes no more.
	Connections int            `json:"connections"`
	Idle        map[string]int `json:"idle"`
}

type quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// moment is one second of one kind, by when requests were due.
type moment struct {
	Backends map[string]int `json:"backends"`
	Failed   map[string]int `json:"failed"`
	FromDue  quantiles      `json:"from_due_ms"`
}

func (b *book) report(run, to string, ended time.Duration, realtime bool) report {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	made := report{
		Run: run, To: to, StartedAt: float64(b.start.UnixMicro()) / 1e6, Seconds: ended.Seconds(), CPUS: cpu.Seconds(),
		Realtime: realtime,
		Kinds:    map[string]kindReport{}, Series: []map[string]moment{}, Orders: []string{},
	}
	for _, kind := range slices.Sorted(maps.Keys(b.kinds)) {
		t := b.kinds[kind]
		t.Lock()
		made.Kinds[kind] = t.sum(to)
		made.Orders = append(made.Orders, t.acknowledged...)
		bySecond := map[int][]entry{}
		for _, one := range t.entries {
			bySecond[int(one.second)] = append(bySecond[int(one.second)], one)
		}
		t.Unlock()
		for second, entries := range bySecond {
			for len(made.Series) <= second {
				made.Series = append(made.Series, map[string]moment{})
			}
			backends, failures := b.names.count(entries)
			made.Series[second][kind] = moment{Backends: backends, Failed: failures, FromDue: latency(entries, fromDue)}
		}
	}
	return made
}

func (t *tally) sum(to string) kindReport {
	backends, failures := t.names.count(t.entries)
	for n := range t.failures {
		t.failures[n].To = to
	}
	over := 0
	for _, one := range t.entries {
		if one.reason < 0 && one.fromDue > 1e6 {
			over++
		}
	}
	return kindReport{
		Sent: t.sent, OK: t.ok, Unfinished: t.sent - len(t.entries), Failed: failures, Failures: t.failures,
		Backends: backends, FromDue: latency(t.entries, fromDue), FromSent: latency(t.entries, fromSent), OverOneS: over,
		Lag: quantilesOf(each(t.entries, func(one entry) uint32 { return one.lag })), Connections: t.connections, Idle: t.idle,
	}
}

// count says how many good answers each backend gave, and how many failures there are of each reason.
func (n *names) count(entries []entry) (backends, failures map[string]int) {
	n.Lock()
	defer n.Unlock()
	backends, failures = map[string]int{}, map[string]int{}
	for _, one := range entries {
		if one.reason < 0 {
			backends[n.texts[one.identity]]++
		} else {
			failures[n.texts[one.reason]]++
		}
	}
	return backends, failures
}

func fromDue(one entry) uint32  { return one.fromDue }
func fromSent(one entry) uint32 { return one.fromSent }

func latency(entries []entry, of func(entry) uint32) quantiles {
	good := slices.DeleteFunc(slices.Clone(entries), func(one entry) bool { return one.reason >= 0 })
	return quantilesOf(each(good, of))
}

func each(entries []entry, of func(entry) uint32) []uint32 {
	made := make([]uint32, len(entries))
	for n, one := range entries {
		made[n] = of(one)
	}
	return made
}

// quantilesOf takes microseconds and gives milliseconds, by the nearest rank; zeros for nothing.
func quantilesOf(values []uint32) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(share float64) float64 {
		return float64(values[min(len(values)-1, int(share*float64(len(values))))]) / 1e3
	}
	return quantiles{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}
