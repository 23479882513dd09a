import { AwsRum } from "aws-rum-web";
import { collector, run, settings } from "../page.js";

let agent;

await run(
  () => {
    agent = new AwsRum("00000000-0000-0000-0000-000000000001", "1", "eu-west-1", {
      endpoint: `${collector}/aws`,
      signing: false,
      enableXRay: true,
      enableW3CTraceId: settings.config === "w3c",
      sessionSampleRate: 1,
      dispatchInterval: 500,
      telemetries: [["http", { addXRayTraceIdHeader: [new RegExp(settings.api)], recordAllRequests: true }]],
    });
  },
  async () => {
    await new Promise((resolve) => setTimeout(resolve, 800));
    agent.dispatch();
    await new Promise((resolve) => setTimeout(resolve, 500));
  },
);
