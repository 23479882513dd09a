// Sentry's SDK.
package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/getsentry/sentry-go"

	. "interop/peers/go/protocol"
)

func main() {
	err := sentry.Init(sentry.ClientOptions{
		Dsn:              "http://key@127.0.0.1:9/1",
		EnableTracing:    true,
		TracesSampleRate: 1,
		Release:          "interop@1",
	})
	if err != nil {
		panic(err)
	}
	Serve("github.com/getsentry/sentry-go", Peer{Inject: inject, Extract: extract, Through: through})
}

func write(span *sentry.Span) Answer {
	headers := http.Header{}
	headers.Set(sentry.SentryTraceHeader, span.ToSentryTrace())
	headers.Set(sentry.SentryBaggageHeader, span.ToBaggage())
	return Answer{
		"headers":          Pairs(headers),
		"trace_id":         span.TraceID.String(),
		"span_id":          span.SpanID.String(),
		"sampled":          span.Sampled.Bool(),
		"sampling_context": samplingContext(span),
	}
}

// samplingContext is frozen: what a caller began is what the next service gets.
func samplingContext(span *sentry.Span) map[string]string {
	context, err := sentry.DynamicSamplingContextFromHeader([]byte(span.ToBaggage()))
	if err != nil {
		panic(err)
	}
	return context.Entries
}

func inject(sampled bool, _ map[string]string) (Answer, error) {
	decision := sentry.SampledFalse
	if sampled {
		decision = sentry.SampledTrue
	}
	return write(sentry.StartTransaction(context.Background(), "root", sentry.WithSpanSampled(decision))), nil
}

func start(headers http.Header) *sentry.Span {
	request := http.Request{Header: headers}
	return sentry.StartTransaction(context.Background(), "child", sentry.ContinueFromRequest(&request))
}

func extract(headers http.Header) (Answer, error) {
	span := start(headers)
	if span.ParentSpanID == (sentry.SpanID{}) {
		return Answer{}, nil
	}
	return Answer{
		"trace_id":         span.TraceID.String(),
		"span_id":          span.ParentSpanID.String(),
		"sampled":          span.Sampled.Bool(),
		"sampling_context": samplingContext(span),
	}, nil
}

func through(headers http.Header) (Answer, error) {
	span := start(headers)
	answer := write(span)
	answer["parent"] = fmt.Sprint(span.ParentSpanID)
	return answer, nil
}
