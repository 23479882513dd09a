package interop;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.skywalking.apm.agent.core.boot.ServiceManager;
import org.apache.skywalking.apm.agent.core.conf.Config;
import org.apache.skywalking.apm.agent.core.context.CarrierItem;
import org.apache.skywalking.apm.agent.core.context.ContextCarrier;
import org.apache.skywalking.apm.agent.core.context.ContextManager;

/** SkyWalking's agent without its plugins: they call the same methods. */
public final class SkyWalkingPeer implements Peer {
    /** The keys that the driver sends. The agent does not list the keys of a context. */
    private static final String[] KEYS = {"tenant", "user"};

    public static void main(String[] args) throws Exception {
        Peer.serve(args[0], args[1], Peer.version("apm-agent-core"), config -> new SkyWalkingPeer());
    }

    private SkyWalkingPeer() {
        Config.Agent.SERVICE_NAME = "interop";
        Config.Agent.INSTANCE_NAME = "interop-1";
        Config.Agent.KEEP_TRACING = true;
        // A closed port. Segments are dropped.
        Config.Collector.BACKEND_SERVICE = "127.0.0.1:9";
        ServiceManager.INSTANCE.boot();
    }

    private static ContextCarrier carrier(Map<String, String> headers) {
        ContextCarrier carrier = new ContextCarrier();
        for (CarrierItem item = carrier.items(); item.hasNext(); ) {
            item = item.next();
            String value = headers.get(item.getHeadKey());
            if (value != null) {
                item.setHeadValue(value);
            }
        }
        return carrier;
    }

    private static Map<String, Object> ids(ContextCarrier carrier) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("trace_text", carrier.getTraceId());
        answer.put("segment_id", carrier.getTraceSegmentId());
        answer.put("span_number", carrier.getSpanId());
        return answer;
    }

    private static Map<String, Object> write() {
        ContextCarrier carrier = new ContextCarrier();
        ContextManager.createExitSpan("/interop", carrier, "peer.test:80");
        Map<String, String> headers = new LinkedHashMap<>();
        for (CarrierItem item = carrier.items(); item.hasNext(); ) {
            item = item.next();
            headers.put(item.getHeadKey(), item.getHeadValue());
        }
        ContextManager.stopSpan();
        Map<String, Object> answer = ids(carrier);
        answer.put("headers", headers.entrySet().stream().map(each -> new String[] {each.getKey(), each.getValue()}).toList());
        return answer;
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> baggage) {
        ContextManager.createEntrySpan("/root", new ContextCarrier());
        baggage.forEach(ContextManager.getCorrelationContext()::put);
        Map<String, Object> answer = write();
        ContextManager.stopSpan();
        return answer;
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        ContextCarrier carrier = carrier(headers);
        if (!carrier.isValid()) {
            return Map.of();
        }
        Map<String, Object> answer = ids(carrier);
        ContextManager.createEntrySpan("/entry", carrier);
        Map<String, String> baggage = new LinkedHashMap<>();
        for (String key : KEYS) {
            ContextManager.getCorrelationContext().get(key).ifPresent(value -> baggage.put(key, value));
        }
        ContextManager.stopSpan();
        answer.put("baggage", baggage);
        return answer;
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        ContextManager.createEntrySpan("/entry", carrier(headers));
        Map<String, Object> answer = write();
        ContextManager.stopSpan();
        return answer;
    }
}
