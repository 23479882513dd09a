// Package protocol speaks JSON lines with the driver, see interop/README.md.
package protocol

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// Answer is what a peer says of one request.
type Answer map[string]any

// Peer does what the driver asks for.
type Peer struct {
	Inject  func(sampled bool, baggage map[string]string) (Answer, error)
	Extract func(headers http.Header) (Answer, error)
	Through func(headers http.Header) (Answer, error)
}

type request struct {
	Do      string
	Sampled bool
	Baggage map[string]string
	Headers [][2]string
}

// Config is the configuration that the driver chose.
func Config() string {
	return os.Args[1]
}

// Serve answers requests until the input ends. The module names the package, whose version is told.
func Serve(module string, peer Peer) {
	answers := json.NewEncoder(os.Stdout)
	// Packages may print.
	os.Stdout = os.Stderr
	say := func(answer Answer) {
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
	say(Answer{"peer": filepath.Base(os.Args[0]), "version": version(module), "language": "go", "config": Config()})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var request request
		err := json.Unmarshal(lines.Bytes(), &request)
		var answer Answer
		if err == nil {
			answer, err = peer.answer(request)
		}
		if err != nil {
			answer = Answer{"error": err.Error()}
		}
		say(answer)
	}
}

func (peer Peer) answer(request request) (Answer, error) {
	headers := http.Header{}
	for _, header := range request.Headers {
		headers.Add(header[0], header[1])
	}
	switch request.Do {
	case "inject":
		return peer.Inject(request.Sampled, request.Baggage)
	case "extract":
		return peer.Extract(headers)
	case "through":
		return peer.Through(headers)
	}
	return nil, fmt.Errorf("unknown request %q", request.Do)
}

// Pairs lists headers as the driver wants them.
func Pairs(headers http.Header) [][2]string {
	pairs := [][2]string{}
	for name, values := range headers {
		for _, value := range values {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	return pairs
}

// Wide pads a trace id to 32 digits.
func Wide(id string) string {
	return strings.Repeat("0", max(0, 32-len(id))) + id
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(strings.TrimSuffix(dependency.Version, "+incompatible"), "v")
		}
	}
	panic("not built with " + module)
}
