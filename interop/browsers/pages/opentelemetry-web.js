import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { DocumentLoadInstrumentation } from "@opentelemetry/instrumentation-document-load";
import { FetchInstrumentation } from "@opentelemetry/instrumentation-fetch";
import { XMLHttpRequestInstrumentation } from "@opentelemetry/instrumentation-xml-http-request";
import { B3InjectEncoding, B3Propagator } from "@opentelemetry/propagator-b3";
import { JaegerPropagator } from "@opentelemetry/propagator-jaeger";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { WebTracerProvider } from "@opentelemetry/sdk-trace-web";
import { run, settings } from "../page.js";

const propagator = {
  w3c: () =>
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  b3: () => new B3Propagator(),
  b3multi: () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
  jaeger: () => new JaegerPropagator(),
}[settings.config]();
const exporter = new InMemorySpanExporter();

await run(
  () => {
    const provider = new WebTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register({ propagator });
    const propagateTraceHeaderCorsUrls = [new RegExp(settings.api)];
    registerInstrumentations({
      tracerProvider: provider,
      instrumentations: [
        new FetchInstrumentation({ propagateTraceHeaderCorsUrls }),
        new XMLHttpRequestInstrumentation({ propagateTraceHeaderCorsUrls }),
        new DocumentLoadInstrumentation(),
      ],
    });
  },
  async () => {
    // The spans of calls wait for their entries of resource timing.
    await new Promise((resolve) => setTimeout(resolve, 700));
    const spans = exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      trace_id: span.spanContext().traceId,
      span_id: span.spanContext().spanId,
      parent: (span.parentSpanContext ?? {}).spanId,
    }));
    return JSON.stringify(spans);
  },
);
