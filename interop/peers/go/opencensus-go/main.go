// OpenCensus, which OpenTelemetry replaced.
package main

import (
	"context"
	"encoding/base64"
	"net/http"

	"go.opencensus.io/plugin/ochttp/propagation/b3"
	"go.opencensus.io/plugin/ochttp/propagation/tracecontext"
	"go.opencensus.io/trace"
	"go.opencensus.io/trace/propagation"

	. "interop/peers/go/protocol"
)

// The header of gRPC, whose library encodes the values of names in `-bin` with base64.
const grpcTraceBin = "Grpc-Trace-Bin"

type binary struct{}

func (binary) SpanContextFromRequest(request *http.Request) (trace.SpanContext, bool) {
	bytes, err := base64.RawStdEncoding.DecodeString(request.Header.Get(grpcTraceBin))
	if err != nil {
		return trace.SpanContext{}, false
	}
	return propagation.FromBinary(bytes)
}

func (binary) SpanContextToRequest(span trace.SpanContext, request *http.Request) {
	request.Header.Set(grpcTraceBin, base64.RawStdEncoding.EncodeToString(propagation.Binary(span)))
}

var format = map[string]propagation.HTTPFormat{
	"w3c":            &tracecontext.HTTPFormat{},
	"b3multi":        &b3.HTTPFormat{},
	"grpc-trace-bin": binary{},
}[Config()]

func main() {
	Serve("go.opencensus.io", Peer{Inject: inject, Extract: extract, Through: through})
}

func write(span *trace.Span) Answer {
	request := http.Request{Header: http.Header{}}
	format.SpanContextToRequest(span.SpanContext(), &request)
	answer := ids(span.SpanContext())
	answer["headers"] = Pairs(request.Header)
	return answer
}

func ids(span trace.SpanContext) Answer {
	return Answer{"trace_id": span.TraceID.String(), "span_id": span.SpanID.String(), "sampled": span.IsSampled()}
}

func inject(sampled bool, _ map[string]string) (Answer, error) {
	sampler := trace.NeverSample()
	if sampled {
		sampler = trace.AlwaysSample()
	}
	_, span := trace.StartSpan(context.Background(), "root", trace.WithSampler(sampler))
	return write(span), nil
}

func extract(headers http.Header) (Answer, error) {
	span, found := format.SpanContextFromRequest(&http.Request{Header: headers})
	if !found {
		return Answer{}, nil
	}
	return ids(span), nil
}

func through(headers http.Header) (Answer, error) {
	parent, _ := format.SpanContextFromRequest(&http.Request{Header: headers})
	_, span := trace.StartSpanWithRemoteParent(context.Background(), "child", parent)
	answer := write(span)
	answer["parent"] = parent.SpanID.String()
	return answer, nil
}
