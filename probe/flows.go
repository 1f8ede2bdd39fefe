package main

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"
)

// heard are the flows of UDP to a port of this host, or to where its container answers within the engine's networks.
//
//	tracked  the kernel tracks what comes to such an address at all: a table without anything in it is of one that no
//	         rule tells to
//	kept_s   for how long, at least, it remembers a flow after its last datagram
type heard struct {
	Tracked bool    `json:"tracked"`
	Kept    float64 `json:"kept_s"`
	Flows   []sound `json:"flows"`
}

// sound is one flow. The kernel forgets it at lasts_s, in seconds since this host was started. Each datagram sets that to
// the whole of a time-out (nf_conntrack_udp_packet, nf_ct_refresh_acct), so that it stays the same while none comes; null
// where datagrams go past it, by a flow table.
type sound struct {
	Ends    string   `json:"ends"`
	Address string   `json:"address"`
	Lasts   *float64 `json:"lasts_s"`
}

const keptFile = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"

// heardAll is null where conntrack cannot be read.
func heardAll(asked []listened, tracker *tracker) []heard {
	all, since, kept, err := tracker.datagrams()
	var own []netip.Addr
	if err == nil {
		own, err = addresses()
	}
	if err != nil {
		tracker.err = err
		return nil
	}
	made := []heard{}
	for _, one := range asked {
		made = append(made, one.of(all, own, since, kept))
	}
	return made
}

func (l *listened) of(all []conntrack.Flow, own []netip.Addr, since, kept float64) heard {
	made := heard{Kept: kept, Flows: []sound{}}
	for _, one := range all {
		from, to := ends(one.TupleOrig)
		by, _ := ends(one.TupleReply)
		made.Tracked = made.Tracked || to.Addr().Is4() == l.to.Addr().Is4()
		if one.TupleOrig.Proto.Protocol != unix.IPPROTO_UDP {
			continue
		}
		ours := to.Addr() == l.to.Addr() || to.Addr().IsLoopback() || slices.Contains(own, to.Addr())
		within := slices.ContainsFunc(l.Within, func(inner target) bool { return inner.to == by })
		if !within && (to.Port() != l.to.Port() || !ours) {
			continue
		}
		found := sound{Ends: from.String() + " " + to.String(), Address: from.Addr().String()}
		if !one.Status.Offload() {
			lasts := since + float64(one.Timeout)
			found.Lasts = &lasts
		}
		made.Flows = append(made.Flows, found)
	}
	return made
}

// datagrams are all connections that the kernel tracks, of any kind, with when they were read, in seconds since this host
// was started, and for how long a flow of UDP is kept.
func (t *tracker) datagrams() (all []conntrack.Flow, since, kept float64, err error) {
	if t.err != nil {
		return nil, 0, 0, t.err
	}
	text, err := os.ReadFile(keptFile)
	if err != nil {
		return nil, 0, 0, err
	}
	if kept, err = strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err != nil {
		return nil, 0, 0, err
	}
	var clock unix.Timespec
	if err = unix.ClockGettime(unix.CLOCK_BOOTTIME, &clock); err != nil {
		return nil, 0, 0, err
	}
	all, err = t.table.Dump(nil)
	return all, float64(clock.Nano()) / 1e9, kept, err
}

// ends are where a direction of a connection comes from, and where it goes.
func ends(tuple conntrack.Tuple) (from, to netip.AddrPort) {
	return netip.AddrPortFrom(tuple.IP.SourceAddress.Unmap(), tuple.Proto.SourcePort),
		netip.AddrPortFrom(tuple.IP.DestinationAddress.Unmap(), tuple.Proto.DestinationPort)
}
