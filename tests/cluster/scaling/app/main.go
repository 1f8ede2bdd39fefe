// A small service that autoscaling can be tried on, and the load for it. Only the standard library.
//
//	app serve            answers /work and /metrics on :8080. /work?ms=MS waits so long, /work?each=MS so long for each request
//	                     of the last second, its own included, and /work?burn=MS takes so much time of a processor
//	app load URL RATE    GETs the URL so many times a second, without keeping connections, until it is ended
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Prometheus' histogram: how many took at most so many seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

type counters struct {
	sync.Mutex
	buckets []uint64
	count   uint64
	seconds float64
}

func (c *counters) observe(took time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.count++
	c.seconds += took.Seconds()
	for n, bound := range bounds {
		if took.Seconds() <= bound {
			c.buckets[n]++
		}
	}
}

func (c *counters) write(w io.Writer) {
	c.Lock()
	defer c.Unlock()
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total %d\n", c.count)
	fmt.Fprintln(w, "# TYPE http_request_duration_seconds histogram")
	for n, bound := range bounds {
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=%q} %d\n", strconv.FormatFloat(bound, 'g', -1, 64), c.buckets[n])
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", c.count)
	fmt.Fprintf(w, "http_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n", c.seconds, c.count)
}

func milliseconds(r *http.Request, name string) time.Duration {
	number, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return 0
	}
	return time.Duration(number) * time.Millisecond
}

// How many requests came within the last second.
type recent struct {
	sync.Mutex
	came []time.Time
}

func (r *recent) add(now time.Time) int {
	r.Lock()
	defer r.Unlock()
	kept := r.came[:0]
	for _, then := range r.came {
		if now.Sub(then) < time.Second {
			kept = append(kept, then)
		}
	}
	r.came = append(kept, now)
	return len(r.came)
}

// Uses so much time of a processor, however long it has to wait for one.
func burn(wanted time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for until := used() + wanted; used() < until; {
	}
}

// What this thread has used.
func used() time.Duration {
	const thread = 1 // RUSAGE_THREAD, which package syscall does not name
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func serve() {
	seen := &counters{buckets: make([]uint64, len(bounds))}
	var last recent
	http.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		time.Sleep(milliseconds(r, "ms") + milliseconds(r, "each")*time.Duration(last.add(began)))
		burn(milliseconds(r, "burn"))
		fmt.Fprintln(w, "done")
		seen.observe(time.Since(began))
	})
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { seen.write(w) })
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// As many as are due by now: on a busy machine a tick may be missed, and the rate is to hold.
func load(url string, rate float64) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	for sent := 0; ; sent++ {
		time.Sleep(time.Until(began.Add(time.Duration(float64(sent) / rate * float64(time.Second)))))
		go func() {
			answer, err := client.Get(url)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}()
	}
}

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		os.Exit(0)
	}()
	switch {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		serve()
	case len(os.Args) == 4 && os.Args[1] == "load":
		rate, err := strconv.ParseFloat(os.Args[3], 64)
		if err == nil && rate > 0 {
			load(os.Args[2], rate)
		}
	}
	fmt.Fprintln(os.Stderr, "usage: app serve | app load URL RATE")
	os.Exit(2)
}
