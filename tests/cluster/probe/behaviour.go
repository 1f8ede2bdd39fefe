package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// behaviour is what the words say:
//
//	listen=http:8080     answers / with who it is, /health by the health script; also tcp:PORT and udp:PORT
//	health=fail:5s,ok    the health script: states (ok, fail) with their times since the start, the last one lasts;
//	                     health=ok:4s,fail:4s,... begins anew at the end
//	on=TERM:linger       what a signal does: linger (never end), exit:CODE, or exit:CODE:TIME; without it TERM, INT and
//	                     QUIT end the probe with 0 at once
//	exit=CODE:TIME       ends by itself
//	count=FILE           adds a byte to a file at each start, to count them
//	as=NAME              who it says it is; without it the host name
type behaviour struct {
	listen []listener
	health script
	on     map[syscall.Signal]reaction
	exit   *reaction
	count  string
	name   string
}

type listener struct{ protocol, port string }

type reaction struct {
	linger bool
	code   int
	after  time.Duration
}

type phase struct {
	ok   bool
	time time.Duration
}

type script struct {
	phases []phase
	again  bool
}

var names = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1,
	"USR2": syscall.SIGUSR2, "TERM": syscall.SIGTERM, "WINCH": syscall.SIGWINCH, "PWR": syscall.SIGPWR,
	"ALRM": syscall.SIGALRM, "CONT": syscall.SIGCONT,
}

func behaviourOf(words []string) (*behaviour, error) {
	made := &behaviour{on: map[syscall.Signal]reaction{}}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "listen":
			err = made.addListener(value)
		case "health":
			made.health, err = scriptOf(value)
		case "on":
			err = made.addReaction(value)
		case "exit":
			var one reaction
			one, err = reactionOf("exit:" + value)
			made.exit = &one
		case "count":
			made.count = value
		case "as":
			made.name = value
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
	}
	return made, nil
}

func (b *behaviour) addListener(value string) error {
	protocol, port, _ := strings.Cut(value, ":")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return err
	}
	if protocol != "http" && protocol != "tcp" && protocol != "udp" {
		return fmt.Errorf("listens by http, tcp or udp")
	}
	b.listen = append(b.listen, listener{protocol, port})
	return nil
}

func (b *behaviour) addReaction(value string) error {
	name, rest, _ := strings.Cut(value, ":")
	number, known := names[name]
	if !known {
		return fmt.Errorf("no signal %s", name)
	}
	one, err := reactionOf(rest)
	b.on[number] = one
	return err
}

func reactionOf(value string) (reaction, error) {
	parts := strings.Split(value, ":")
	if parts[0] == "linger" && len(parts) == 1 {
		return reaction{linger: true}, nil
	}
	if parts[0] != "exit" || len(parts) < 2 || len(parts) > 3 {
		return reaction{}, fmt.Errorf("is linger, exit:CODE or exit:CODE:TIME")
	}
	code, err := strconv.Atoi(parts[1])
	if err != nil || len(parts) == 2 {
		return reaction{code: code}, err
	}
	after, err := time.ParseDuration(parts[2])
	return reaction{code: code, after: after}, err
}

func scriptOf(value string) (script, error) {
	made := script{}
	value, made.again = strings.CutSuffix(value, ",...")
	parts := strings.Split(value, ",")
	for n, part := range parts {
		state, length, timed := strings.Cut(part, ":")
		if state != "ok" && state != "fail" {
			return made, fmt.Errorf("states are ok and fail")
		}
		one := phase{ok: state == "ok"}
		if last := n == len(parts)-1; timed == (last && !made.again) {
			return made, fmt.Errorf("every state but a last one that lasts has its time")
		}
		if timed {
			var err error
			if one.time, err = time.ParseDuration(length); err != nil {
				return made, err
			}
		}
		made.phases = append(made.phases, one)
	}
	return made, nil
}

// healthy is what the script says at a time since the start.
func (s script) healthy(at time.Duration) bool {
	if len(s.phases) == 0 {
		return true
	}
	if s.again {
		var whole time.Duration
		for _, one := range s.phases {
			whole += one.time
		}
		at %= whole
	}
	for _, one := range s.phases {
		if one.time == 0 || at < one.time {
			return one.ok
		}
		at -= one.time
	}
	return s.phases[len(s.phases)-1].ok
}

func (b *behaviour) run() {
	signals := make(chan os.Signal, 16)
	for _, one := range names {
		signal.Notify(signals, one)
	}
	if b.name == "" {
		b.name, _ = os.Hostname()
	}
	if b.count != "" {
		b.countStart()
	}
	for _, one := range b.listen {
		if err := b.serve(one); err != nil {
			say("not-listening", map[string]any{"port": one.port + "/" + one.protocol, "reason": err.Error()})
		}
	}
	say("ready", nil)
	if b.exit != nil {
		go b.exit.act()
	}
	for got := range signals {
		number := got.(syscall.Signal)
		if number == syscall.SIGWINCH || number == syscall.SIGCONT {
			// a terminal sends these by itself
			if _, asked := b.on[number]; !asked {
				continue
			}
		}
		say("signal", map[string]any{"signal": signalName(number)})
		one, asked := b.on[number]
		if !asked && number != syscall.SIGTERM && number != syscall.SIGINT && number != syscall.SIGQUIT {
			continue
		}
		go one.act()
	}
}

func signalName(number syscall.Signal) string {
	for name, one := range names {
		if one == number {
			return "SIG" + name
		}
	}
	return number.String()
}

// act lingers, saying so for as long as it is let, or ends the probe.
func (r reaction) act() {
	for start := time.Now(); r.linger || time.Since(start) < r.after; time.Sleep(100 * time.Millisecond) {
		say("alive", nil)
	}
	say("exit", map[string]any{"code": r.code})
	os.Exit(r.code)
}

func (b *behaviour) countStart() {
	file, err := os.OpenFile(b.count, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = file.WriteString("+")
		file.Close()
	}
	if err != nil {
		say("not-counted", map[string]any{"reason": err.Error()})
		return
	}
	text, _ := os.ReadFile(b.count)
	say("counted", map[string]any{"starts": len(text)})
}

func (b *behaviour) serve(one listener) error {
	switch one.protocol {
	case "udp":
		socket, err := net.ListenPacket("udp", ":"+one.port)
		if err != nil {
			return err
		}
		go b.answerPackets(socket)
		return nil
	case "tcp":
		socket, err := net.Listen("tcp", ":"+one.port)
		if err != nil {
			return err
		}
		go b.answerConnections(socket)
		return nil
	}
	socket, err := net.Listen("tcp", ":"+one.port)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(writer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(writer, b.name) })
	mux.HandleFunc("/health", func(writer http.ResponseWriter, _ *http.Request) {
		well := b.health.healthy(time.Since(started))
		say("checked", map[string]any{"well": well})
		if !well {
			writer.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	go http.Serve(socket, mux)
	return nil
}

func (b *behaviour) answerPackets(socket net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		_, sender, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		socket.WriteTo([]byte(b.name+"\n"), sender)
	}
}

func (b *behaviour) answerConnections(socket net.Listener) {
	for {
		connection, err := socket.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(connection, b.name)
		connection.Close()
	}
}
