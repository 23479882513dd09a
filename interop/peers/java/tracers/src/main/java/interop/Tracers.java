package interop;

/** The tracers that are libraries: Tracers PEER CONFIGURATION. */
public final class Tracers {
    public static void main(String[] args) throws Exception {
        String peer = args[0];
        switch (peer) {
            case "opentelemetry-java" -> Peer.serve(peer, args[1], Peer.version("opentelemetry-sdk"), OpenTelemetryPeer::new);
            case "brave" -> Peer.serve(peer, args[1], Peer.version("brave"), BravePeer::new);
            case "jaeger-client-java" -> Peer.serve(peer, args[1], Peer.version("jaeger-core"), JaegerPeer::new);
            default -> throw new IllegalArgumentException(peer);
        }
    }
}
