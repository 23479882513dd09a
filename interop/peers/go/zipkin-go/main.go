// Zipkin's Go tracer.
package main

import (
	"net/http"

	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/openzipkin/zipkin-go/reporter"

	. "interop/peers/go/protocol"
)

func main() {
	Serve("github.com/openzipkin/zipkin-go", Peer{Inject: inject, Extract: extract, Through: through})
}

func write(span model.SpanContext) (Answer, error) {
	var options []b3.InjectOption
	if Config() == "b3" {
		options = append(options, b3.WithSingleHeaderOnly())
	}
	request := http.Request{Header: http.Header{}}
	if err := b3.InjectHTTP(&request, options...)(span); err != nil {
		return nil, err
	}
	answer := ids(span)
	answer["headers"] = Pairs(request.Header)
	return answer, nil
}

func ids(span model.SpanContext) Answer {
	answer := Answer{"trace_id": Wide(span.TraceID.String()), "span_id": span.ID.String(), "debug": span.Debug, "sampled": nil}
	if span.Debug {
		answer["sampled"] = true
	} else if span.Sampled != nil {
		answer["sampled"] = *span.Sampled
	}
	return answer
}

func tracer(sampled bool) (*zipkin.Tracer, error) {
	sampler := func(uint64) bool { return sampled }
	return zipkin.NewTracer(reporter.NewNoopReporter(), zipkin.WithSampler(sampler), zipkin.WithTraceID128Bit(true))
}

func read(headers http.Header) (model.SpanContext, error) {
	span, err := b3.ExtractHTTP(&http.Request{Header: headers})()
	if err != nil {
		return model.SpanContext{}, err
	}
	return *span, nil
}

func inject(sampled bool, _ map[string]string) (Answer, error) {
	tracer, err := tracer(sampled)
	if err != nil {
		return nil, err
	}
	return write(tracer.StartSpan("root").Context())
}

func extract(headers http.Header) (Answer, error) {
	span, err := read(headers)
	if err != nil || span.TraceID.Empty() {
		return Answer{}, err
	}
	return ids(span), nil
}

func through(headers http.Header) (Answer, error) {
	parent, err := read(headers)
	if err != nil {
		return nil, err
	}
	tracer, err := tracer(true)
	if err != nil {
		return nil, err
	}
	answer, err := write(tracer.StartSpan("child", zipkin.Parent(parent)).Context())
	if err == nil {
		answer["parent"] = parent.ID.String()
	}
	return answer, err
}
