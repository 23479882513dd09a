package interop;

import brave.Span;
import brave.Tracing;
import brave.propagation.B3Propagation;
import brave.propagation.B3Propagation.Format;
import brave.propagation.Propagation;
import brave.propagation.TraceContext;
import brave.propagation.TraceContextOrSamplingFlags;
import brave.propagation.aws.AWSPropagation;
import brave.propagation.tracecontext.TraceContextPropagation;
import brave.sampler.Sampler;
import java.util.LinkedHashMap;
import java.util.Map;

/** Zipkin's Java tracer. */
final class BravePeer implements Peer {
    private final Propagation.Factory propagation;

    BravePeer(String config) {
        propagation = switch (config) {
            case "b3" -> b3(Format.SINGLE_NO_PARENT);
            case "b3-with-parent" -> b3(Format.SINGLE);
            case "b3multi" -> b3(Format.MULTI);
            case "w3c" -> TraceContextPropagation.FACTORY;
            case "xray" -> AWSPropagation.FACTORY;
            default -> throw new IllegalArgumentException(config);
        };
    }

    private static Propagation.Factory b3(Format format) {
        return B3Propagation.newFactoryBuilder()
                .injectFormat(format)
                .injectFormat(Span.Kind.CLIENT, format)
                .injectFormat(Span.Kind.SERVER, format)
                .build();
    }

    private Tracing tracing(boolean sampled) {
        return Tracing.newBuilder()
                .propagationFactory(propagation)
                .sampler(sampled ? Sampler.ALWAYS_SAMPLE : Sampler.NEVER_SAMPLE)
                .traceId128Bit(true)
                .supportsJoin(false)
                .build();
    }

    private static Map<String, Object> write(Tracing tracing, TraceContext span) {
        Map<String, String> headers = new LinkedHashMap<>();
        tracing.propagation().injector((Map<String, String> map, String name, String value) -> map.put(name, value)).inject(span, headers);
        Map<String, Object> answer = Peer.written(headers, span.traceIdString(), span.spanIdString(), span.sampled());
        answer.put("debug", span.debug());
        return answer;
    }

    private static TraceContextOrSamplingFlags read(Tracing tracing, Map<String, String> headers) {
        return tracing.propagation().extractor((Map<String, String> map, String name) -> map.get(name)).extract(headers);
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> baggage) {
        try (Tracing tracing = tracing(sampled)) {
            return write(tracing, tracing.tracer().newTrace().context());
        }
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        try (Tracing tracing = tracing(true)) {
            TraceContext span = read(tracing, headers).context();
            if (span == null) {
                return Map.of();
            }
            Map<String, Object> answer = Peer.read(span.traceIdString(), span.spanIdString(), span.sampled());
            answer.put("debug", span.debug());
            return answer;
        }
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        try (Tracing tracing = tracing(true)) {
            TraceContext span = tracing.tracer().nextSpan(read(tracing, headers)).context();
            Map<String, Object> answer = write(tracing, span);
            answer.put("parent", span.parentIdString());
            return answer;
        }
    }
}
