package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
)

// answer has as many draws, asks, ends, names, established, callers and flows as the task, in its order.
type answer struct {
	Draws []drawn    `json:"draws"`
	Asks  []response `json:"asks"`
	Ends  []ended    `json:"ends"`
	Names []resolved `json:"names"`
	// null where it cannot be known
	Established [][]peer   `json:"established"`
	Callers     [][]caller `json:"callers"`
	Flows       []heard    `json:"flows"`
	Conntrack   told       `json:"conntrack"`
}

// drawn tells of each connection once: who took it, why it failed, or why it is not seen who took it.
type drawn struct {
	Backends map[string]int `json:"backends"`
	Failed   map[string]int `json:"failed"`
	Unseen   map[string]int `json:"unseen"`
}

// response has an error and no status where the answer did not come, or not whole.
type response struct {
	Status  int               `json:"status"`
	Seconds float64           `json:"seconds"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Sum     string            `json:"body_sha256"`
	Error   string            `json:"error"`
}

// ended tells how each connection ended, once, and how many answers all of them got.
//
//	lost      a request was sent, and no whole answer came; unopened: there was no connection; with why
//	told      an answer said that it was the last one; closed, reset: by the other side, with no request under way
//	open      it did not end in its time
type ended struct {
	Answers  int            `json:"answers"`
	Lost     map[string]int `json:"lost"`
	Told     int            `json:"told"`
	Closed   int            `json:"closed"`
	Reset    int            `json:"reset"`
	Open     int            `json:"open"`
	Unopened map[string]int `json:"unopened"`
}

// resolved has no address where nobody knows the name, and an error where that could not be asked.
type resolved struct {
	Addresses []string `json:"addresses"`
	Error     string   `json:"error"`
}

type peer struct {
	Address string `json:"address"`
	Count   int    `json:"count"`
}

// caller is one connection, by where it comes from.
type caller struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
}

// told is whether the kernel's table of connections could be read.
type told struct {
	Read  bool   `json:"read"`
	Error string `json:"error"`
}

// words says why a connection failed; the same reason has the same words, whatever the addresses.
func words(err error) string {
	var network net.Error
	var number syscall.Errno
	var request *url.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	case errors.As(err, &network) && network.Timeout():
		return "timed out"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "ended early"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}
