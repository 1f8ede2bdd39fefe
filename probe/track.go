package main

import (
	"errors"
	"net/netip"
	"syscall"

	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"
)

// tracker reads the kernel's table of connections in the network namespace of this process.
type tracker struct {
	table *conntrack.Conn
	err   error
}

func openTracker() *tracker {
	table, err := conntrack.Dial(nil)
	if err == nil {
		// one that may not be read opens all the same: a flow that cannot be is asked for
		probe := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)
		if _, err = get(table, probe, probe); errors.Is(err, syscall.ENOENT) {
			err = nil
		}
	}
	if err != nil && table != nil {
		table.Close()
		table = nil
	}
	return &tracker{table, err}
}

func (t *tracker) close() {
	if t.table != nil {
		t.table.Close()
	}
}

func (t *tracker) told() told {
	if t.err != nil {
		return told{Error: words(t.err)}
	}
	return told{Read: true}
}

// backend is where the packets of a connection of this host really go: what answers it is the source of its replies.
// unseen says why that is not known.
func (t *tracker) backend(from, to netip.AddrPort) (backend netip.AddrPort, unseen string) {
	if t.err != nil {
		return backend, "conntrack cannot be read: " + words(t.err)
	}
	flow, err := get(t.table, from, to)
	if errors.Is(err, syscall.ENOENT) {
		return backend, "conntrack does not know the connection"
	}
	if err != nil {
		return backend, "conntrack cannot be read: " + words(err)
	}
	reply := flow.TupleReply
	return netip.AddrPortFrom(reply.IP.SourceAddress.Unmap(), reply.Proto.SourcePort), ""
}

func get(table *conntrack.Conn, from, to netip.AddrPort) (conntrack.Flow, error) {
	wanted := conntrack.Flow{TupleOrig: conntrack.Tuple{
		IP: conntrack.IPTuple{SourceAddress: from.Addr(), DestinationAddress: to.Addr()},
		Proto: conntrack.ProtoTuple{
			Protocol: unix.IPPROTO_TCP, SourcePort: from.Port(), DestinationPort: to.Port(),
		},
	}}
	return table.Get(wanted)
}

// flow is a connection by its two ends, as the first of them sees it.
type flow struct{ from, to netip.AddrPort }

// The kernel's enum tcp_conntrack.
const established = 3

// flows are the TCP connections, with where they were first sent to; standing are those that are established.
func (t *tracker) flows(standing bool) ([]flow, error) {
	if t.err != nil {
		return nil, t.err
	}
	all, err := t.table.Dump(nil)
	if err != nil {
		t.err = err
		return nil, err
	}
	made := []flow{}
	for _, one := range all {
		if one.ProtoInfo.TCP == nil || standing && one.ProtoInfo.TCP.State != established {
			continue
		}
		from, to := ends(one.TupleOrig)
		made = append(made, flow{from, to})
	}
	return made, nil
}
