package interop;

import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.BaggageBuilder;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** OpenTelemetry's agent, and Datadog's, which implements the same interface. */
final class OpenTelemetryAgentPeer implements Peer {
    private static final TextMapGetter<Map<String, String>> GETTER = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(Map<String, String> headers) {
            return headers.keySet();
        }

        @Override
        public String get(Map<String, String> headers, String name) {
            return headers.get(name);
        }
    };

    private final TextMapPropagator propagator = GlobalOpenTelemetry.getPropagators().getTextMapPropagator();

    private Map<String, Object> start(Context parent, boolean sampled) {
        Span span = GlobalOpenTelemetry.getTracer("interop").spanBuilder("span").setParent(parent).startSpan();
        if (!sampled) {
            // Datadog's attribute.
            span.setAttribute("manual.drop", true);
        }
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        propagator.inject(parent.with(span), headers, Map::put);
        SpanContext context = span.getSpanContext();
        Map<String, Object> answer = Peer.written(headers, context.getTraceId(), context.getSpanId(), context.isSampled());
        carry(headers, answer);
        span.end();
        return answer;
    }

    /** What Datadog tells only in what it writes: in its own headers, or else in its member of a tracestate. */
    private static void carry(Map<String, String> headers, Map<String, Object> answer) {
        String priority = headers.get("x-datadog-sampling-priority");
        String origin = headers.get("x-datadog-origin");
        Map<String, String> tags = pairs(headers.getOrDefault("x-datadog-tags", ""), ",", "=");
        if (!headers.containsKey("x-datadog-trace-id")) {
            String member = pairs(headers.getOrDefault("tracestate", ""), ",", "=").get("dd");
            if (member == null) {
                return;
            }
            Map<String, String> fields = pairs(member, ";", ":");
            priority = fields.get("s");
            origin = fields.get("o");
            fields.forEach((key, value) -> {
                if (key.startsWith("t.")) {
                    tags.put("_dd.p." + key.substring(2), value.replace('~', '='));
                }
            });
        }
        // The upper half of the trace id is no tag of its own.
        tags.remove("_dd.p.tid");
        answer.put("tags", tags);
        if (priority != null) {
            answer.put("priority", Integer.valueOf(priority));
        }
        if (origin != null) {
            answer.put("origin", origin);
        }
    }

    private static Map<String, String> pairs(String text, String separator, String sign) {
        Map<String, String> pairs = new LinkedHashMap<>();
        for (String pair : text.split(separator)) {
            int end = pair.indexOf(sign);
            if (end > 0) {
                pairs.put(pair.substring(0, end), pair.substring(end + 1));
            }
        }
        return pairs;
    }

    private Context read(Map<String, String> headers) {
        return propagator.extract(Context.root(), headers, GETTER);
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> items) {
        BaggageBuilder baggage = Baggage.builder();
        items.forEach(baggage::put);
        return start(Context.root().with(baggage.build()), sampled);
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        Context context = read(headers);
        SpanContext span = Span.fromContext(context).getSpanContext();
        if (!span.isValid()) {
            return Map.of();
        }
        Map<String, Object> answer = Peer.read(span.getTraceId(), span.getSpanId(), span.isSampled());
        Map<String, String> baggage = new LinkedHashMap<>();
        Baggage.fromContext(context).forEach((key, entry) -> baggage.put(key, entry.getValue()));
        answer.put("baggage", baggage);
        // What the agent read and does not tell is in what it writes.
        Map<String, Object> child = start(context, true);
        for (String thing : new String[] {"priority", "origin", "tags"}) {
            if (child.containsKey(thing)) {
                answer.put(thing, child.get(thing));
            }
        }
        return answer;
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        Context parent = read(headers);
        Map<String, Object> answer = start(parent, true);
        answer.put("parent", Span.fromContext(parent).getSpanContext().getSpanId());
        return answer;
    }
}
