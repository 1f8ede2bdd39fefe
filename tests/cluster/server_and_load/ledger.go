package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// ledger holds the IDs of orders, in memory and, where it has a file, there: an ID is in the file before it is answered.
type ledger struct {
	sync.Mutex
	ids  []string
	file *os.File
}

// openLedger appends to a file; in a folder it takes one of the identity's name, so that many may share the folder.
func openLedger(path, identity string) (*ledger, error) {
	if path == "" {
		return &ledger{}, nil
	}
	if at, err := os.Stat(path); err == nil && at.IsDir() {
		path = filepath.Join(path, strings.ReplaceAll(identity, "/", "-"))
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return &ledger{file: file}, err
}

func (l *ledger) add(id string) error {
	l.Lock()
	defer l.Unlock()
	if l.file != nil {
		// one write: no reader, and no end of this process, sees half a line
		if _, err := l.file.WriteString(id + "\n"); err != nil {
			return fmt.Errorf("the ledger: %w", err)
		}
	}
	l.ids = append(l.ids, id)
	return nil
}

func (l *ledger) write(w io.Writer) {
	l.Lock()
	ids := l.ids[:len(l.ids):len(l.ids)]
	l.Unlock()
	for _, id := range ids {
		if _, err := fmt.Fprintln(w, id); err != nil {
			return
		}
	}
}
