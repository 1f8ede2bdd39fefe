package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// of a body, as text
	mostText = 64 << 10
	// a body that does not end is no answer
	mostBody = 256 << 20
)

// askAll asks different targets at once, and each of them one thing after another, in the order of the task.
func askAll(asks []ask) []response {
	made := make([]response, len(asks))
	each := map[target][]int{}
	for at, one := range asks {
		each[one.target] = append(each[one.target], at)
	}
	places := make(chan struct{}, 2*atOnce)
	var workers sync.WaitGroup
	for _, indices := range each {
		workers.Add(1)
		go func() {
			defer workers.Done()
			places <- struct{}{}
			defer func() { <-places }()
			for _, at := range indices {
				made[at] = asks[at].run()
			}
		}()
	}
	workers.Wait()
	return made
}

func (a *ask) run() response {
	limited, cancel := context.WithTimeout(context.Background(), lasting(a.Timeout))
	defer cancel()
	start := time.Now()
	made, err := response{Headers: map[string]string{}}, error(nil)
	if a.Kind == "tcp" {
		err = a.open(limited)
	} else {
		err = a.request(limited, &made)
	}
	if err != nil {
		made = response{Headers: map[string]string{}, Error: words(err)}
	}
	made.Seconds = time.Since(start).Seconds()
	return made
}

func (a *ask) open(limited context.Context) error {
	connection, err := new(net.Dialer).DialContext(limited, "tcp", a.to.String())
	if err != nil {
		return err
	}
	return connection.Close()
}

func (a *ask) request(limited context.Context, made *response) error {
	request, err := http.NewRequestWithContext(limited, a.Method, a.Scheme+"://"+a.to.String()+a.Path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "podlift-probe")
	for name, value := range a.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
		} else {
			request.Header.Set(name, value)
		}
	}
	client := http.Client{
		Transport: &http.Transport{
			DisableKeepAlives:  true,
			DisableCompression: true,
			// as the kubelet's checks: what an instance shows is seldom signed for its address
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	got, err := client.Do(request)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	sum, text := sha256.New(), &strings.Builder{}
	if _, err := io.CopyN(io.MultiWriter(sum, text), got.Body, mostText); err == nil {
		var more int64
		if more, err = io.Copy(sum, io.LimitReader(got.Body, mostBody)); err != nil {
			return err
		} else if more == mostBody {
			return errors.New("the body does not end")
		}
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	made.Status, made.Body, made.Sum = got.StatusCode, textOf(text.String()), hex.EncodeToString(sum.Sum(nil))
	for name, values := range got.Header {
		made.Headers[name] = strings.Join(values, ", ")
	}
	return nil
}

// textOf is a body, without a letter that was cut in two; "" where it is no text.
func textOf(body string) string {
	for cut := 0; cut < utf8.UTFMax && cut <= len(body); cut++ {
		if part := body[:len(body)-cut]; utf8.ValidString(part) {
			return part
		}
	}
	return ""
}
