import { init } from "@elastic/apm-rum";
import { collector, run, settings } from "../page.js";

const meta = (name) => document.querySelector(`meta[name=${name}]`)?.content ?? "";

await run(
  () => {
    const [, trace, span] = meta("traceparent").split("-");
    init({
      serviceName: "page",
      serverUrl: collector,
      distributedTracingOrigins: [settings.api],
      propagateTracestate: settings.config === "tracestate",
      transactionSampleRate: 1,
      flushInterval: 100,
      apiVersion: 2,
      pageLoadTraceId: trace,
      pageLoadSpanId: span,
      pageLoadSampled: true,
    });
  },
  () => new Promise((resolve) => setTimeout(resolve, 2500)),
);
