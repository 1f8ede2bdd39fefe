package main

import (
	"net"
	"net/netip"
	"sync"
)

// So many connections at once: a draw must not look like an attack, nor fill a small backlog.
const atOnce = 8

func (d *draw) run(tracker *tracker) drawn {
	made := drawn{Backends: map[string]int{}, Failed: map[string]int{}, Unseen: map[string]int{}}
	var lock sync.Mutex
	count := func(into map[string]int, name string) {
		lock.Lock()
		defer lock.Unlock()
		into[name]++
	}
	todo := make(chan struct{}, d.Times)
	for range d.Times {
		todo <- struct{}{}
	}
	close(todo)
	var workers sync.WaitGroup
	for range min(atOnce, d.Times) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range todo {
				backend, unseen, err := d.once(tracker)
				switch {
				case err != nil:
					count(made.Failed, words(err))
				case unseen != "":
					count(made.Unseen, unseen)
				default:
					count(made.Backends, backend.String())
				}
			}
		}()
	}
	workers.Wait()
	return made
}

func (d *draw) once(tracker *tracker) (netip.AddrPort, string, error) {
	// no second try by way of another family, no keep-alive packets
	dialer := net.Dialer{Timeout: lasting(d.Timeout), KeepAlive: -1, FallbackDelay: -1}
	opened, err := dialer.Dial("tcp", d.to.String())
	if err != nil {
		return netip.AddrPort{}, "", err
	}
	connection := opened.(*net.TCPConn)
	defer connection.Close()
	// the end is a reset: nothing waits for a minute on either side
	connection.SetLinger(0)
	local := connection.LocalAddr().(*net.TCPAddr).AddrPort()
	backend, unseen := tracker.backend(netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), d.to)
	return backend, unseen, nil
}
