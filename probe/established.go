package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// establishedAll says who holds connections to ports of this host; null where conntrack cannot be read.
//
// A published port has two kinds of them. What the engine's DNAT rule takes, only conntrack knows. What it does not,
// from the host itself by 127.0.0.1 or from a container beside it, ends at the engine's own proxy: a socket here, as of
// containers in the host's network. Both are counted, by all addresses of the host: what listens on one listens on all,
// as a rule, and where it does not, too many are counted and not too few.
func establishedAll(targets []target, tracker *tracker) [][]peer {
	flows, own, err := tracker.connections(true)
	if err != nil {
		return nil
	}
	made := [][]peer{}
	for _, one := range targets {
		made = append(made, peers(clients(one.to, flows, own)))
	}
	return made
}

// callersAll says the same of connections in any state, one by one.
func callersAll(targets []called, tracker *tracker) [][]caller {
	flows, own, err := tracker.connections(false)
	if err != nil {
		return nil
	}
	made := [][]caller{}
	for _, one := range targets {
		found := []caller{}
		for _, client := range clients(one.to, flows, own) {
			if address := client.Addr().String(); !slices.Contains(one.But, address) {
				found = append(found, caller{address, int(client.Port())})
			}
		}
		made = append(made, found)
	}
	return made
}

// connections are all to this host or through it, and its addresses; standing are those that are established.
func (t *tracker) connections(standing bool) (flows []flow, own []netip.Addr, err error) {
	if flows, err = t.flows(standing); err != nil {
		return nil, nil, err
	}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		more, err := sockets(file, standing)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.err = err
			return nil, nil, err
		}
		flows = append(flows, more...)
	}
	own, t.err = addresses()
	return flows, own, t.err
}

// clients are the far ends of the connections to a port of this host, each once.
func clients(to netip.AddrPort, flows []flow, own []netip.Addr) []netip.AddrPort {
	seen, made := map[netip.AddrPort]bool{}, []netip.AddrPort{}
	for _, one := range flows {
		ours := one.to.Addr() == to.Addr() || one.to.Addr().IsLoopback() || slices.Contains(own, one.to.Addr())
		if one.to.Port() != to.Port() || !ours || seen[one.from] {
			continue
		}
		seen[one.from] = true
		made = append(made, one.from)
	}
	return made
}

func peers(clients []netip.AddrPort) []peer {
	counts := map[string]int{}
	for _, one := range clients {
		counts[one.Addr().String()]++
	}
	made := []peer{}
	for address, count := range counts {
		made = append(made, peer{address, count})
	}
	slices.SortFunc(made, func(a, b peer) int { return strings.Compare(a.Address, b.Address) })
	return made
}

func addresses() ([]netip.Addr, error) {
	found, err := net.InterfaceAddrs()
	made := []netip.Addr{}
	for _, one := range found {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil {
			made = append(made, prefix.Addr().Unmap())
		}
	}
	return made, err
}

// sockets are those of a table of the kernel's that do not listen, from the peer to this side; standing are those that
// are established.
func sockets(file string, standing bool) ([]flow, error) {
	table, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	made := []flow{}
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] == "st" {
			continue
		}
		// 01 is established, 0A listens
		if state := fields[3]; state == "0A" || standing && state != "01" {
			continue
		}
		local, err := socketAddress(fields[1])
		if err != nil {
			return nil, err
		}
		remote, err := socketAddress(fields[2])
		if err != nil {
			return nil, err
		}
		made = append(made, flow{remote, local})
	}
	return made, lines.Err()
}

// socketAddress reads 0100007F:46A0: words of four bytes, each as this machine lays them in memory, and the port.
func socketAddress(text string) (netip.AddrPort, error) {
	digits, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for word := range slices.Chunk(raw, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	address, valid := netip.AddrFromSlice(raw)
	if !valid {
		return netip.AddrPort{}, errors.New("a socket's address is not understood: " + text)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), nil
}
