// Datadog's tracer.
package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/DataDog/dd-trace-go/v2/ddtrace/ext"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"

	. "interop/peers/go/protocol"
)

var styles = map[string]string{
	"datadog":    "datadog",
	"ot-baggage": "datadog",
	"w3c":        "tracecontext,baggage",
	"default":    "datadog,tracecontext,baggage",
	"b3":         "b3 single header",
	"b3multi":    "b3multi",
}

func main() {
	os.Setenv("DD_TRACE_PROPAGATION_STYLE", styles[Config()])
	err := tracer.Start(
		tracer.WithAgentAddr("127.0.0.1:9"),
		tracer.WithLogStartup(false),
		tracer.WithService("interop"),
	)
	if err != nil {
		panic(err)
	}
	Serve("github.com/DataDog/dd-trace-go/v2", Peer{Inject: inject, Extract: extract, Through: through})
}

func write(span *tracer.Span) (Answer, error) {
	headers := http.Header{}
	if err := tracer.Inject(span.Context(), tracer.HTTPHeadersCarrier(headers)); err != nil {
		return nil, err
	}
	answer := ids(span.Context())
	answer["headers"] = Pairs(headers)
	for key, value := range carried(headers) {
		answer[key] = value
	}
	return answer, nil
}

func ids(span *tracer.SpanContext) Answer {
	answer := Answer{"trace_id": Wide(span.TraceID()), "span_id": fmt.Sprintf("%016x", span.SpanID()), "sampled": nil}
	if priority, decided := span.SamplingPriority(); decided {
		answer["sampled"] = priority > 0
		if !strings.HasPrefix(Config(), "b3") {
			answer["priority"] = priority
		}
	}
	return answer
}

// carried is what the tracer tells only in what it writes: in its own headers, or else in its member of a tracestate.
func carried(headers http.Header) Answer {
	priority, origin := headers.Get("X-Datadog-Sampling-Priority"), headers.Get("X-Datadog-Origin")
	tags := map[string]string{}
	for _, tag := range strings.Split(headers.Get("X-Datadog-Tags"), ",") {
		if key, value, found := strings.Cut(tag, "="); found {
			tags[key] = value
		}
	}
	if headers.Get("X-Datadog-Trace-Id") == "" {
		_, member, found := strings.Cut(","+headers.Get("Tracestate"), ",dd=")
		if !found {
			return Answer{}
		}
		member, _, _ = strings.Cut(member, ",")
		for _, field := range strings.Split(member, ";") {
			key, value, _ := strings.Cut(field, ":")
			if tag, found := strings.CutPrefix(key, "t."); found {
				tags["_dd.p."+tag] = strings.ReplaceAll(value, "~", "=")
			} else if key == "s" {
				priority = value
			} else if key == "o" {
				origin = value
			}
		}
	}
	// The upper half of the trace id is no tag of its own.
	delete(tags, "_dd.p.tid")
	answer := Answer{"tags": tags}
	if priority, err := strconv.Atoi(priority); err == nil {
		answer["priority"] = priority
	}
	if origin != "" {
		answer["origin"] = origin
	}
	return answer
}

func inject(sampled bool, baggage map[string]string) (Answer, error) {
	span := tracer.StartSpan("root")
	decision := ext.ManualDrop
	if sampled {
		decision = ext.ManualKeep
	}
	span.SetTag(decision, true)
	for key, value := range baggage {
		span.SetBaggageItem(key, value)
	}
	return write(span)
}

// sorted lists headers in an order of their names. A map has none, and the tracer loses the decision maker of a trace that
// is dropped if it reads the tags before the priority.
type sorted http.Header

func (sorted sorted) ForeachKey(handler func(key, value string) error) error {
	for _, name := range slices.Sorted(maps.Keys(sorted)) {
		for _, value := range sorted[name] {
			if err := handler(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func read(headers http.Header) (*tracer.SpanContext, error) {
	return tracer.Extract(sorted(headers))
}

func extract(headers http.Header) (Answer, error) {
	context, err := read(headers)
	if errors.Is(err, tracer.ErrSpanContextNotFound) {
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
	child, err := write(tracer.StartSpan("child", tracer.ChildOf(context)))
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"origin", "tags"} {
		if value, found := child[key]; found {
			answer[key] = value
		}
	}
	return answer, nil
}

func through(headers http.Header) (Answer, error) {
	parent, err := read(headers)
	if err != nil {
		return nil, err
	}
	answer, err := write(tracer.StartSpan("child", tracer.ChildOf(parent)))
	if err == nil {
		answer["parent"] = fmt.Sprintf("%016x", parent.SpanID())
	}
	return answer, err
}
