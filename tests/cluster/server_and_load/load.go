package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The load is open: when a request is sent depends on the clock alone, never on answers. Its kinds run side by side.
//
//	new    GET /, a connection each
//	keep   GET / on connections that stay, each at a rate of its own; one answer at a time, so that what waits for an
//	       answer before it is sent late, and its latency counts from when it was due
//	poll   GET /poll, a connection each
//	post   POST /orders with an ID that no other has, a connection each
//
// It ends after -for, on SIGTERM or SIGINT, or with -stdin at the end of its standard input; then it waits for what is
// under way (a second signal does not) and prints its report (report.go).
type loader struct {
	to           string
	host         string
	from         []net.IP
	size         int
	timeout      time.Duration
	pollFor      time.Duration
	clientCloses bool
	run          string
	start        time.Time
	stop         chan struct{}
	flying       sync.WaitGroup
	book         *book
}

func load(arguments []string) int {
	made := loader{run: word(6), stop: make(chan struct{})}
	var (
		flags    = flag.NewFlagSet("traffic load", flag.ExitOnError)
		from     = flags.String("from", "", "source addresses, with commas; taken in turn")
		last     = flags.Duration("for", 0, "how long; 0 is until it is ended")
		input    = flags.Bool("stdin", false, "ends with its standard input")
		closes   = flags.String("close", "server", "who closes a connection for one request first: server or client")
		newRate  = flags.Float64("new", 0, "requests a second on new connections")
		keep     = flags.Int("keep", 0, "connections that stay")
		keepRate = flags.Float64("keep-rate", 1, "requests a second on each of those")
		pollRate = flags.Float64("poll", 0, "long polls a second")
		postRate = flags.Float64("post", 0, "orders a second")
	)
	flags.StringVar(&made.to, "to", "", "HOST:PORT; a name is looked up once")
	flags.IntVar(&made.size, "size", 1024, "bytes of the app's body")
	flags.DurationVar(&made.timeout, "timeout", 10*time.Second, "for a request: connecting, sending, and a whole answer")
	flags.DurationVar(&made.pollFor, "poll-for", 5*time.Second, "how long the app lets a poll wait; its time-out is longer by it")
	_ = flags.Parse(arguments) // it exits by itself

	made.host = made.to
	address, err := net.ResolveTCPAddr("tcp", made.to)
	if err != nil {
		return trouble(fmt.Errorf("-to: %w", err))
	}
	made.to = address.String()
	for _, text := range strings.FieldsFunc(*from, func(r rune) bool { return r == ',' }) {
		source := net.ParseIP(text)
		if source == nil {
			return trouble(fmt.Errorf("-from: %q is no address", text))
		}
		made.from = append(made.from, source)
	}
	if *closes != "server" && *closes != "client" {
		return trouble(fmt.Errorf("-close: %q is neither server nor client", *closes))
	}
	made.clientCloses = *closes == "client"
	// memory is there, two processors are not many
	debug.SetGCPercent(400)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if *input {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			signals <- syscall.SIGTERM
		}()
	}
	first := realtime()
	made.start = time.Now()
	made.book = newBook(made.start)
	fmt.Fprintf(os.Stderr, "load: started, to %s\n", made.to)
	made.single("new", *newRate, func(int) *request { return made.get("/", true) })
	made.single("poll", *pollRate, func(int) *request {
		asked := made.get(fmt.Sprintf("/poll?s=%g", made.pollFor.Seconds()), true)
		asked.wait = made.pollFor
		return asked
	})
	made.single("post", *postRate, func(number int) *request {
		return made.order(fmt.Sprintf("%s-%d", made.run, number))
	})
	made.kept(*keep, *keepRate)

	ended := made.await(*last, signals)
	body, err := json.Marshal(made.book.report(made.run, made.to, ended, first))
	if err != nil {
		return trouble(err)
	}
	if _, err := os.Stdout.Write(append(body, '\n')); err != nil {
		return trouble(err)
	}
	return 0
}

// await tells of progress until the end and what was under way then; it returns for how long requests were sent.
func (l *loader) await(last time.Duration, signals <-chan os.Signal) time.Duration {
	var over <-chan time.Time
	if last > 0 {
		over = time.After(last)
	}
	landed := make(chan struct{})
	var ended time.Duration
	end := func() {
		if ended == 0 {
			ended = time.Since(l.start)
			close(l.stop)
			go func() {
				l.flying.Wait()
				close(landed)
			}()
		}
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-over:
			end()
		case <-signals:
			if ended != 0 {
				return ended
			}
			end()
		case <-second.C:
			fmt.Fprintln(os.Stderr, l.book.progress())
		case <-landed:
			fmt.Fprintln(os.Stderr, l.book.progress())
			return ended
		}
	}
}

