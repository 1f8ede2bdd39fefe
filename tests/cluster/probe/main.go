// The probe tells what a program can observe from inside, and behaves as its arguments say.
//
//	probe [WORD...]              reports, then behaves; words that are none of behaviour.go's are only arguments
//	probe dial PROTOCOL HOST PORT    says on one line who answers, or why nobody does
//	probe check PORT             ends with 0 where the health script of the probe on this port says so, else with 1
//
// What it prints is one line of JSON after "probe: ", so that a log may hold other lines too. It reads files and never
// needs a writable one.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

var started = time.Now()

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "dial":
			dial(os.Args[2:])
			return
		case "check":
			check(os.Args[2:])
			return
		}
	}
	words := append(strings.Fields(os.Getenv("PROBE")), os.Args[1:]...)
	behaviour, err := behaviourOf(words)
	if err != nil {
		say("refused", map[string]any{"reason": err.Error()})
		os.Exit(64)
	}
	// what the report sees must not depend on what the behaviour opens
	say("report", map[string]any{"facts": report()})
	behaviour.run()
}

// say prints one event; "time" is in seconds since 1970, so that it can be told from what was done outside.
func say(event string, more map[string]any) {
	body := map[string]any{"event": event, "time": float64(time.Now().UnixMicro()) / 1e6}
	for key, value := range more {
		body[key] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	fmt.Printf("probe: %s\n", text)
}
