// Elastic's agent. It writes its old header next to that of W3C, and reads it where the other is absent.
package main

import (
	"net/http"

	"go.elastic.co/apm/module/apmhttp/v2"
	"go.elastic.co/apm/v2"
	"go.elastic.co/apm/v2/transport/transporttest"

	. "interop/peers/go/protocol"
)

var tracer, tracerError = apm.NewTracerOptions(apm.TracerOptions{Transport: transporttest.Discard})

func main() {
	Serve("go.elastic.co/apm/v2", Peer{Inject: inject, Extract: extract, Through: through})
}

func inject(sampled bool, _ map[string]string) (Answer, error) {
	if tracerError != nil {
		return nil, tracerError
	}
	ratio := 0.0
	if sampled {
		ratio = 1
	}
	tracer.SetSampler(apm.NewRatioSampler(ratio))
	defer tracer.SetSampler(apm.NewRatioSampler(1))
	return write(tracer.StartTransaction("root", "request")), nil
}

func write(transaction *apm.Transaction) Answer {
	defer transaction.End()
	request := http.Request{Header: http.Header{}}
	apmhttp.SetHeaders(&request, transaction.TraceContext(), transaction.ShouldPropagateLegacyHeader())
	headers := request.Header
	if Config() == "elastic" {
		headers = http.Header{apmhttp.ElasticTraceparentHeader: headers[apmhttp.ElasticTraceparentHeader]}
	}
	return Answer{
		"headers":  Pairs(headers),
		"trace_id": transaction.TraceContext().Trace.String(),
		"span_id":  transaction.TraceContext().Span.String(),
		"sampled":  transaction.Sampled(),
	}
}

func start(headers http.Header) *apm.Transaction {
	transaction, _ := apmhttp.StartTransaction(tracer, "child", &http.Request{Header: headers})
	return transaction
}

func extract(headers http.Header) (Answer, error) {
	transaction := start(headers)
	defer transaction.Discard()
	parent := transaction.ParentID()
	if parent == (apm.SpanID{}) {
		return Answer{}, nil
	}
	id := transaction.TraceContext().Trace.String()
	return Answer{"trace_id": id, "span_id": parent.String(), "sampled": transaction.Sampled()}, nil
}

func through(headers http.Header) (Answer, error) {
	transaction := start(headers)
	parent := transaction.ParentID().String()
	answer := write(transaction)
	answer["parent"] = parent
	return answer, nil
}
