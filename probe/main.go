// The probe tries, from where it runs, what a cutover must know of there: on a node of the cluster who takes the
// connections to a Service, on a legacy host who still holds connections to a published port.
//
// It reads one JSON document (task.go) from $PODLIFT_PROBE, else from stdin, and writes one (answer.go) to stdout. Input
// that is wrong gives one line on stderr and exit code 2; what could not be tried is said in the answer, never guessed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	given, err := input()
	var what *task
	if err == nil {
		what, err = taskOf(given)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe: "+err.Error())
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(what.run()); err != nil {
		fmt.Fprintln(os.Stderr, "probe: "+err.Error())
		os.Exit(1)
	}
}

// run does one thing after another, so that none disturbs what another measures.
func (t *task) run() answer {
	tracker := openTracker()
	defer tracker.close()
	made := answer{
		Draws: []drawn{}, Asks: []response{}, Ends: []ended{}, Names: []resolved{}, Established: [][]peer{}, Callers: [][]caller{}, Flows: []heard{},
	}
	for _, one := range t.Draws {
		made.Draws = append(made.Draws, one.run(tracker))
	}
	made.Asks = askAll(t.Asks)
	for _, one := range t.Ends {
		made.Ends = append(made.Ends, one.run())
	}
	for _, one := range t.Names {
		made.Names = append(made.Names, one.run())
	}
	if len(t.Established) > 0 {
		made.Established = establishedAll(t.Established, tracker)
	}
	if len(t.Callers) > 0 {
		made.Callers = callersAll(t.Callers, tracker)
	}
	if len(t.Flows) > 0 {
		made.Flows = heardAll(t.Flows, tracker)
	}
	made.Conntrack = tracker.told()
	return made
}
