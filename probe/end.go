package main

import (
	"bufio"
	"crypto/tls"
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

// Between two requests of a connection it is idle so long, and may be closed; or a request is under way so long, sent in
// two parts, and has to be answered.
const (
	idle     = 50 * time.Millisecond
	underWay = 200 * time.Millisecond
)

// run holds connections that are used again and again, until each has ended or the time is over: one half is idle nearly
// always, on the other a request is under way nearly always.
func (e *end) run() ended {
	made := ended{Lost: map[string]int{}, Unopened: map[string]int{}}
	var lock sync.Mutex
	var workers sync.WaitGroup
	for number := range e.Connections {
		workers.Add(1)
		go func() {
			defer workers.Done()
			answers, how, err := e.hold(number%2 == 1, time.Now().Add(lasting(e.Seconds)))
			lock.Lock()
			defer lock.Unlock()
			made.Answers += answers
			switch how {
			case unopened:
				made.Unopened[words(err)]++
			case lost:
				made.Lost[words(err)]++
			case toldLast:
				made.Told++
			case closed:
				made.Closed++
			case reset:
				made.Reset++
			case open:
				made.Open++
			}
		}()
	}
	workers.Wait()
	return made
}

type ending int

const (
	unopened ending = iota // it could not be made
	lost                   // a request was sent, and no whole answer came
	toldLast               // an answer said that it was the last one
	closed                 // closed by the other side, with no request under way
	reset                  // the same, by a reset
	open                   // the time was over first
)

func (e *end) hold(slow bool, until time.Time) (answers int, how ending, err error) {
	connection, err := e.dial()
	if err != nil {
		return 0, unopened, err
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for time.Now().Before(until) {
		connection.SetDeadline(time.Now().Add(lasting(e.Timeout)))
		last, err := e.once(connection, reader, slow)
		if err != nil {
			return answers, lost, err
		}
		answers++
		if last {
			return answers, toldLast, nil
		}
		if slow {
			continue
		}
		connection.SetReadDeadline(time.Now().Add(idle))
		switch _, err := reader.Peek(1); {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, syscall.ECONNRESET):
			return answers, reset, nil
		case err != nil:
			return answers, closed, nil
		}
	}
	return answers, open, nil
}

func (e *end) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: lasting(e.Timeout)}
	if e.Scheme == "https" {
		return tls.DialWithDialer(&dialer, "tcp", e.to.String(), &tls.Config{InsecureSkipVerify: true})
	}
	return dialer.Dial("tcp", e.to.String())
}

// once sends a request and reads its answer to the end; last is whether the other side closes behind it.
func (e *end) once(connection net.Conn, reader *bufio.Reader, slow bool) (last bool, err error) {
	host, head := e.to.String(), strings.Builder{}
	for name, value := range e.Headers {
		if strings.EqualFold(name, "Host") {
			host = value
		} else {
			fmt.Fprintf(&head, "%s: %s\r\n", name, value)
		}
	}
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\n", e.Path, host); err != nil {
		return false, err
	}
	if slow {
		time.Sleep(underWay)
	}
	if _, err := fmt.Fprintf(connection, "User-Agent: podlift-probe\r\n%s\r\n", head.String()); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, mostBody)); err != nil {
		return false, err
	}
	return answer.Close, nil
}
