package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// More is a mistake: a whole range of ports would be in use at once.
	mostTimes = 20_000
	longest   = 600.0
)

// task is what is to be tried.
//
//	draws        fresh connections to a target, each closed at once
//	asks         requests of HTTP, or with kind "tcp" connections that are only opened
//	established  who holds connections to a port of this host
//	ends         connections that are used again and again until what is asked ends
//	names        what a name's addresses are
//	callers      each connection to it in any state, also one that ended lately, but from some addresses
//	flows        flows of UDP to a port of this host
type task struct {
	Draws       []draw     `json:"draws"`
	Asks        []ask      `json:"asks"`
	Ends        []end      `json:"ends"`
	Names       []named    `json:"names"`
	Established []target   `json:"established"`
	Callers     []called   `json:"callers"`
	Flows       []listened `json:"flows"`
}

type target struct {
	Address string `json:"address"`
	Port    int    `json:"port"`

	to netip.AddrPort
}

type draw struct {
	target
	Times   int     `json:"times"`
	Timeout float64 `json:"timeout_s"`
}

type called struct {
	target
	But []string `json:"but"`
}

// listened has with it where the port's container answers within the engine's networks.
type listened struct {
	target
	Within []target `json:"within"`
}

type ask struct {
	target
	Kind    string            `json:"kind"`
	Scheme  string            `json:"scheme"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Timeout float64           `json:"timeout_s"`
}

type end struct {
	ask
	Connections int     `json:"connections"`
	Seconds     float64 `json:"seconds"`
}

type named struct {
	Name    string  `json:"name"`
	Timeout float64 `json:"timeout_s"`
}

// input is the document: in a pod there is no stdin to write to, so it may stand in the environment.
func input() ([]byte, error) {
	if text := os.Getenv("PODLIFT_PROBE"); text != "" {
		return []byte(text), nil
	}
	return io.ReadAll(os.Stdin)
}

func taskOf(text []byte) (*task, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	made := &task{}
	if err := decoder.Decode(made); errors.Is(err, io.EOF) {
		return nil, errors.New("there is no input: one JSON document is expected on stdin")
	} else if err != nil {
		return nil, fmt.Errorf("the input is not understood: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the input has more than one document")
	}
	for _, err := range []error{
		checked("draws", made.Draws),
		checked("asks", made.Asks),
		checked("ends", made.Ends),
		checked("names", made.Names),
		checked("established", made.Established),
		checked("callers", made.Callers),
		checked("flows", made.Flows),
	} {
		if err != nil {
			return nil, err
		}
	}
	return made, nil
}

// checked is what is wrong with the first of a list that is wrong.
func checked[T any, P interface {
	*T
	check() error
}](name string, all []T) error {
	for at := range all {
		if err := P(&all[at]).check(); err != nil {
			return fmt.Errorf("%s[%d]: %w", name, at, err)
		}
	}
	return nil
}

func (t *target) check() error {
	address, err := netip.ParseAddr(t.Address)
	if err != nil {
		return fmt.Errorf("address %q is no IP address", t.Address)
	}
	if t.Port < 1 || t.Port > 65535 {
		return fmt.Errorf("port %d is none", t.Port)
	}
	t.to = netip.AddrPortFrom(address.Unmap(), uint16(t.Port))
	return nil
}

func (l *listened) check() error {
	if err := l.target.check(); err != nil {
		return err
	}
	return checked("within", l.Within)
}

func (d *draw) check() error {
	if err := d.target.check(); err != nil {
		return err
	}
	if d.Times < 1 || d.Times > mostTimes {
		return fmt.Errorf("times %d is not from 1 to %d", d.Times, mostTimes)
	}
	return checkTimeout(&d.Timeout)
}

func (a *ask) check() error {
	if err := a.target.check(); err != nil {
		return err
	}
	if err := checkTimeout(&a.Timeout); err != nil {
		return err
	}
	a.Kind, a.Scheme = orElse(a.Kind, "http"), orElse(a.Scheme, "http")
	a.Method, a.Path = orElse(a.Method, "GET"), orElse(a.Path, "/")
	switch {
	case a.Kind != "http" && a.Kind != "tcp":
		return fmt.Errorf("kind %q is neither http nor tcp", a.Kind)
	case a.Scheme != "http" && a.Scheme != "https":
		return fmt.Errorf("scheme %q is neither http nor https", a.Scheme)
	case !strings.HasPrefix(a.Path, "/"):
		return fmt.Errorf("path %q does not begin with /", a.Path)
	}
	if _, err := url.ParseRequestURI(a.Path); err != nil {
		return fmt.Errorf("path %q is none", a.Path)
	}
	return nil
}

func (e *end) check() error {
	if err := e.ask.check(); err != nil {
		return err
	}
	switch {
	case e.Kind != "http" || e.Method != "GET":
		return errors.New("only GET of HTTP can be asked again and again")
	case e.Connections < 1 || e.Connections > 2*atOnce:
		return fmt.Errorf("connections %d is not from 1 to %d", e.Connections, 2*atOnce)
	case e.Seconds <= 0 || e.Seconds > longest:
		return fmt.Errorf("seconds %g is not from 0 to %g", e.Seconds, longest)
	}
	return nil
}

func (n *named) check() error {
	if n.Name == "" {
		return errors.New("there is no name")
	}
	return checkTimeout(&n.Timeout)
}

func checkTimeout(seconds *float64) error {
	if *seconds == 0 {
		*seconds = 2
	}
	if *seconds < 0 || *seconds > longest {
		return fmt.Errorf("timeout_s %g is not from 0 to %g", *seconds, longest)
	}
	return nil
}

func orElse(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

func lasting(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
