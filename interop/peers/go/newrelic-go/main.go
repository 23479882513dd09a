// New Relic's agent, in the mode that sends nothing: what it understood is in the data that it would write for Lambda.
//
// Its sampler decides, whatever the caller did: the first ten transactions of an application are sampled. So each
// request has an application of its own.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/newrelic/go-agent/v3/newrelic"

	. "interop/peers/go/protocol"
)

func main() {
	Serve("github.com/newrelic/go-agent/v3", Peer{Inject: inject, Extract: extract, Through: through})
}

func application() (*newrelic.Application, error) {
	return newrelic.NewApplication(
		newrelic.ConfigAppName("interop"),
		newrelic.ConfigDistributedTracerEnabled(true),
		func(config *newrelic.Config) {
			config.ServerlessMode.Enabled = true
			config.ServerlessMode.AccountID = "1"
			config.ServerlessMode.TrustedAccountKey = "1"
			config.ServerlessMode.PrimaryAppID = "2"
			config.DistributedTracer.ExcludeNewRelicHeader = Config() == "w3c"
		})
}

func write(transaction *newrelic.Transaction) Answer {
	headers := http.Header{}
	transaction.InsertDistributedTraceHeaders(headers)
	ids := transaction.GetTraceMetadata()
	if Config() == "newrelic" {
		headers = http.Header{newrelic.DistributedTraceNewRelicHeader: headers[newrelic.DistributedTraceNewRelicHeader]}
	}
	return Answer{"headers": Pairs(headers), "trace_id": ids.TraceID, "span_id": ids.SpanID, "sampled": transaction.IsSampled()}
}

func inject(bool, map[string]string) (Answer, error) {
	app, err := application()
	if err != nil {
		return nil, err
	}
	return write(app.StartTransaction("root")), nil
}

func start(headers http.Header) (*newrelic.Application, *newrelic.Transaction, error) {
	app, err := application()
	if err != nil {
		return nil, nil, err
	}
	transaction := app.StartTransaction("child")
	transaction.AcceptDistributedTraceHeaders(newrelic.TransportHTTP, headers)
	return app, transaction, nil
}

// parent ends a transaction, and returns the caller's span.
func parent(app *newrelic.Application, transaction *newrelic.Transaction) (string, error) {
	transaction.End()
	var lines bytes.Buffer
	app.Private.(interface {
		ServerlessWrite(arn string, writer io.Writer)
	}).ServerlessWrite("", &lines)
	var line [4]any
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		return "", err
	}
	packed, _ := line[3].(string)
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return "", err
	}
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	var data struct {
		Events [3]json.RawMessage `json:"analytic_event_data"`
	}
	if err := json.NewDecoder(reader).Decode(&data); err != nil {
		return "", err
	}
	var events [][]struct{ ParentSpanID string }
	if err := json.Unmarshal(data.Events[2], &events); err != nil {
		return "", err
	}
	if len(events) == 0 || len(events[0]) == 0 {
		return "", errors.New("no event")
	}
	return events[0][0].ParentSpanID, nil
}

func extract(headers http.Header) (Answer, error) {
	app, transaction, err := start(headers)
	if err != nil {
		return nil, err
	}
	id, sampled := transaction.GetTraceMetadata().TraceID, transaction.IsSampled()
	parent, err := parent(app, transaction)
	if err != nil || parent == "" {
		return Answer{}, err
	}
	return Answer{"trace_id": id, "span_id": parent, "sampled": sampled}, nil
}

func through(headers http.Header) (Answer, error) {
	app, transaction, err := start(headers)
	if err != nil {
		return nil, err
	}
	answer := write(transaction)
	answer["parent"], err = parent(app, transaction)
	return answer, err
}
