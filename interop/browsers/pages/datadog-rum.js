import { datadogRum } from "@datadog/browser-rum";
import { collector, run, settings } from "../page.js";

const propagators = {
  default: ["tracecontext", "datadog"],
  b3: ["b3", "b3multi"],
}[settings.config];
const events = [];

await run(
  () =>
    datadogRum.init({
      applicationId: "00000000-0000-0000-0000-000000000001",
      clientToken: "none",
      service: "page",
      proxy: collector,
      sessionSampleRate: 100,
      traceSampleRate: 100,
      allowedTracingUrls: [{ match: settings.api, propagatorTypes: propagators }],
      beforeSend: (event) => {
        events.push(structuredClone(event));
        return true;
      },
    }),
  async () => {
    // The events of calls wait for their entries of resource timing.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    datadogRum.stopSession();
    return JSON.stringify(events);
  },
);
