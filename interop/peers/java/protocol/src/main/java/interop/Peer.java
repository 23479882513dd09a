package interop;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** A tracer that answers the driver. The protocol is one JSON object a line, see interop/README.md. */
public interface Peer {
    Map<String, Object> inject(boolean sampled, Map<String, String> baggage) throws Exception;

    Map<String, Object> extract(Map<String, String> headers) throws Exception;

    Map<String, Object> through(Map<String, String> headers) throws Exception;

    /** Creates a peer for a configuration. */
    interface Factory {
        Peer create(String config) throws Exception;
    }

    /** Answers requests until the input ends. */
    static void serve(String name, String config, String version, Factory factory) throws Exception {
        Gson gson = new GsonBuilder().serializeNulls().create();
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Packages may print.
        System.setOut(System.err);
        Peer peer = factory.create(config);
        answers.println(gson.toJson(Map.of("peer", name, "version", version, "language", "java", "config", config)));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> answer;
            try {
                answer = answer(peer, gson.fromJson(line, JsonObject.class));
            } catch (Throwable error) {
                error.printStackTrace();
                answer = Map.of("error", error.toString());
            }
            answers.println(gson.toJson(answer));
        }
        // Agents have threads that would keep the process alive.
        Runtime.getRuntime().halt(0);
    }

    private static Map<String, Object> answer(Peer peer, JsonObject request) throws Exception {
        return switch (request.get("do").getAsString()) {
            case "inject" -> peer.inject(request.get("sampled").getAsBoolean(), baggage(request));
            case "extract" -> peer.extract(headers(request));
            case "through" -> peer.through(headers(request));
            default -> throw new IllegalArgumentException("unknown request");
        };
    }

    private static Map<String, String> baggage(JsonObject request) {
        Map<String, String> baggage = new LinkedHashMap<>();
        if (request.has("baggage")) {
            request.getAsJsonObject("baggage").entrySet().forEach(each -> baggage.put(each.getKey(), each.getValue().getAsString()));
        }
        return baggage;
    }

    /** Headers as a server hands them to a tracer: names without case, values joined. */
    private static Map<String, String> headers(JsonObject request) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (JsonElement each : request.getAsJsonArray("headers")) {
            JsonArray header = each.getAsJsonArray();
            headers.merge(header.get(0).getAsString(), header.get(1).getAsString(), (one, other) -> one + "," + other);
        }
        return headers;
    }

    /** An answer with the headers that were written. */
    static Map<String, Object> written(Map<String, String> headers, String traceId, String spanId, Boolean sampled) {
        Map<String, Object> answer = read(traceId, spanId, sampled);
        answer.put("headers", headers.entrySet().stream().map(each -> new String[] {each.getKey(), each.getValue()}).toList());
        return answer;
    }

    /** An answer with ids and the decision, which is null where it is open. */
    static Map<String, Object> read(String traceId, String spanId, Boolean sampled) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("trace_id", wide(traceId));
        answer.put("span_id", spanId);
        answer.put("sampled", sampled);
        return answer;
    }

    /** Pads a trace id to 32 digits. */
    private static String wide(String id) {
        return "0".repeat(Math.max(0, 32 - id.length())) + id;
    }

    /** Returns the version of a package in a list of paths, by the name of its file. */
    static String version(String artifact, String paths) {
        for (String path : paths.split("[:,]")) {
            String file = path.substring(path.lastIndexOf('/') + 1);
            if (file.startsWith(artifact + "-") && Character.isDigit(file.charAt(artifact.length() + 1))) {
                return file.substring(artifact.length() + 1, file.length() - ".jar".length());
            }
        }
        throw new IllegalStateException("no " + artifact + " in " + paths);
    }

    /** Returns the version of a package on the class path. */
    static String version(String artifact) {
        return version(artifact, System.getProperty("java.class.path"));
    }
}
