// OpenTelemetry's SDK with its propagators.
package main

import (
	"context"
	"net/http"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/contrib/propagators/ot"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	. "interop/peers/go/protocol"
)

var propagators = map[string]propagation.TextMapPropagator{
	"w3c":     propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	"b3":      b3.New(b3.WithInjectEncoding(b3.B3SingleHeader)),
	"b3multi": b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)),
	"jaeger":  jaeger.Jaeger{},
	"ottrace": ot.OT{},
	"xray":    xray.Propagator{},
}

var propagator = propagators[Config()]

func main() {
	Serve("go.opentelemetry.io/otel/sdk", Peer{Inject: inject, Extract: extract, Through: through})
}

func start(ctx context.Context, sampled bool) Answer {
	sampler := sdk.NeverSample()
	if sampled {
		sampler = sdk.AlwaysSample()
	}
	provider := sdk.NewTracerProvider(sdk.WithSampler(sdk.ParentBased(sampler)))
	ctx, span := provider.Tracer("interop").Start(ctx, "span")
	headers := http.Header{}
	propagator.Inject(ctx, propagation.HeaderCarrier(headers))
	answer := ids(span.SpanContext())
	answer["headers"] = Pairs(headers)
	return answer
}

func ids(span trace.SpanContext) Answer {
	return Answer{"trace_id": span.TraceID().String(), "span_id": span.SpanID().String(), "sampled": span.IsSampled()}
}

func read(headers http.Header) (context.Context, trace.SpanContext) {
	ctx := propagator.Extract(context.Background(), propagation.HeaderCarrier(headers))
	return ctx, trace.SpanContextFromContext(ctx)
}

func inject(sampled bool, items map[string]string) (Answer, error) {
	var all baggage.Baggage
	for key, value := range items {
		member, err := baggage.NewMemberRaw(key, value)
		if err != nil {
			return nil, err
		}
		if all, err = all.SetMember(member); err != nil {
			return nil, err
		}
	}
	return start(baggage.ContextWithBaggage(context.Background(), all), sampled), nil
}

func extract(headers http.Header) (Answer, error) {
	ctx, span := read(headers)
	if !span.IsValid() {
		return Answer{}, nil
	}
	answer := ids(span)
	items := map[string]string{}
	for _, member := range baggage.FromContext(ctx).Members() {
		items[member.Key()] = member.Value()
	}
	answer["baggage"] = items
	return answer, nil
}

func through(headers http.Header) (Answer, error) {
	ctx, parent := read(headers)
	answer := start(ctx, true)
	answer["parent"] = parent.SpanID().String()
	return answer, nil
}
