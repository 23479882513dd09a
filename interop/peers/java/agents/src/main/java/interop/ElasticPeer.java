package interop;

import co.elastic.apm.api.ElasticApm;
import co.elastic.apm.api.Transaction;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Elastic's agent. It writes its old header next to that of W3C, and reads it where the other is absent. */
final class ElasticPeer implements Peer {
    private final String config;

    ElasticPeer(String config) {
        this.config = config;
    }

    private Map<String, Object> write(Transaction transaction) {
        Map<String, String> headers = new LinkedHashMap<>();
        transaction.injectTraceHeaders(headers::put);
        if (config.equals("elastic")) {
            headers.keySet().retainAll(List.of("elastic-apm-traceparent"));
        }
        Map<String, Object> answer = Peer.written(headers, transaction.getTraceId(), transaction.getId(), transaction.isSampled());
        transaction.end();
        return answer;
    }

    private static Transaction start(Map<String, String> headers) {
        return ElasticApm.startTransactionWithRemoteParent(headers::get, name -> {
            String value = headers.get(name);
            return value == null ? List.of() : List.of(value);
        });
    }

    @Override
    public Map<String, Object> inject(boolean sampled, Map<String, String> baggage) {
        return write(ElasticApm.startTransaction());
    }

    @Override
    public Map<String, Object> extract(Map<String, String> headers) {
        Transaction transaction = start(headers);
        String parent = transaction.ensureParentId();
        Map<String, Object> answer = Peer.read(transaction.getTraceId(), parent, transaction.isSampled());
        transaction.end();
        return answer;
    }

    @Override
    public Map<String, Object> through(Map<String, String> headers) {
        Transaction transaction = start(headers);
        String parent = transaction.ensureParentId();
        Map<String, Object> answer = write(transaction);
        answer.put("parent", parent);
        return answer;
    }
}
