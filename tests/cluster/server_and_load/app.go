package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const late = 500 * time.Millisecond

// What ends it at once, in a shell's numbers.
const abruptCode = 128 + int(syscall.SIGTERM)

// app answers
//
//	GET /            its identity (host name and a random instance), then filling up to -size
//	GET /poll?s=N    the same after N seconds
//	POST /orders     {"id": ID}: writes the ID into its ledger, then answers 201 {"id": ID, "by": IDENTITY}
//	GET /ledger      the IDs, one a line, in the order they came
//	GET /metrics     how many requests it answered: all, with a 500, and later than after half a second
//	GET /health      200, whatever else it gets wrong
//
// and each datagram at -datagrams with what it says, a blank, and its identity.
type app struct {
	identity string
	body     []byte
	wrong    []byte
	ledger   *ledger
	faults   faults
	seen     atomic.Int64
	refusing chan struct{}
	failed   atomic.Int64
	late     atomic.Int64
	leaving  atomic.Bool
}

// faults are what a bad pod does, outside of /health.
type faults struct {
	delay     time.Duration
	errors    float64
	slow      float64
	slowBy    time.Duration
	wrong     float64
	failAfter int64
	refuse    int64
}

func serve(arguments []string) int {
	var made app
	var (
		flags    = flag.NewFlagSet("traffic app", flag.ExitOnError)
		port     = flags.Int("port", 8080, "where it listens")
		health   = flags.Int("health-port", 0, "answers /health here too; this port stays when the other is refused")
		size     = flags.Int("size", 1024, "bytes of a body")
		crash    = flags.Duration("crash", 0, "ends with 1 after this time")
		refuse   = flags.Duration("refuse", 0, "closes -port after this time, and stays ready on -health-port")
		lag      = flags.Duration("lag", 0, "after SIGTERM still accepts connections for this time")
		abrupt   = flags.Bool("abrupt", false, "SIGTERM ends it at once, whatever it was answering")
		ledgerAt = flags.String("ledger", os.Getenv("LEDGER"), "file that IDs are appended to, or a folder for one")
		packets  = flags.Int("datagrams", 0, "a port of UDP at which it answers too")
		linger   = flags.Duration("linger", 0, "after SIGTERM waits so long for answers under way; 0 is without end")
	)
	flags.DurationVar(&made.faults.delay, "delay", 0, "before each answer")
	flags.Float64Var(&made.faults.errors, "errors", 0, "share of requests that get a 500")
	flags.Float64Var(&made.faults.slow, "slow", 0, "share of requests that wait -slow-by longer")
	flags.DurationVar(&made.faults.slowBy, "slow-by", 2*time.Second, "how long those wait")
	flags.Float64Var(&made.faults.wrong, "wrong", 0, "share of answers that are another program's")
	flags.Int64Var(&made.faults.refuse, "refuse-after", 0, "as -refuse, with so many requests")
	flags.Int64Var(&made.faults.failAfter, "fail-after", 0, "every request after so many gets a 500")
	_ = flags.Parse(arguments) // it exits by itself

	made.refusing = make(chan struct{}, 1)
	made.identity = identity()
	made.body = answerOf(made.identity, *size)
	made.wrong = []byte("It works!\n")
	var err error
	if made.ledger, err = openLedger(*ledgerAt, made.identity); err != nil {
		return trouble(err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", *port))
	if err != nil {
		return trouble(err)
	}
	if *packets != 0 {
		socket, err := net.ListenPacket("udp", fmt.Sprintf(":%d", *packets))
		if err != nil {
			return trouble(err)
		}
		go made.answerDatagrams(socket)
	}
	server := &http.Server{Handler: made.handler()}
	if *health != 0 {
		ready := http.NewServeMux()
		ready.HandleFunc("GET /health", healthy)
		go func() { os.Exit(trouble(http.ListenAndServe(fmt.Sprintf(":%d", *health), ready))) }()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Printf("app: %s listens on %s\n", made.identity, listener.Addr())
	for {
		select {
		case <-after(*crash):
			return trouble(errors.New("crashed, as -crash says"))
		case <-after(*refuse):
			*refuse = 0
			made.close(server)
		case <-made.refusing:
			made.close(server)
		case err := <-ended:
			if !errors.Is(err, http.ErrServerClosed) {
				return trouble(err)
			}
		case <-stop:
			if *abrupt {
				return abruptCode
			}
			return made.leave(server, *lag, *linger)
		}
	}
}

func (a *app) answerDatagrams(socket net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		count, sender, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo(fmt.Appendf(buffer[:count:count], " %s", a.identity), sender)
	}
}

// close refuses connections from now on, and cuts those that there are.
func (a *app) close(server *http.Server) {
	fmt.Printf("app: %s refuses connections\n", a.identity)
	_ = server.Close()
}

// leave ends without losing a request: whoever holds a connection is told to take a new one before the listener goes.
func (a *app) leave(server *http.Server, lag, linger time.Duration) int {
	// not SetKeepAlivesEnabled(false): that closes idle connections at once, under a request that is on its way
	a.leaving.Store(true)
	time.Sleep(lag)
	ctx := context.Background()
	if linger > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, linger)
		defer cancel()
	}
	if err := server.Shutdown(ctx); err != nil {
		return trouble(err)
	}
	fmt.Printf("app: %s ended after %d requests\n", a.identity, a.seen.Load())
	return 0
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy)
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, _ *http.Request) { a.ledger.write(w) })
	mux.HandleFunc("GET /metrics", a.metrics)
	mux.HandleFunc("GET /{$}", a.tried(func(w http.ResponseWriter, _ *http.Request) { a.answer(w) }))
	mux.HandleFunc("GET /poll", a.tried(a.poll))
	mux.HandleFunc("POST /orders", a.tried(a.order))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		mux.ServeHTTP(w, r)
	})
}

