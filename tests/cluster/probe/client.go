package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

const patience = 2 * time.Second

// dial prints "answered by NAME", or why there is no answer in words that do not tell addresses.
func dial(arguments []string) {
	if len(arguments) != 3 {
		fmt.Println("usage: probe dial http|tcp|udp HOST PORT")
		os.Exit(64)
	}
	name, err := answer(arguments[0], net.JoinHostPort(arguments[1], arguments[2]))
	if err != nil {
		fmt.Println(reason(err))
		return
	}
	fmt.Println("answered by " + name)
}

func answer(protocol, address string) (string, error) {
	if protocol == "http" {
		client := http.Client{Timeout: patience}
		response, err := client.Get("http://" + address + "/")
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		return firstLine(bufio.NewReader(response.Body))
	}
	connection, err := net.DialTimeout(protocol, address, patience)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(patience))
	if protocol == "udp" {
		fmt.Fprintln(connection, "who")
	}
	return firstLine(bufio.NewReader(connection))
}

func firstLine(reader *bufio.Reader) (string, error) {
	line, err := reader.ReadString('\n')
	return strings.TrimSpace(line), err
}

func reason(err error) string {
	var resolver *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &resolver):
		return "no such name"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return err.Error()
}

func check(arguments []string) {
	if len(arguments) != 1 {
		fmt.Println("usage: probe check PORT")
		os.Exit(64)
	}
	client := http.Client{Timeout: patience}
	response, err := client.Get("http://127.0.0.1:" + arguments[0] + "/health")
	if err != nil || response.StatusCode != http.StatusOK {
		os.Exit(1)
	}
}
