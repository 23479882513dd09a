package interop;

import io.jaegertracing.internal.JaegerSpan;
import io.jaegertracing.internal.JaegerSpanContext;
import io.jaegertracing.internal.JaegerTracer;
import io.jaegertracing.internal.propagation.B3TextMapCodec;
import io.jaegertracing.internal.reporters.NoopReporter;
import io.jaegertracing.internal.samplers.ConstSampler;
import io.opentracing.propagation.Format;
import io.opentracing.propagation.TextMapAdapter;
import java.util.LinkedHashMap;
import java.util.Map;

/** Jaeger's Java client, which OpenTelemetry replaced. */
final class JaegerPeer implements Peer {
    private final String config;

    JaegerPeer(String config) {
        this.config = config;
    }

    private JaegerTracer tracer(boolean sampled) {
        JaegerTracer.Builder builder = new JaegerTracer.Builder("interop")
                .withSampler(new ConstSampler(sampled))
                .withReporter(new NoopReporter())
                .withTraceId128Bit();
        if (config.equals("b3multi")) {
            B3TextMapCodec b3 = new B3TextMapCodec.Builder().build();
            builder.registerInjector(Format.Builtin.HTTP_HEADERS, b3).registerExtractor(Format.Builtin.HTTP_HEADERS, b3);
        }
        return builder.build();
    }

    private static Map<String, Object> write(JaegerTracer tracer, JaegerSpan span) {
        Map<String, String> headers = new LinkedHashMap<>();
        tracer.inject(span.context(), Format.Builtin.HTTP_HEADERS, new TextMapAdapter(headers));
        JaegerSpanContext context = span.context();
        return Peer.written(headers, context.getTraceId(), id(context.getSpanId()), context.isSampled());
    }

    private static JaegerSpanContext read(JaegerTracer tracer, Map<String, String> headers) {
        return tracer.extract(Format.Builtin.HTTP_HEADERS, new TextMapAdapter(headers));
    }

    private static String id(long id) {
        return String.format("%016x", id);
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> baggage) {
        JaegerTracer tracer = tracer(sampled);
        JaegerSpan span = tracer.buildSpan("root").start();
        baggage.forEach(span::setBaggageItem);
        return write(tracer, span);
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        JaegerSpanContext span = read(tracer(true), headers);
        if (span == null) {
            return Map.of();
        }
        Map<String, Object> answer = Peer.read(span.getTraceId(), id(span.getSpanId()), span.isSampled());
        answer.put("debug", span.isDebug());
        Map<String, String> baggage = new LinkedHashMap<>();
        span.baggageItems().forEach(item -> baggage.put(item.getKey(), item.getValue()));
        answer.put("baggage", baggage);
        return answer;
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        JaegerTracer tracer = tracer(true);
        JaegerSpan span = tracer.buildSpan("child").asChildOf(read(tracer, headers)).start();
        Map<String, Object> answer = write(tracer, span);
        answer.put("parent", id(span.context().getParentId()));
        return answer;
    }
}