// tried counts a request and does to it what the faults say.
func (a *app) tried(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number := a.seen.Add(1)
		if number == a.faults.refuse {
			a.refusing <- struct{}{}
		}
		time.Sleep(a.faults.delay)
		if mathrand.Float64() < a.faults.slow {
			time.Sleep(a.faults.slowBy)
			if a.faults.slowBy > late {
				a.late.Add(1)
			}
		}
		failed := a.faults.failAfter > 0 && number > a.faults.failAfter
		if failed || mathrand.Float64() < a.faults.errors {
			a.failed.Add(1)
			http.Error(w, "failed, as it was told to", http.StatusInternalServerError)
			return
		}
		if mathrand.Float64() < a.faults.wrong {
			send(w, http.StatusOK, a.wrong)
			return
		}
		answer(w, r)
	}
}

func (a *app) metrics(w http.ResponseWriter, _ *http.Request) {
	text := fmt.Sprintf("app_requests_total %d\napp_failed_total %d\n", a.seen.Load(), a.failed.Load())
	send(w, http.StatusOK, []byte(text+fmt.Sprintf("app_late_total %d\n", a.late.Load())))
}

func (a *app) answer(w http.ResponseWriter) { send(w, http.StatusOK, a.body) }

func (a *app) poll(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("s"), 64)
	if err != nil {
		http.Error(w, "s is a number of seconds", http.StatusBadRequest)
		return
	}
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	a.answer(w)
}

func (a *app) order(w http.ResponseWriter, r *http.Request) {
	var asked order
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&asked); err != nil || asked.ID == "" {
		http.Error(w, `the body is {"id": ID}`, http.StatusBadRequest)
		return
	}
	// first the ledger: what is answered must be in it
	if err := a.ledger.add(asked.ID); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, http.StatusCreated, order{ID: asked.ID, By: a.identity}.text())
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may be gone
}

func healthy(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, []byte("ok\n")) }

// after is a timer's channel; one that never comes for no time at all.
func after(wait time.Duration) <-chan time.Time {
	if wait == 0 {
		return nil
	}
	return time.After(time.Until(started.Add(wait)))
}

var started = time.Now()

// identity is the host's name and a word that another start of it has not.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	return host + "/" + word(4)
}

// word is random: so many bytes, in hexadecimal.
func word(bytes int) string {
	made := make([]byte, bytes)
	_, _ = rand.Read(made) // it never fails
	return hex.EncodeToString(made)
}

func trouble(err error) int {
	fmt.Fprintln(os.Stderr, "traffic:", err)
	return 1
}
