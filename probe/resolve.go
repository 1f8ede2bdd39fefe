package main

import (
	"context"
	"errors"
	"net"
)

// run asks as any program here would, by /etc/hosts and /etc/resolv.conf with its search list.
func (n *named) run() resolved {
	limited, cancel := context.WithTimeout(context.Background(), lasting(n.Timeout))
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(limited, n.Name)
	made := resolved{Addresses: found}
	var missing *net.DNSError
	switch {
	case errors.As(err, &missing) && missing.IsNotFound:
		made.Addresses = []string{}
	case err != nil:
		made.Addresses, made.Error = []string{}, words(err)
	}
	return made
}
