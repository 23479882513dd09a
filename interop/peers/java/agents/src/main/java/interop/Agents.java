package interop;

import java.lang.management.ManagementFactory;

/** The agents, asked by the interfaces that they offer to programs: Agents PEER CONFIGURATION. */
public final class Agents {
    public static void main(String[] args) throws Exception {
        String peer = args[0];
        switch (peer) {
            case "opentelemetry-javaagent" -> Peer.serve(peer, args[1], version("opentelemetry-javaagent"), config -> new OpenTelemetryAgentPeer());
            case "dd-trace-java" -> Peer.serve(peer, args[1], version("dd-java-agent"), config -> new OpenTelemetryAgentPeer());
            case "elastic-apm-java" -> Peer.serve(peer, args[1], version("elastic-apm-agent"), ElasticPeer::new);
            default -> throw new IllegalArgumentException(peer);
        }
    }

    private static String version(String agent) {
        return Peer.version(agent, String.join(",", ManagementFactory.getRuntimeMXBean().getInputArguments()));
    }
}
