import { SplunkRum } from "@splunk/otel-web";
import { collector, run, settings } from "../page.js";

await run(
  () =>
    SplunkRum.init({
      beaconEndpoint: `${collector}/rum`,
      rumAccessToken: "none",
      applicationName: "page",
      deploymentEnvironment: "test",
      allowInsecureBeacon: true,
      bufferTimeout: 100,
      instrumentations: {
        fetch: { propagateTraceHeaderCorsUrls: [new RegExp(settings.api)] },
        xhr: { propagateTraceHeaderCorsUrls: [new RegExp(settings.api)] },
      },
    }),
  () => new Promise((resolve) => setTimeout(resolve, 1500)),
);
