import { ApplicationInsights, DistributedTracingModes } from "@microsoft/applicationinsights-web";
import { collector, run, settings } from "../page.js";

const mode = {
  w3c: DistributedTracingModes.W3C,
  both: DistributedTracingModes.AI_AND_W3C,
}[settings.config];
let agent;

await run(
  () => {
    agent = new ApplicationInsights({
      config: {
        instrumentationKey: "00000000-0000-0000-0000-000000000000",
        endpointUrl: `${collector}/insights`,
        disableFetchTracking: false,
        enableCorsCorrelation: true,
        distributedTracingMode: mode,
        maxBatchInterval: 100,
        disableStatsBeat: true,
        featureOptIn: { iKeyUsage: { mode: 1 }, CdnUsage: { mode: 1 } },
      },
    });
    agent.loadAppInsights();
    agent.trackPageView();
  },
  async () => {
    agent.flush(true, () => {});
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
);
