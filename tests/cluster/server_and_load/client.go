package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The client is our own, since net/http's sends a request again by itself where a reused connection turns out to be dead.
// Here a request is written once, to one connection, and every end of it but a whole answer is a failure.

// Linux' socket option by which many connections of one source address to many goals share its ports.
const ipBindAddressNoPort = 24

// More than any answer of ours.
const bodyLimit = 1 << 22

// failure is why a request has no answer. Reasons:
//
//	refused      connection refused
//	reset        connection reset, while connecting, waiting or reading
//	timeout      no whole answer in time
//	closed       the connection was closed before the first byte of an answer
//	truncated    the connection was closed within an answer
//	status NNN   an answer that is no 2xx
//	foreign      an answer that is not the app's, or not to this request
//	unreachable  no way there
//	local        this machine lacks ports, files or memory
//	other        anything else; the detail says it
type failure struct {
	reason string
	detail string
}

func failed(reason string, err error) *failure {
	if err == nil {
		return &failure{reason: reason}
	}
	return &failure{reason: reason, detail: err.Error()}
}

func failureOf(err error) *failure {
	for _, known := range []struct {
		error  error
		reason string
	}{
		{os.ErrDeadlineExceeded, "timeout"},
		{syscall.ETIMEDOUT, "timeout"},
		{syscall.ECONNREFUSED, "refused"},
		{syscall.ECONNRESET, "reset"},
		{syscall.ECONNABORTED, "reset"},
		{syscall.EPIPE, "reset"},
		{syscall.EHOSTUNREACH, "unreachable"},
		{syscall.ENETUNREACH, "unreachable"},
		{syscall.EADDRNOTAVAIL, "local"},
		{syscall.EADDRINUSE, "local"},
		{syscall.EMFILE, "local"},
		{syscall.ENFILE, "local"},
		{syscall.ENOBUFS, "local"},
		{syscall.ENOMEM, "local"},
		{io.ErrUnexpectedEOF, "truncated"},
	} {
		if errors.Is(err, known.error) {
			return failed(known.reason, err)
		}
	}
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return failed("timeout", err)
	}
	return failed("other", err)
}

// request is what is asked, and how its answer is known.
type request struct {
	method string
	path   string
	body   []byte
	close  bool
	// For how long the app was asked to wait before it answers.
	wait time.Duration
	// The ID of an order, else nothing.
	order string
	// own says who answered, or why the answer is none.
	own func(body []byte) (identity, reason string)
}

func (r *request) write(to *bytes.Buffer, host string) {
	fmt.Fprintf(to, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.path, host)
	if r.close {
		to.WriteString("Connection: close\r\n")
	}
	if r.body != nil {
		fmt.Fprintf(to, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	to.WriteString("\r\n")
	to.Write(r.body)
}

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// connection carries requests one after the other.
type connection struct {
	tcp    *net.TCPConn
	reader *bufio.Reader
	// Who answered here last: on one connection it is always the same.
	backend string
}

// dial connects from a source address, which may be nil.
func dial(from net.IP, to string, deadline time.Time) (*connection, *failure) {
	dialer := net.Dialer{Deadline: deadline, KeepAlive: -1}
	if from != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: from}
		dialer.Control = func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
			})
		}
	}
	made, err := dialer.Dial("tcp", to)
	if err != nil {
		return nil, failureOf(err)
	}
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(made)
	return &connection{tcp: made.(*net.TCPConn), reader: reader}, nil
}

// from is its own end.
func (c *connection) from() string { return c.tcp.LocalAddr().String() }

func (c *connection) close() {
	_ = c.tcp.Close()
	c.reader.Reset(nil)
	readers.Put(c.reader)
}

// ask sends a request and reads its answer; `last` tells that the connection takes no more.
func (c *connection) ask(r *request, host string, deadline time.Time) (identity string, last bool, fault *failure) {
	_ = c.tcp.SetDeadline(deadline)
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	r.write(buffer, host)
	if _, err := c.tcp.Write(buffer.Bytes()); err != nil {
		return "", true, failureOf(err)
	}
	const protocol = "HTTP/"
	head, err := c.reader.Peek(len(protocol))
	switch {
	case err == io.EOF && len(head) == 0:
		return "", true, failed("closed", nil)
	case !strings.HasPrefix(protocol, string(head)):
		return "", true, failed("foreign", errors.New(shown(head)))
	case err == io.EOF:
		return "", true, failed("truncated", nil)
	case err != nil:
		return "", true, failureOf(err)
	}
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: r.method})
	if err != nil {
		fault := failureOf(err)
		if fault.reason == "other" {
			fault.reason = "foreign"
			// half a line of a header is taken for a wrong one
			if _, err := c.reader.Peek(1); err == io.EOF {
				fault.reason = "truncated"
			}
		}
		return "", true, fault
	}
	defer answer.Body.Close()
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(answer.Body, bodyLimit)); err != nil {
		return "", true, failureOf(err)
	}
	last = answer.Close || r.close
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return "", last, failed(fmt.Sprintf("status %d", answer.StatusCode), errors.New(shown(buffer.Bytes())))
	}
	identity, reason := r.own(buffer.Bytes())
	if reason != "" {
		return identity, last, failed(reason, errors.New(shown(buffer.Bytes())))
	}
	c.backend = identity
	return identity, last, nil
}

// idle says whether a connection that is waiting for a request is still whole: `open`, or that the other side has
// `closed` or `reset` it. Any client looks at that before it takes a connection from its pool; no request is lost by it.
func (c *connection) idle() string {
	if c.reader.Buffered() > 0 {
		return "closed"
	}
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return "reset"
	}
	// a deadline that has passed would be all that is seen
	_ = c.tcp.SetDeadline(time.Time{})
	state := "open"
	one := make([]byte, 1)
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), one, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EAGAIN:
		case err != nil:
			state = "reset"
		case n >= 0:
			// what is said without a question is a word before closing, as 408 is
			state = "closed"
		}
		return true
	})
	if err != nil {
		return "reset"
	}
	return state
}

// drain waits a moment until the other side has closed, so that the wait of TCP (TIME_WAIT) is on that side.
func (c *connection) drain() {
	_ = c.tcp.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = c.reader.Discard(1)
}

func shown(body []byte) string {
	return strings.TrimSpace(string(body[:min(len(body), 80)]))
}
