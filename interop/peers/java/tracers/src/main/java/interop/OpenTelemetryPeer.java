package interop;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.BaggageBuilder;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.extension.trace.propagation.B3Propagator;
import io.opentelemetry.extension.trace.propagation.JaegerPropagator;
import io.opentelemetry.extension.trace.propagation.OtTracePropagator;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.LinkedHashMap;
import java.util.Map;

/** OpenTelemetry's SDK with its propagators. */
final class OpenTelemetryPeer implements Peer {
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

    private final TextMapPropagator propagator;

    OpenTelemetryPeer(String config) {
        propagator = switch (config) {
            case "w3c" -> TextMapPropagator.composite(W3CTraceContextPropagator.getInstance(), W3CBaggagePropagator.getInstance());
            case "b3" -> B3Propagator.injectingSingleHeader();
            case "b3multi" -> B3Propagator.injectingMultiHeaders();
            case "jaeger" -> JaegerPropagator.getInstance();
            case "ottrace" -> OtTracePropagator.getInstance();
            default -> throw new IllegalArgumentException(config);
        };
    }

    private Map<String, Object> start(Context parent, boolean sampled) {
        Sampler sampler = Sampler.parentBased(sampled ? Sampler.alwaysOn() : Sampler.alwaysOff());
        // Without a processor there are no spans.
        SpanProcessor silence = SimpleSpanProcessor.create(SpanExporter.composite());
        SdkTracerProvider provider = SdkTracerProvider.builder().setSampler(sampler).addSpanProcessor(silence).build();
        Span span = provider.get("interop").spanBuilder("span").setParent(parent).startSpan();
        Map<String, String> headers = new LinkedHashMap<>();
        propagator.inject(parent.with(span), headers, Map::put);
        SpanContext context = span.getSpanContext();
        return Peer.written(headers, context.getTraceId(), context.getSpanId(), context.isSampled());
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
