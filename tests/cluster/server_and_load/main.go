// A server whose answers can be told from all others, and a load for it that sees every request that is lost.
//
//	traffic app [FLAG...]     the server (app.go)
//	traffic load [FLAG...]    the load (load.go); its report, one document of JSON, is its standard output
//
// `traffic app -h` and `traffic load -h` list the flags; more of the app's may stand in the variable APP.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "app":
			os.Exit(serve(append(strings.Fields(os.Getenv("APP")), os.Args[2:]...)))
		case "load":
			os.Exit(load(os.Args[2:]))
		}
	}
	fmt.Fprintln(os.Stderr, "traffic: say `app` or `load`")
	os.Exit(64)
}
