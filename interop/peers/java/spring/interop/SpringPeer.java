package interop;

import io.micrometer.tracing.BaggageInScope;
import io.micrometer.tracing.Span;
import io.micrometer.tracing.TraceContext;
import io.micrometer.tracing.Tracer;
import io.micrometer.tracing.propagation.Propagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ApplicationContext;

/** Spring Boot with a bridge of Micrometer: the beans that its clients and servers use. */
public final class SpringPeer implements Peer {
    @SpringBootConfiguration
    @EnableAutoConfiguration
    static class Application {}

    private final Map<Boolean, ApplicationContext> applications = new LinkedHashMap<>();
    private final String type;

    public static void main(String[] args) throws Exception {
        Peer.serve(args[0], args[1], SpringBootVersion.getVersion(), SpringPeer::new);
    }

    private SpringPeer(String config) {
        type = switch (config) {
            case "w3c" -> "w3c";
            case "b3" -> "b3";
            case "b3multi" -> "b3_multi";
            default -> throw new IllegalArgumentException(config);
        };
        application(true);
    }

    /** Starts an application, which samples all of its own traces or none. */
    private ApplicationContext application(boolean sampled) {
        return applications.computeIfAbsent(sampled, all -> new SpringApplicationBuilder(Application.class)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .properties(
                        "management.tracing.propagation.type=" + type,
                        "management.tracing.sampling.probability=" + (all ? "1.0" : "0.0"),
                        "management.tracing.baggage.remote-fields=tenant,user")
                .run());
    }

    private static Map<String, Object> write(ApplicationContext application, TraceContext span) {
        Map<String, String> headers = new LinkedHashMap<>();
        application.getBean(Propagator.class).inject(span, headers, Map::put);
        return Peer.written(headers, span.traceId(), span.spanId(), span.sampled());
    }

    private static Span read(ApplicationContext application, Map<String, String> headers) {
        return application.getBean(Propagator.class).extract(headers, Map::get).start();
    }

    /** Returns the caller's span. The bridge of OpenTelemetry tells it only for spans that it records. */
    private static String caller(ApplicationContext application, Map<String, String> headers, Span child) {
        boolean isOpenTelemetry = child.getClass().getSimpleName().startsWith("Otel");
        return isOpenTelemetry ? OpenTelemetry.caller(application, headers) : child.context().parentId();
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> baggage) {
        ApplicationContext application = application(sampled);
        Tracer tracer = application.getBean(Tracer.class);
        try (Tracer.SpanInScope scope = tracer.withSpan(tracer.nextSpan().start())) {
            return write(application, baggage, tracer);
        }
    }

    private static Map<String, Object> write(ApplicationContext application, Map<String, String> baggage, Tracer tracer) {
        if (baggage.isEmpty()) {
            return write(application, tracer.currentTraceContext().context());
        }
        String key = baggage.keySet().iterator().next();
        Map<String, String> rest = new LinkedHashMap<>(baggage);
        try (BaggageInScope scope = tracer.createBaggageInScope(key, rest.remove(key))) {
            return write(application, rest, tracer);
        }
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        ApplicationContext application = application(true);
        Tracer tracer = application.getBean(Tracer.class);
        Span child = read(application, headers);
        String caller = caller(application, headers, child);
        if (caller == null) {
            return Map.of();
        }
        Map<String, Object> answer = Peer.read(child.context().traceId(), caller, child.context().sampled());
        try (Tracer.SpanInScope scope = tracer.withSpan(child)) {
            Map<String, String> baggage = new LinkedHashMap<>(tracer.getAllBaggage());
            baggage.values().removeIf(value -> value == null);
            answer.put("baggage", baggage);
        }
        child.end();
        return answer;
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        ApplicationContext application = application(true);
        Tracer tracer = application.getBean(Tracer.class);
        Span child = read(application, headers);
        try (Tracer.SpanInScope scope = tracer.withSpan(child)) {
            Map<String, Object> answer = write(application, tracer.currentTraceContext().context());
            answer.put("parent", caller(application, headers, child));
            return answer;
        }
    }

    /** Loaded only where OpenTelemetry is there. */
    private static final class OpenTelemetry {
        static String caller(ApplicationContext application, Map<String, String> headers) {
            ContextPropagators propagators = application.getBean(ContextPropagators.class);
            Context context = propagators.getTextMapPropagator().extract(Context.root(), headers, new TextMapGetter<>() {
                @Override
                public Iterable<String> keys(Map<String, String> map) {
                    return map.keySet();
                }

                @Override
                public String get(Map<String, String> map, String name) {
                    return map.get(name);
                }
            });
            var span = io.opentelemetry.api.trace.Span.fromContext(context).getSpanContext();
            return span.isValid() ? span.getSpanId() : null;
        }
    }
}