func (l *loader) get(path string, closes bool) *request {
	own := func(body []byte) (string, string) { return identityIn(body, l.size) }
	return &request{method: "GET", path: path, close: closes && !l.clientCloses, own: own}
}

func (l *loader) order(id string) *request {
	own := func(body []byte) (string, string) { return orderIn(body, id) }
	return &request{method: "POST", path: "/orders", body: order{ID: id}.text(), order: id, close: !l.clientCloses, own: own}
}

// source is the address for a connection.
func (l *loader) source(number int) net.IP {
	if len(l.from) == 0 {
		return nil
	}
	return l.from[number%len(l.from)]
}

// single sends requests at a rate, a connection each.
func (l *loader) single(kind string, rate float64, make func(number int) *request) {
	if rate <= 0 {
		return
	}
	tally := l.book.open(kind)
	l.flying.Add(1)
	go func() {
		defer l.flying.Done()
		clock := newClock(l.start, l.stop)
		for number := 0; ; number++ {
			due := time.Duration(float64(number) / rate * float64(time.Second))
			if !clock.until(due) {
				return
			}
			tally.sending()
			l.flying.Add(1)
			go l.one(tally, make(number), number, due)
		}
	}()
}

func (l *loader) one(tally *tally, asked *request, number int, due time.Duration) {
	defer l.flying.Done()
	sent := time.Since(l.start)
	deadline := l.deadline(sent, asked)
	source := l.source(number)
	conn, fault := dial(source, l.to, deadline)
	if fault != nil {
		end := time.Since(l.start)
		tally.done(outcome{asked: asked, due: due, ready: due, sent: sent, end: end, fault: fault, from: named(source)})
		return
	}
	tally.connected()
	defer conn.close()
	identity, _, fault := conn.ask(asked, l.host, deadline)
	end := time.Since(l.start)
	tally.done(outcome{
		asked: asked, due: due, ready: due, sent: sent, end: end, identity: identity, fault: fault, from: conn.from(),
	})
	if fault == nil && asked.close {
		conn.drain()
	}
}

func (l *loader) deadline(sent time.Duration, asked *request) time.Time {
	return l.start.Add(sent + l.timeout + asked.wait)
}

// kept sends requests at a rate on each of some connections, which do not all send at once.
func (l *loader) kept(count int, rate float64) {
	if count <= 0 || rate <= 0 {
		return
	}
	tally := l.book.open("keep")
	for number := range count {
		l.flying.Add(1)
		go func() {
			defer l.flying.Done()
			l.keep(tally, number, rate, float64(number)/float64(count)/rate)
		}()
	}
}

func (l *loader) keep(tally *tally, number int, rate, phase float64) {
	clock := newClock(l.start, l.stop)
	asked := l.get("/", false)
	var conn *connection
	defer func() {
		if conn != nil {
			conn.close()
		}
	}()
	drop := func() {
		conn.close()
		conn = nil
	}
	var free time.Duration
	for turn := 0; ; turn++ {
		due := time.Duration((phase + float64(turn)/rate) * float64(time.Second))
		if !clock.until(due) {
			return
		}
		tally.sending()
		if conn != nil {
			if state := conn.idle(); state != "open" {
				tally.lost(state)
				drop()
			}
		}
		made := outcome{asked: asked, due: due, ready: max(due, free), sent: time.Since(l.start)}
		deadline := l.deadline(made.sent, asked)
		if conn == nil {
			if conn, made.fault = dial(l.source(number), l.to, deadline); conn != nil {
				tally.connected()
			} else {
				made.from = named(l.source(number))
			}
		}
		if conn != nil {
			var last bool
			made.from, made.backend, made.reused = conn.from(), conn.backend, conn.backend != ""
			made.identity, last, made.fault = conn.ask(asked, l.host, deadline)
			switch {
			case made.fault != nil:
				drop()
			case last:
				tally.lost("told")
				drop()
			}
		}
		free = time.Since(l.start)
		made.end = free
		tally.done(made)
	}
}

func named(source net.IP) string {
	if source == nil {
		return ""
	}
	return source.String()
}

// clock waits for times since the start.
type clock struct {
	start time.Time
	stop  <-chan struct{}
	timer *time.Timer
}

func newClock(start time.Time, stop <-chan struct{}) *clock {
	timer := time.NewTimer(0)
	<-timer.C
	return &clock{start: start, stop: stop, timer: timer}
}

// until waits for a time; false where the end comes first.
func (c *clock) until(due time.Duration) bool {
	select {
	case <-c.stop:
		return false
	default:
	}
	wait := due - time.Since(c.start)
	if wait <= 0 {
		return true
	}
	c.timer.Reset(wait)
	select {
	case <-c.stop:
		return false
	case <-c.timer.C:
		return true
	}
}
