// Jaeger's Go client, which OpenTelemetry replaced.
package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/zipkin"

	. "interop/peers/go/protocol"
)

func main() {
	Serve("github.com/uber/jaeger-client-go", Peer{Inject: inject, Extract: extract, Through: through})
}

func tracer(sampled bool) opentracing.Tracer {
	options := []jaeger.TracerOption{jaeger.TracerOptions.Gen128Bit(true)}
	if Config() == "b3multi" {
		b3 := zipkin.NewZipkinB3HTTPHeaderPropagator()
		options = append(options,
			jaeger.TracerOptions.Injector(opentracing.HTTPHeaders, b3),
			jaeger.TracerOptions.Extractor(opentracing.HTTPHeaders, b3))
	}
	tracer, _ := jaeger.NewTracer("interop", jaeger.NewConstSampler(sampled), jaeger.NewNullReporter(), options...)
	return tracer
}

func write(tracer opentracing.Tracer, span opentracing.Span) (Answer, error) {
	headers := http.Header{}
	if err := tracer.Inject(span.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(headers)); err != nil {
		return nil, err
	}
	answer := ids(span.Context())
	answer["headers"] = Pairs(headers)
	return answer, nil
}

func ids(context opentracing.SpanContext) Answer {
	span := context.(jaeger.SpanContext)
	id := span.TraceID()
	return Answer{
		"trace_id": fmt.Sprintf("%016x%016x", id.High, id.Low),
		"span_id":  fmt.Sprintf("%016x", uint64(span.SpanID())),
		"sampled":  span.IsSampled(),
		"debug":    span.IsDebug(),
	}
}

func inject(sampled bool, baggage map[string]string) (Answer, error) {
	tracer := tracer(sampled)
	span := tracer.StartSpan("root")
	for key, value := range baggage {
		span.SetBaggageItem(key, value)
	}
	return write(tracer, span)
}

func extract(headers http.Header) (Answer, error) {
	context, err := tracer(true).Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(headers))
	if errors.Is(err, opentracing.ErrSpanContextNotFound) {
		return Answer{}, nil
	}
	if err != nil {
		return nil, err
	}
	answer := ids(context)
	baggage := map[string]string{}
	context.ForeachBaggageItem(func(key, value string) bool {
		baggage[key] = value
		return true
	})
	answer["baggage"] = baggage
	return answer, nil
}

func through(headers http.Header) (Answer, error) {
	tracer := tracer(true)
	parent, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(headers))
	if err != nil {
		return nil, err
	}
	answer, err := write(tracer, tracer.StartSpan("child", opentracing.ChildOf(parent)))
	if err == nil {
		answer["parent"] = ids(parent)["span_id"]
	}
	return answer, err
}
