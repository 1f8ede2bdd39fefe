package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The first line of a body: who answers. The rest of it is filling.
const identityMark = "traffic-app "

const filling = "0123456789abcdefghijklmnopqrstuvwxyz\n"

// answerOf is the body of an answer: the identity's line, and filling up to a size.
func answerOf(identity string, size int) []byte {
	line := identityMark + identity + "\n"
	missing := max(0, size-len(line))
	return []byte(line + strings.Repeat(filling, missing/len(filling)+1)[:missing])
}

// identityIn says who gave an answer of this size. The reason is empty where it is whole and the app's; else it is
// `truncated` or `foreign`.
func identityIn(body []byte, size int) (identity, reason string) {
	rest, ours := bytes.CutPrefix(body, []byte(identityMark))
	line, _, whole := bytes.Cut(rest, []byte("\n"))
	if !ours || !whole {
		return "", "foreign"
	}
	wanted := answerOf(string(line), size)
	switch {
	case bytes.Equal(body, wanted):
		return string(line), ""
	case bytes.HasPrefix(wanted, body):
		return string(line), "truncated"
	}
	return string(line), "foreign"
}

// order is what POST /orders takes, without By, and answers.
type order struct {
	ID string `json:"id"`
	By string `json:"by,omitempty"`
}

func orderIn(body []byte, id string) (identity, reason string) {
	var got order
	if json.Unmarshal(body, &got) != nil || got.By == "" {
		return "", "foreign"
	}
	if got.ID != id {
		return got.By, "foreign"
	}
	return got.By, ""
}

func (o order) text() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("an order is two strings: %v", err))
	}
	return append(text, '\n')
}
