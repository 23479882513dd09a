import { getWebInstrumentations, initializeFaro } from "@grafana/faro-web-sdk";
import { TracingInstrumentation } from "@grafana/faro-web-tracing";
import { collector, run, settings } from "../page.js";

await run(
  () =>
    initializeFaro({
      url: `${collector}/faro`,
      app: { name: "page", version: "1" },
      batching: { sendTimeout: 100 },
      trackResources: true,
      instrumentations: [
        ...getWebInstrumentations({ captureConsole: false }),
        new TracingInstrumentation({ instrumentationOptions: { propagateTraceHeaderCorsUrls: [new RegExp(settings.api)] } }),
      ],
    }),
  () => new Promise((resolve) => setTimeout(resolve, 1500)),
);
